"""`finetune --validation` holds out what it was asked to, or says that it cannot."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from captcha_ssl.cli.finetune import _tell_held_out
from captcha_ssl.cli.main import run
from captcha_ssl.data.dataset import Dataset
from captcha_ssl.data.geometry import Geometry
from captcha_ssl.data.writers import open_writer
from captcha_ssl.errors import UserError
from captcha_ssl.recognition.evaluation.evaluate import Evaluation
from captcha_ssl.recognition.fine_tuning.labeled_data import split_validation
from captcha_ssl.recognition.fine_tuning.settings import FinetuneSettings
from captcha_ssl.recognition.reading.text_reader import Reading


@pytest.mark.parametrize(("share", "said"), [(0.01, "none would be held out"), (0.96, None)])
def test_a_share_that_rounds_to_nothing_is_refused(
    tmp_path: Path, capsys, share: float, said: str | None
):
    size = {"count": 10, "channels": 1, "height": 32, "width": 64}
    with open_writer(tmp_path / "set", "packed", **size, about={}) as writer:
        for index in range(10):
            writer.add(index, np.full((1, 32, 64), 20 * index, np.uint8), f"A{index}")
    out = tmp_path / "run"
    arguments = ["finetune", str(tmp_path / "set"), "--out", str(out), "--steps", "1", "--quiet"]
    arguments += ["--init-from", "none"]
    assert run([*arguments, "--batch-size", "2", "--validation", str(share)]) == 2
    heard = capsys.readouterr().err
    assert heard.count("\n") == 1 and (said is None or said in heard)
    assert not out.exists()
    if said:
        assert "give a share from 0.1 to 0.9" in heard


def test_copies_of_images_to_learn_from_are_not_held_out():
    pixels = np.arange(40, dtype=np.uint8).repeat(2).reshape(80, 1, 1, 1).repeat(32 * 64, 3)
    images = pixels.reshape(80, 1, 32, 64)
    names = [f"{index}.png" for index in range(80)]
    data = Dataset(images, ["A"] * 80, names, Geometry(1, 32, 64), [])
    settings = FinetuneSettings(validation=0.5)
    train, held_out, copies = split_validation(data, settings, 0)
    assert held_out is not None and len(train) == 40 and len(held_out) + copies == 40
    learned = {image.tobytes() for image in train.images}
    assert copies > 0 and not learned & {image.tobytes() for image in held_out.images}
    fewer, same, _ = split_validation(data, settings.replace(labels=5), 0)
    assert len(fewer) == 5 and same is not None and same.names == held_out.names
    alike = Dataset(np.zeros_like(images), ["A"] * 80, names, Geometry(1, 32, 64), [])
    with pytest.raises(UserError, match="each of the 40 images to hold out has a copy among"):
        split_validation(alike, settings, 0)


def test_a_label_held_out_that_is_probably_wrong_is_named_with_a_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    images = np.zeros((3, 1, 32, 64), np.uint8)
    names = ["a.png", "b.png", "c.png"]
    held_out = Dataset(images, ["12", "34", "56"], names, Geometry(1, 32, 64), [])
    sure = [Reading(text, 0.999, (0.999, 0.999)) for text in ("12", "35", "56")]
    read = Evaluation(held_out.labels or [], sure, wrong_labels=np.array([0, 0.9, 0]))
    place = "captcha_ssl.recognition.evaluation.evaluate.evaluate"
    monkeypatch.setattr(place, lambda recognizer, images: read)
    _tell_held_out(None, held_out, tmp_path, checked=False)  # type: ignore[arg-type]
    told = capsys.readouterr().err
    assert "exact match on 3 held out: 66.7%" in told
    assert (
        "1 of 3 labels that were held out are probably wrong, such as that of b.png: labeled 34, "
        "reads 35; see suspicious.csv" in told
    )
    assert "b.png,34,35" in (tmp_path / "suspicious.csv").read_text(encoding="utf-8-sig")
    assert (tmp_path / "suspicious.png").stat().st_size > 0
