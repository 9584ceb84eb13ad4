"""From the options of the command to the order in which images come."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from captcha_ssl.errors import UserError
from captcha_ssl.labeling.prepare import Wishes, prepare
from captcha_ssl.labeling.session import Session
from captcha_ssl.recognition.reading.recognizer import Recognizer

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


def test_review_brings_what_a_model_doubts_to_the_front(
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


def test_what_is_no_folder_of_files_is_to_be_converted_first(tmp_path: Path) -> None:
    from captcha_ssl.cli.main import run

    out = tmp_path / "packed"
    assert run(["generate", str(out), "--count", "3", "--style", "fast", "--quiet"]) == 0
    with (
        pytest.raises(UserError, match="not a folder of image files"),
        prepare(out, Wishes(out / "mine.csv", model=Path("none"))),
    ):
        pass
