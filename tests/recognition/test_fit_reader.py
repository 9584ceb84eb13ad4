"""A reader takes up what many images show: how to prepare them, and which characters there are."""

from __future__ import annotations

import string
import sys

import numpy as np
import pytest

from captcha_ssl.data.charset import Charset
from captcha_ssl.data.geometry import Geometry
from captcha_ssl.data.image import ImageError
from captcha_ssl.data.preparation import Preparation
from captcha_ssl.models.model_card import Calibration
from captcha_ssl.recognition.reading.clearest import Prepared, clearest, confidence
from captcha_ssl.recognition.reading.common_traits import WithCommonCharacters
from captcha_ssl.recognition.reading.fit_reader import FEWEST, SAMPLE, fit_reader, sample_images
from captcha_ssl.recognition.reading.inputs import STDIN, Input
from captcha_ssl.recognition.reading.of_length import OfLength
from captcha_ssl.recognition.reading.reader_spec import ReaderSpec


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


MANY = [picture(0.25)] * FEWEST
"""As many images as it takes, with little ink each."""


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


def test_rows_are_cut_off_where_the_ink_does_not_end_with_the_text() -> None:
    class SureAtTheEdges(SureOfMuchInk):
        """Reads "7" in everything, the more surely the more of the outer rows is dark."""

        def logits(self, images: np.ndarray) -> np.ndarray:
            logits = np.zeros((len(images), 1, 37), np.float32)
            logits[:, 0, 8] = 30 * (images[:, :, [0, -1]] < 128).mean((1, 2, 3))
            return logits

    speckled = np.where(np.random.default_rng(0).random((60, 120, 1)) < 0.1, 0, 255)
    image = np.repeat(speckled, 3, axis=2).astype(np.uint8)
    image[8:52] = 0
    found = clearest(SureAtTheEdges(), [image] * 3)
    assert found is not None and (found.trim, found.box) == ("box", (0.0, 0.2, 1.0, 0.8))


def test_images_that_are_read_surely_are_left_as_they_are() -> None:
    assert clearest(SureOfMuchInk(), [picture(1)] * 3) is None


def test_confidence_in_empty_texts_does_not_count() -> None:
    assert clearest(Blind(), [picture(0.25)] * 3) is None


def test_a_prepared_reader_fits_images_as_its_preparation_says() -> None:
    preparation = Preparation(trim="image")
    prepared = Prepared(SureOfMuchInk(), preparation)
    assert prepared.geometry == Geometry(1, 32, 64, preparation)


def test_many_files_are_prepared_and_restricted_with_notes() -> None:
    fitted = fit_reader(SureOfMuchInk(), MANY)
    assert isinstance(fitted.reader, OfLength)
    assert isinstance(fitted.reader.reader, WithCommonCharacters)
    assert isinstance(fitted.reader.reader.reader, Prepared)
    assert fitted.reader.geometry.preparation == fitted.reader.reader.reader.preparation
    prepared, settled, length = fitted.notes
    assert "cut to" in prepared and "only characters of 7" in settled and "length 1" in length


def test_what_the_user_says_of_the_texts_is_not_settled() -> None:
    said_both = fit_reader(SureOfMuchInk(), MANY, characters=False, length=False)
    assert isinstance(said_both.reader, Prepared)
    said_one = fit_reader(SureOfMuchInk(), MANY, length=False)
    assert isinstance(said_one.reader, WithCommonCharacters)


def test_too_few_images_change_nothing() -> None:
    reader = SureOfMuchInk()
    assert fit_reader(reader, MANY[1:]).reader is reader


def test_the_images_looked_at_are_spread_over_all_of_them() -> None:
    looked_at: list[int] = []

    def pixels(index: int) -> np.ndarray:
        looked_at.append(index)
        if index == 0:
            raise ImageError("0.png", "damaged")
        return picture(0.25)

    assert sample_images(FEWEST - 1, pixels) == [] and not looked_at
    assert len(sample_images(1000, pixels)) == SAMPLE - 1
    assert len(looked_at) == SAMPLE and looked_at[0] == 0 and looked_at[-1] > 970
    assert len(set(np.diff(looked_at))) <= 2


def test_standard_input_is_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    # It can be read only once: this one raises AttributeError.
    monkeypatch.setattr(sys, "stdin", None)
    assert ReaderSpec().open([Input(STDIN)] * FEWEST)[1] == ()


def test_a_reader_that_cannot_read_the_images_settles_nothing() -> None:
    class Guessing(SureOfMuchInk):
        """Reads "7" in everything, hardly more surely than anything else."""

        def logits(self, images: np.ndarray) -> np.ndarray:
            return super().logits(images) / 100

    fitted = fit_reader(Guessing(), MANY)
    assert isinstance(fitted.reader, Guessing) and fitted.notes == ()
