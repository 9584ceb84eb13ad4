"""From the options of the command to the order in which images come."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from captcha_ssl.cli.main import run
from captcha_ssl.data.charset import Charset
from captcha_ssl.data.convert import convert
from captcha_ssl.data.geometry import Geometry
from captcha_ssl.data.sources import open_source
from captcha_ssl.errors import UserError
from captcha_ssl.labeling.guesses import Guesses
from captcha_ssl.labeling.pile import Pile
from captcha_ssl.labeling.prepare import Wishes, prepare
from captcha_ssl.labeling.session import Session
from captcha_ssl.models.model_card import Calibration
from captcha_ssl.recognition.export.export import export
from captcha_ssl.recognition.reading.onnx_reader import ONNX_FILE_NAME
from captcha_ssl.recognition.reading.recognizer import Recognizer
from captcha_ssl.training.checkpoint import read_origin

from .conftest import TEXTS


def indices(session: Session) -> list[int]:
    """The images in the order in which they come up."""
    found: list[int] = []
    view = session.view()
    while view["item"] is not None:
        found.append(view["item"]["index"])
        view = session.set_aside(found[-1])
    return found


def test_the_order_is_random_by_seed_and_unsure_first_with_a_model(
    pile: Path, reader_file: Path
) -> None:
    orders: list[list[int]] = []
    for number, seed in enumerate((0, 0, 1)):
        table = pile / f"{number}.csv"
        with prepare(pile / "images", Wishes(table, model=Path("none"), seed=seed)) as session:
            orders.append(indices(session))
    assert orders[0] == orders[1] != orders[2]
    assert sorted(orders[0]) == list(range(len(TEXTS)))
    with prepare(pile / "images", Wishes(pile / "labels.csv", model=reader_file)) as session:
        sure = [session.guesses.readings[index].confidence for index in indices(session)]
    assert len(sure) == len(TEXTS) and sure == sorted(sure)


def test_what_suggest_names_comes_first_and_copies_of_it_do_not(
    pile: Path, reader_file: Path
) -> None:
    # Copies of two images: whatever is drawn, no copy of it is unlike it.
    for number in range(20, 30):
        (pile / "images" / f"{number}.png").write_bytes((pile / "images" / "00.png").read_bytes())
    wishes = Wishes(
        pile / "labels.csv", model=Path("none"), init_from=reader_file, order="suggest", count=6
    )
    with prepare(pile / "images", wishes) as session:
        first = indices(session)[:6]
        copies = {0, *(session.pile.find(f"images/{n}.png") for n in range(20, 30))}
        assert len(copies & set(first)) <= 1


def test_review_puts_doubtful_labels_first(
    pile: Path, reader_file: Path, reader: Recognizer, session: Callable[..., Session]
) -> None:
    for index, text in enumerate(TEXTS):
        session().answer(index, "XX" if index in (3, 8) else text)
    wishes = Wishes(pile / "labels.csv", model=reader_file, review=True)
    with prepare(pile / "images", wishes) as sitting:
        assert sitting.view()["progress"]["target"] == len(TEXTS)
        seen = [sitting.view()["item"]["index"]]
        seen.append(sitting.answer(seen[0], TEXTS[seen[0]])["item"]["index"])
        assert set(seen) == {3, 8}


def test_a_label_that_the_model_nearly_reads_is_no_suspect(pile: Path) -> None:
    class Torn:
        """Reads A everywhere; in the first image B is nearly as likely."""

        charset, geometry, calibration = Charset("ABCD"), Geometry(1, 32, 64), Calibration()
        length = None

        def logits(self, images: np.ndarray) -> np.ndarray:
            found = np.zeros((len(images), 1, 5), np.float32)
            found[:, 0, 1] = 6
            found[0, 0, 1:3] = (6, 5.9)
            found[1, 0, 1:] = (6, 0, 5.3, 5.3)
            return found

    guesses = Guesses(Pile(pile / "images", pile / "labels.csv"), Torn(), "torn")
    wrong = guesses.wrong_labels({0: "B", 1: "B", 2: "A"})
    # Both labels are read otherwise, the first one with more confidence.
    assert guesses.readings[0].confidence > guesses.readings[1].confidence
    assert wrong[2] == 0 and 2 * wrong[0] < wrong[1]


def test_the_shipped_model_is_adapted_to_the_pile_with_notes(tmp_path: Path) -> None:
    made = ["--count", "40", "--charset", "0189", "--format", "folder", "--seed", "4", "--quiet"]
    assert run(["generate", str(tmp_path / "pile"), *made]) == 0
    table = tmp_path / "pile" / "typed.csv"
    with prepare(tmp_path / "pile" / "images", Wishes(table)) as session:
        assert any("only characters of 0189" in note for note in session.guesses.notes)
        indices(session)
        texts = [reading.text for reading in session.guesses.readings.values()]
        assert set("".join(texts)) <= set("0189") and len("".join(texts)) > 100


def test_a_charset_also_restricts_the_model_of_a_round(
    pile: Path, reader: Recognizer, session: Callable[..., Session]
) -> None:
    """A round knows the characters that were typed before it, which may lack one of the charset."""
    session().answer(0, "AB")
    finished = pile / "labels-rounds" / "1"
    finished.mkdir(parents=True)
    export(reader, finished / ONNX_FILE_NAME, {})
    for charset, read in ((None, "ABCD"), ("ABZ", "AB"), ("YZ", "ABCD")):
        with prepare(pile / "images", Wishes(pile / "labels.csv", charset=charset)) as sitting:
            assert sitting.guesses.name == "after 1 labels"
            sitting.guesses.read(range(len(TEXTS)))
            texts = [reading.text for reading in sitting.guesses.readings.values()]
            assert set("".join(texts)) == set(read)


def test_a_folder_of_labels_has_one_writer(pile: Path) -> None:
    wishes = Wishes(pile / "labels.csv", model=Path("none"))
    with (
        prepare(pile / "images", wishes),
        pytest.raises(UserError, match="another process labels images in this folder"),
        prepare(pile / "images", wishes),
    ):
        pass
    with prepare(pile / "images", wishes):
        pass


@pytest.mark.parametrize("form", ["packed", "lmdb", "webdataset", "zip", "shards", "two"])
def test_the_table_of_any_pile_can_be_trained_on(tmp_path: Path, pile: Path, form: str) -> None:
    """Typed for a pile in an archive or a database, read again by `finetune` beside that pile."""
    sources = [tmp_path / "data" / "set"]
    if form == "zip":
        sources[0].mkdir(parents=True)
        shutil.make_archive(str(sources[0]), "zip", pile)
        sources = [sources[0].with_suffix(".zip")]
    elif form in ("shards", "two"):
        parts = [sources[0] / name for name in ("a", "b")]
        for part in parts:
            convert(pile / "images", part, "packed")
        sources = parts if form == "two" else sources
    else:
        convert(pile / "images", sources[0], form)
    table = tmp_path / "labels.csv"
    texts = TEXTS * (2 if form in ("shards", "two") else 1)
    with prepare(sources, Wishes(table, model=Path("none"))) as session:
        for index, text in enumerate(texts):
            session.answer(index, text)
        assert session.pile.png(0).startswith(b"\x89PNG")
    assert open_source(table, want_labels=True).labels == texts
    unlabeled = [word for source in sources for word in ("--unlabeled", str(source))]
    out = str(tmp_path / "run")
    done = run(
        [
            "finetune",
            str(table),
            *unlabeled,
            "--out",
            out,
            "--steps",
            "2",
            "--quiet",
            "--init-from",
            "none",
            "--device",
            "cpu",
            "--set",
            "encoder=tiny",
        ]
    )
    assert done == 0
    assert not (tmp_path / "run" / "rejected.csv").exists()
    saved = read_origin(tmp_path / "run" / "state" / "state.safetensors").data
    assert (saved["images"], saved["pile images"]) == (str(len(texts)), str(len(texts)))
    # A second session continues, and a table within the database would look like a part of it.
    with prepare(sources, Wishes(table, model=Path("none"))) as session:
        assert session.view()["progress"]["done"] == len(texts)
    if sources[0].is_dir():
        with (
            pytest.raises(UserError, match="put it into the folder of"),
            prepare(sources, Wishes(sources[0] / "mine.csv", model=Path("none"))),
        ):
            pass
