from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from captcha_ssl.data.charset import Charset, frames_needed
from captcha_ssl.errors import UserError


def test_the_charset_is_every_character_of_the_labels_sorted():
    assert Charset.from_labels(["b2", "a2"]).characters == "2ab"


def test_class_zero_is_left_to_the_blank():
    charset = Charset("ab")
    assert charset.encode("ba") == [2, 1]
    assert charset.num_classes == len(charset) + 1 == 3


@given(st.lists(st.text(min_size=1), min_size=1))
def test_decode_undoes_encode(labels: list[str]):
    charset = Charset.from_labels(labels)
    assert [charset.decode(charset.encode(label)) for label in labels] == labels


def test_upper_and_lower_case_stay_apart():
    assert Charset.from_labels(["aA"]).encode("Aa") == [1, 2]


def test_an_unknown_character_is_named():
    with pytest.raises(UserError, match="'é' is not in the charset 'ab'"):
        Charset("ab").encode("aé")


@pytest.mark.parametrize("classes", [[0], [3], [-1]])
def test_a_class_without_a_character_is_refused(classes: list[int]):
    with pytest.raises(ValueError, match="1..2"):
        Charset("ab").decode(classes)


@pytest.mark.parametrize("characters", ["", "ba", "aa"])
def test_a_charset_must_be_sorted_and_distinct(characters: str):
    with pytest.raises(ValueError):
        Charset(characters)


def test_labels_without_a_character_are_an_error():
    with pytest.raises(UserError, match="no characters"):
        Charset.from_labels(["", ""])


@pytest.mark.parametrize(("text", "frames"), [("", 0), ("a", 1), ("ab", 2), ("aa", 3), ("aabb", 6)])
def test_equal_neighbors_need_a_frame_between_them(text: str, frames: int):
    assert frames_needed(text) == frames
