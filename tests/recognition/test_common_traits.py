"""What many images show alone is found, and an image that is plainly otherwise is left as it is."""

from __future__ import annotations

import string

import numpy as np
import pytest

from captcha_ssl.data.charset import Charset
from captcha_ssl.data.geometry import Geometry
from captcha_ssl.models.model_card import Calibration
from captcha_ssl.recognition.reading.common_traits import (
    WithCommonCharacters,
    characters_in_words,
    common_characters,
    common_text_length,
    with_common_kinds,
)
from captcha_ssl.recognition.reading.text_reader import read_images, to_readings

CHARSET = Charset(string.digits + string.ascii_uppercase + string.ascii_lowercase)
CONFUSED = str.maketrans("015", "OlS")


def logits_of(texts: list[str], *, doubt: float = 9.0) -> np.ndarray:
    """Float logits [N, 12, 63] of paths that spell the texts, a second choice `doubt` below.

    The second choice of O, l and S are the digits that look like them.
    """
    logits = np.full((len(texts), 12, CHARSET.num_classes), -12.0, np.float32)
    classes = {character: k for k, character in enumerate(CHARSET.characters, 1)}
    for row, text in zip(logits, texts, strict=True):
        row[:, 0] = 2
        for place, character in enumerate(text):
            row[2 * place + 1, classes[character]] = 10
            row[2 * place + 1, 0] = -4
            if character in "OlS":
                row[2 * place + 1, classes["015"["OlS".index(character)]]] = 10 - doubt
    return logits


def texts_from(characters: str, count: int = 60, length: int = 5) -> list[str]:
    rng = np.random.default_rng(0)
    return ["".join(rng.choice(list(characters), length)) for _ in range(count)]


@pytest.mark.parametrize(
    ("shown", "words"),
    [
        (string.digits, "digits"),
        (string.ascii_uppercase, "capital letters"),
        (string.digits + string.ascii_lowercase, "digits and small letters"),
        (string.digits + string.ascii_uppercase, "digits and capital letters"),
    ],
)
def test_the_kinds_that_all_images_show_are_found(shown: str, words: str) -> None:
    found = common_characters(logits_of(texts_from(shown)), CHARSET)
    assert found is not None and set(found) == set(shown)
    assert characters_in_words(found, CHARSET) == words


def test_characters_that_no_image_shows_are_found() -> None:
    # Without those that people confuse, as in many captchas.
    shown = "2345678bcdefgmnpwxy"
    found = common_characters(logits_of(texts_from(shown)), CHARSET)
    assert found == shown
    assert characters_in_words(found, CHARSET) == f"characters of {shown}"


def test_characters_that_are_rare_are_not_ruled_out() -> None:
    texts = [*texts_from("ABCDEFGHIJKLMNOPQRS", 54), *texts_from("TUVWXYZ", 6)]
    found = common_characters(logits_of(texts), CHARSET)
    assert found is not None and set(found) == set(string.ascii_uppercase)


def test_exceptions_to_the_kinds_and_to_the_characters_count_together() -> None:
    eight = texts_from("01234567", 92)
    for few in (2, 4):
        texts = [*eight, *texts_from("KRMWX", few), *["99999"] * few]
        found = common_characters(logits_of(texts), CHARSET)
        assert (found == "01234567") == (few == 2)


def test_the_length_that_nearly_all_texts_have_is_found() -> None:
    five = texts_from(CHARSET.characters)
    found = common_text_length(logits_of(five))
    assert found is not None and found.characters == 5 and 0 < found.clear < 10
    exceptions = texts_from(CHARSET.characters, count=3, length=4)
    assert common_text_length(logits_of([*five[3:], *exceptions])) == found


def codes_from(kinds: str, count: int = 48) -> list[str]:
    """Texts with a capital, a small letter or a digit at each place."""
    rng = np.random.default_rng(1)
    drawn = {"A": string.ascii_uppercase, "a": string.ascii_lowercase, "0": string.digits}
    return ["".join(rng.choice(list(drawn[kind])) for kind in kinds) for _ in range(count)]


def test_the_kinds_at_each_place_of_nearly_all_texts_are_found() -> None:
    logits = logits_of([*codes_from("AA000", 46), "A0000", "AAAAA"])
    length = common_text_length(logits)
    assert length is not None and length.kinds is None
    found = with_common_kinds(length, logits, CHARSET, Calibration())
    assert found.kinds == ({"Lu"}, {"Lu"}, {"Nd"}, {"Nd"}, {"Nd"})
    # Zeros that are misread as the letter, at places that have digits.
    wrong = logits_of(
        [text[:2] + text[2:].replace("0", "O") for text in codes_from("AA000")], doubt=5
    )
    read = to_readings(wrong, CHARSET, length=found)
    assert [reading.text for reading in read] == codes_from("AA000")


def test_places_with_all_kinds_and_an_unsure_reader_tell_nothing() -> None:
    unsure = Calibration(text=30.0)
    for texts, calibration in (
        (texts_from(CHARSET.characters), None),
        (codes_from("AA000"), unsure),
    ):
        logits = logits_of(texts)
        length = common_text_length(logits)
        assert length is not None
        found = with_common_kinds(length, logits, CHARSET, calibration or Calibration())
        assert found == length


def test_texts_of_several_lengths_have_no_length() -> None:
    texts = [*texts_from(string.digits, 50), *texts_from(string.digits, 10, length=4)]
    assert common_text_length(logits_of(texts)) is None
    assert common_text_length(logits_of([""] * 60)) is None


def test_a_last_character_that_costs_little_to_leave_out_still_counts() -> None:
    five, six = texts_from(string.digits, 26), texts_from(string.digits, 22, length=6)
    logits = logits_of([*five, *six])
    last = logits[len(five) :, 2 * 5 + 1]
    last[:, 0] = last.max(1) - 0.5
    assert common_text_length(logits) is None


def test_nothing_is_common_if_every_kind_appears() -> None:
    assert common_characters(logits_of(texts_from(CHARSET.characters)), CHARSET) is None


def test_a_kind_in_only_some_images_is_no_exception() -> None:
    texts = texts_from(string.digits, 54) + texts_from("KRMW", 6)
    found = common_characters(logits_of(texts), CHARSET)
    assert found is None or set(found) != set(string.digits)


def test_empty_readings_have_nothing_in_common() -> None:
    assert common_characters(logits_of([""] * 60), CHARSET) is None


def test_letters_that_are_barely_likelier_than_digits_do_not_hide_that_all_are_digits() -> None:
    texts = [text.translate(CONFUSED) for text in texts_from(string.digits)]
    found = common_characters(logits_of(texts, doubt=1.0), CHARSET)
    assert found is not None and set(found) == set(string.digits)


class Fixed:
    """A reader that gives the same logits whatever it is shown."""

    charset, geometry, calibration = CHARSET, Geometry(1, 32, 48), Calibration()
    length = None

    def __init__(self, logits: np.ndarray) -> None:
        self._logits = logits

    def logits(self, images: np.ndarray) -> np.ndarray:
        return self._logits


def test_doubtful_letters_become_digits_and_plain_ones_stay() -> None:
    reader = Fixed(np.concatenate([logits_of(["4O9l"], doubt=1.0), logits_of(["4K97"])]))
    images = np.zeros((2, 1, 32, 48), np.uint8)
    assert [reading.text for reading in read_images(reader, images)] == ["4O9l", "4K97"]
    settled = WithCommonCharacters(reader, string.digits)
    assert [reading.text for reading in read_images(settled, images)] == ["4091", "4K97"]


def test_a_reader_that_is_unsure_does_not_tell_which_characters_are_absent() -> None:
    """It reads every 2 as an 8, and would do without the 2; how sure it is makes the difference."""
    sure = logits_of([text.replace("2", "8") for text in texts_from(string.digits, 90)])
    assert common_characters(sure, CHARSET) == "013456789"
    assert common_characters(sure / 6, CHARSET) == string.digits
