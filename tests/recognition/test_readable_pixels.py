"""Where the usual pixels fail, labels tell in which others the shipped model reads."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from captcha_ssl.config import Given
from captcha_ssl.data.dataset import Dataset
from captcha_ssl.models.shipped import AUTO
from captcha_ssl.recognition.fine_tuning.config import FinetuneConfig
from captcha_ssl.recognition.fine_tuning.labeled_data import FinetuneData
from captcha_ssl.recognition.fine_tuning.readable_pixels import readable_pixels
from captcha_ssl.recognition.fine_tuning.start import choose_start
from captcha_ssl.synthesis.render import render
from captcha_ssl.synthesis.settings import PictureSettings
from captcha_ssl.training.settings import ModelSettings

pytestmark = pytest.mark.slow

TEXT = PictureSettings(style="plain", charset="23456789", length="5", width=96, height=32, seed=5)


def _labeled(folder: Path, count: int, *, photo: bool) -> Path:
    """Texts, alone or in a line at the bottom of a photograph ten times as large."""
    folder.mkdir()
    for index in range(count):
        picture, text = render(TEXT, index)
        pixels = np.ascontiguousarray(picture.transpose(1, 2, 0))
        if photo:
            rng = np.random.default_rng(index)
            clouds = cv2.GaussianBlur(rng.normal(0, 900, (160, 240, 3)), (0, 0), 9)
            small = cv2.resize(pixels, (66, 22), interpolation=cv2.INTER_AREA)
            left = int(rng.integers(4, 170))
            image = np.clip(128 + clouds, 0, 255).astype(np.uint8)
            image[136:158, left : left + 66] = small if small.ndim == 3 else small[..., None]
            pixels = image
        cv2.imwrite(str(folder / f"{index}_{text}.png"), pixels)
    return folder


@pytest.fixture(scope="module")
def photographed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _labeled(tmp_path_factory.mktemp("photos") / "labeled", 20, photo=True)


def test_small_text_in_a_photograph_is_found_in_a_band_and_trained_in_it(
    photographed: Path,
) -> None:
    config, said = FinetuneConfig.read(Given(flags={})), list[str]()
    assert config.finetune.init_from == AUTO
    start = choose_start(config, [photographed], say=said.append)
    assert start.geometry is not None and start.geometry.preparation is not None
    assert start.geometry.preparation.trim == "box" and start.geometry.preparation.box[1] > 0.6
    assert said[0].endswith("of the characters of 20 labels: trying other pixels")
    assert said[1].startswith("reads images at ")
    assert "of the characters of 20 labels, and" in said[1]
    data = FinetuneData.load(start.config, [photographed], geometry=start.geometry)
    assert isinstance(data.train, Dataset) and data.train.geometry == start.geometry


def test_a_choice_of_the_user_few_labels_and_images_that_are_read_keep_the_usual_pixels(
    photographed: Path, tmp_path: Path
) -> None:
    for chosen in ({"height": 64}, {"trim": "none"}, {"prepare": "none"}, {"channels": 3}):
        assert readable_pixels([photographed], ModelSettings(**chosen)) is None
    assert readable_pixels([_labeled(tmp_path / "few", 8, photo=True)], ModelSettings()) is None
    assert readable_pixels([photographed], ModelSettings(), labels=8) is None
    assert readable_pixels([_labeled(tmp_path / "plain", 20, photo=False)], ModelSettings()) is None


def test_texts_that_are_not_in_the_images_choose_no_pixels(tmp_path: Path) -> None:
    """With other pixels fewer of them are wrong, because less is read there."""
    folder = _labeled(tmp_path / "wrong", 20, photo=True)
    for index, file in enumerate(sorted(folder.iterdir())):
        file.rename(folder / f"{'IMG' if index % 2 else 'DSC'}{index:05}.png")
    rows = [f"{file.name},{'IMG' if n % 2 else 'DSC'}" for n, file in enumerate(folder.iterdir())]
    (folder / "labels.csv").write_text("\n".join(["filename,label", *rows]), encoding="utf-8")
    assert readable_pixels([folder], ModelSettings()) is None


def test_with_an_alphabet_that_the_model_does_not_know_no_other_pixels_are_tried(
    photographed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = photographed.parent / "labels.csv"
    rows = [f"labeled/{file.name},жщ{file.stem[-1]}" for file in sorted(photographed.iterdir())]
    table.write_text("\n".join(["filename,label", *rows]), encoding="utf-8")
    where = "captcha_ssl.recognition.fine_tuning.readable_pixels.candidates"
    monkeypatch.setattr(where, lambda images: pytest.fail("it tries others"))
    assert readable_pixels([table], ModelSettings()) is None
