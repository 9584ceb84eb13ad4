"""A reader takes up what many images show: how to prepare them, and which characters there are."""

from __future__ import annotations

import string
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from captcha_ssl.data.charset import Charset
from captcha_ssl.data.geometry import Geometry
from captcha_ssl.data.preparation import Preparation
from captcha_ssl.models.model_card import Calibration
from captcha_ssl.recognition.reading.adapting import FEWEST, SAMPLE, adapt_reader, sample_indices
from captcha_ssl.recognition.reading.clearest import Prepared, clearest, confidence
from captcha_ssl.recognition.reading.inputs import STDIN, Input
from captcha_ssl.recognition.reading.settling import Settled


class SureOfMuchInk:
    """Reads "7" in everything, the more surely the more of the image is dark."""

    charset, geometry = Charset(string.digits + string.ascii_uppercase), Geometry(1, 32, 64)
    calibration = Calibration()
    length = None

    def logits(self, images: np.ndarray) -> np.ndarray:
        logits = np.zeros((len(images), 1, 37), np.float32)
        logits[:, 0, 8] = 30 * (images < 128).mean((1, 2, 3))
        return logits


class Blind(SureOfMuchInk):
    """Sure that there is nothing wherever anything was cut off, and unsure elsewhere."""

    def logits(self, images: np.ndarray) -> np.ndarray:
        logits = np.zeros((len(images), 1, 37), np.float32)
        logits[:, 0, 0] = 30 * (images < 128).mean((1, 2, 3))
        return logits


def picture(share: float, *, color: tuple[int, int, int] = (0, 0, 0)) -> np.ndarray:
    """A bar of a color in the middle of white, RGB uint8 [60, 120, 3]."""
    image = np.full((60, 120, 3), 255, np.uint8)
    down, along = round(30 * share), round(60 * share)
    image[30 - down : 30 + down, 60 - along : 60 + along] = color
    return image


@pytest.fixture
def files(tmp_path: Path) -> list[Input]:
    """As many files as it takes, with little ink each."""
    found = []
    for index in range(FEWEST):
        path = tmp_path / f"{index:02}.png"
        Image.fromarray(picture(0.25)).save(path)
        found.append(Input(str(path)))
    return found


def test_small_ink_is_cut_out_when_it_is_read_more_surely_so() -> None:
    images = [picture(0.25)] * 3
    found = clearest(SureOfMuchInk(), images)
    assert found is not None and found.trim != "none"
    prepared = Prepared(SureOfMuchInk(), found)
    assert confidence(prepared, images) > confidence(SureOfMuchInk(), images) + 0.2


def test_ink_that_gray_loses_is_read_by_another_gray() -> None:
    yellow = [picture(1, color=(250, 250, 0))] * 3
    found = clearest(SureOfMuchInk(), yellow)
    assert found is not None and found.gray == "minimum"


def test_images_that_are_read_surely_are_left_as_they_are() -> None:
    assert clearest(SureOfMuchInk(), [picture(1)] * 3) is None


def test_confidence_in_empty_texts_does_not_count() -> None:
    assert clearest(Blind(), [picture(0.25)] * 3) is None


def test_a_prepared_reader_fits_images_as_its_preparation_says() -> None:
    preparation = Preparation(trim="image")
    prepared = Prepared(SureOfMuchInk(), preparation)
    assert prepared.geometry == Geometry(1, 32, 64, preparation)


def test_many_files_are_prepared_and_settled_with_notes(files: list[Input]) -> None:
    adapted = adapt_reader(SureOfMuchInk(), files)
    assert isinstance(adapted.reader, Settled) and isinstance(adapted.reader.reader, Prepared)
    assert adapted.reader.geometry.preparation == adapted.reader.reader.preparation
    assert "cut to" in adapted.notes[0] and "only digits" in adapted.notes[1]


def test_a_given_charset_is_not_settled(files: list[Input]) -> None:
    assert isinstance(adapt_reader(SureOfMuchInk(), files, settling=False).reader, Prepared)


def test_few_files_change_nothing_and_neither_does_standard_input(files: list[Input]) -> None:
    reader = SureOfMuchInk()
    assert adapt_reader(reader, [*files[1:], Input(STDIN)]).reader is reader
    assert adapt_reader(reader, [*files[1:], Input("gone.png")]).reader is reader


def test_the_images_looked_at_are_spread_over_all_of_them() -> None:
    assert sample_indices(10) == list(range(10))
    chosen = sample_indices(1000)
    assert len(chosen) == SAMPLE and chosen[0] == 0 and chosen[-1] > 970
    assert len(set(np.diff(chosen))) <= 2
