from __future__ import annotations

import unicodedata

import pytest

from captcha_ssl.data.spelling import Spellings, composed

NFC = "Zähler é.png"
NFD = unicodedata.normalize("NFD", NFC)


def test_both_spellings_of_a_letter_become_one():
    assert NFC != NFD and composed(NFD) == composed(NFC) == NFC


@pytest.mark.parametrize(
    ("known", "asked"),
    [
        (NFD, NFC),
        (NFC, NFD),
        ("images/a.png", "images\\a.png"),
        ("images/a.png", "Images/A.PNG"),
        (f"x/{NFD}", f"X\\{NFC}"),
        ("back\\slash.png", "back\\slash.png"),
        # As a locale without UTF-8 decodes it.
        ("\udcc3\udca9.png", "é.png"),
    ],
)
def test_a_name_is_found_in_another_spelling(known: str, asked: str):
    assert Spellings([known, "other.png"]).find(asked) == known


def test_an_ambiguous_name_is_not_found():
    names = Spellings(["a.png", "A.png"])
    assert names.find("a.png") == "a.png" and names.find("A.png") == "A.png"
    assert names.find("a.PNG") is None


def test_the_closest_spelling_wins():
    names = Spellings(["é.png", "É.png"])
    assert names.find(unicodedata.normalize("NFD", "é.png")) == "é.png"


def test_a_name_that_is_not_there_is_not_found():
    assert Spellings(["a.png"]).find("b.png") is None
