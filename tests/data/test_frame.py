"""A frame around the text is not the text."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from captcha_ssl.data.frame import without_frames
from captcha_ssl.data.ink import measure_image
from captcha_ssl.data.preparation import Preparation


def _framed(*, frame: bool, thick: int = 3) -> np.ndarray:
    image = np.full((160, 320, 3), 240, np.uint8)
    cv2.putText(image, "58A", (120, 90), cv2.FONT_HERSHEY_SIMPLEX, 0.9, (30, 30, 90), 2)
    if frame:
        cv2.rectangle(image, (8, 6), (311, 153), (30, 30, 90), thick)
        cv2.rectangle(image, (20, 18), (299, 141), (30, 30, 90), 1)
    return image


@pytest.mark.parametrize("thick", [1, 3, 9])
def test_an_image_is_cut_to_the_text_within_its_frame(thick: int) -> None:
    cut = Preparation(trim="image").apply
    assert np.array_equal(cut(_framed(frame=True, thick=thick)), cut(_framed(frame=False)))


def test_the_measured_ink_is_that_of_the_text_within_the_frame() -> None:
    inside, alone = measure_image(_framed(frame=True)), measure_image(_framed(frame=False))
    assert inside is not None
    assert alone is not None
    assert inside.box == alone.box
    assert inside.stroke == alone.stroke


def test_touching_letters_are_no_frame_though_they_span_the_image() -> None:
    ink = np.zeros((40, 100), np.uint8)
    cv2.putText(ink, "HHH", (0, 38), cv2.FONT_HERSHEY_SIMPLEX, 1.6, 1, 6)
    ink[18:22] = 1
    assert np.array_equal(without_frames(ink > 0), ink > 0)


def test_a_frame_alone_stays() -> None:
    ink = np.zeros((40, 100), bool)
    ink[2:38, 2:98] = True
    ink[4:36, 4:96] = False
    assert np.array_equal(without_frames(ink), ink)


@given(arrays(bool, st.tuples(st.integers(1, 24), st.integers(1, 24))))
def test_what_is_left_is_some_of_the_ink(ink: np.ndarray) -> None:
    left = without_frames(ink)
    assert not (left & ~ink).any()
    assert left.any() == ink.any()
    assert np.array_equal(without_frames(ink[::-1]), left[::-1])
