from __future__ import annotations

import os
import random
import unicodedata
from pathlib import Path

import pytest

from captcha_ssl.data.sources.names import carry_labels, name_note, source_from_names
from captcha_ssl.errors import UserError


@pytest.mark.parametrize(
    ("names", "labeled"),
    [
        (["ab1_0.png", "cd2_1.png"], True),
        (["é1_x.png", "日本_y.png"], True),
        ([unicodedata.normalize("NFD", "é1_x.png"), "q\u030a2_y.png", "กี่_z.png"], True),
        (["sub/ab1_0.png", "sub/cd2_1.png"], True),
        (["00001.png", "00002.png"], False),
        (["img_0001.png", "img_0002.png"], False),
        (["ab-1_0.png", "cd-2_1.png"], False),
        ([f"ab{i}_0.png" for i in range(9)] + ["notes.png"], True),
        ([f"ab{i}_0.png" for i in range(8)] + ["notes.png", "more.png"], False),
        (["a" * 33 + "_0.png", "b" * 33 + "_0.png"], False),
    ],
)
def test_names_count_as_labels_only_when_they_look_like_it(names: list[str], labeled: bool):
    assert carry_labels(names) is labeled


@pytest.mark.parametrize(
    ("names", "noted"),
    [
        ([f"{x}g7{y}3.png" for x in "abcd" for y in "wxyz"], True),
        ([f"sub/{x}{y}.png" for x in "4801" for y in ("711", "15", "9", "02")], True),
        ([f"{number:05}.png" for number in range(16)], False),
        ([f"img_{number}.png" for number in range(16)], False),
        ([f"d41d8cd98f00b{number:03}a.png" for number in range(16)], False),
    ],
)
def test_names_that_may_be_labels_are_noted(names: list[str], noted: bool):
    (note,) = name_note(names) or [""]
    assert ("the names are read as labels" in note) is noted


def test_the_label_ends_at_the_first_underscore():
    source = source_from_names(Path(), ["ab1_x_y.png", "cd2.png", "sub/ef3_.jpg"])
    assert source.labels == ["ab1", "cd2", "ef3"]


def test_a_name_without_a_label_is_rejected():
    source = source_from_names(Path(), ["ab1.png", "_x.png", "cd2.png"])
    assert source.names == ["ab1.png", "cd2.png"]
    assert [entry.row for entry in source.rejected] == ["_x.png"]


@pytest.mark.parametrize(
    ("names", "why"),
    [
        (["00007.png", "00008.png", "00009.png"], "consecutive numbers"),
        (["img_1.png", "img_2.png"], "start the same"),
        (["image (1).png", "image (2).png", "image (4).png"], "start the same"),
        (["20240103_153012.jpg", "20240215_081500.jpg", "20240215_081500_1.jpg"], "times"),
        ([f"Screenshot from 2024-01-0{day} 15-3{day}-12.png" for day in (1, 2, 3)], "times"),
        (
            ["IMG_20240103_153012.jpg", "VID_20240215_081500.jpg", "PXL_20240216_081500.jpg"],
            "times",
        ),
        (["1700000321.png", "1700001475_cam2.png", "1700009268.png"], "times"),
        (["1700000321123.png", "1700001475880.png", "1700009268001.png"], "times"),
        ([f"{letter}41d8cd98f00b204e9800998ecf8427e.png" for letter in "abd"], "digests"),
        ([f"{letter}58ad95a-6f6d-497b-91b8-517707d03c3a.png" for letter in "abd"], "digests"),
    ],
)
def test_names_that_cannot_be_labels_are_refused(names: list[str], why: str):
    with pytest.raises(UserError, match=rf"{why}; add a labels\.csv"):
        source_from_names(Path("pile"), names)


@pytest.mark.parametrize(
    "names",
    [
        ["20241303_153012.png", "20240215_081500.png", "20240216_081500.png"],
        ["1700000321.png", "1700001475.png", "4700009268.png"],
        ["41d8cd98f00b204e.png", "00998ecf8427e1a3.png", "0b204e9800998ecf.png"],
        ["abcd_20240101120000.png", "xkqz_20240102120000.png", "pqrs_20240103120000.png"],
    ],
)
def test_names_that_only_resemble_times_and_digests_are_labels(names: list[str]):
    assert source_from_names(Path(), names).labels[0] == names[0].partition(".")[0].split("_")[0]


def test_evident_labels_are_not_sought_in_times_and_digests():
    assert not carry_labels([f"17000003{number}_cam.png" for number in (21, 47, 62)])


def test_the_number_of_a_copy_is_not_part_of_the_label():
    source = source_from_names(Path(), ["ab1.png", "ab1 (1).png", "cd2_x (12).png", "f(3).png"])
    assert source.labels == ["ab1", "ab1", "cd2", "f(3)"]
    assert "2 names have the number of a copy" in source.remarks[0]


@pytest.mark.parametrize("form", ["c{}", "im{:04}", "i{:05}x"])
def test_many_names_that_count_up_behind_a_letter_are_no_labels(form: str):
    with pytest.raises(UserError, match="consecutive numbers"):
        source_from_names(Path(), [f"{form.format(number)}.png" for number in range(20)])


@pytest.mark.parametrize("texts", ["0123456789", ["A0", "A1", "A2"], ["07", "08", "09"]])
def test_numbers_that_occur_often_are_labels(texts: list[str]):
    drawn = random.Random(1).choices(texts, k=60)
    names = [f"{text}_{1_000 + 7 * place}.png" for place, text in enumerate(drawn)]
    assert carry_labels(names)
    assert source_from_names(Path(), names).labels == drawn


def test_numbers_that_a_few_views_share_are_no_labels():
    names = [f"{number:04}_{view}.png" for number in range(20) for view in "abcde"]
    assert not carry_labels(names)


@pytest.mark.parametrize("prefixes", [("IMG", "DSC"), ("IMG", "img", "copy", "PXL")])
def test_a_few_words_that_many_names_begin_with_are_no_labels(prefixes: tuple[str, ...]):
    names = [f"{prefixes[n % len(prefixes)]}_{n:05}.jpg" for n in range(60)]
    assert not carry_labels(names)
    with pytest.raises(UserError, match="start in few ways"):
        source_from_names(Path(), names)
    assert carry_labels(names[:19]), "few images may well show two or three texts"


def test_a_few_characters_that_many_names_begin_with_are_labels():
    assert carry_labels([f"{'01x'[n % 3]}_{n:05}.jpg" for n in range(60)])


def test_random_numbers_behind_a_letter_are_labels():
    drawn = random.Random(1).sample(range(10_000), 40)
    names = [f"A{number:04}.png" for number in drawn]
    assert source_from_names(Path(), names).labels[0] == f"A{drawn[0]:04}"


def test_digits_that_do_not_count_up_are_labels():
    assert source_from_names(Path(), ["4711.png", "0815.png"]).labels == ["4711", "0815"]


def numbers(*values: int, form: str = "{}.png") -> list[str]:
    return [form.format(value) for value in values]


@pytest.mark.parametrize(
    "names",
    [
        numbers(1, 2, 4, 5),
        numbers(1, 2, 4, 15),
        numbers(8, 9, 11, 12, 14),
        numbers(*range(1, 2_000, 7)),
        numbers(1, 2, 4, 9, form="{:05}.png"),
        numbers(101, 102, 104, 105),
        numbers(1, 2, 4, form="frame{}.png"),
        numbers(17, 4, 230, form="captcha-{}.png"),
        numbers(1, 2, 4, form="image [{}].png"),
        numbers(1, 2, 4, form="{}_raw.png"),
    ],
)
def test_counters_with_gaps_are_no_labels(names: list[str]):
    with pytest.raises(UserError, match="consecutive numbers"):
        source_from_names(Path("pile"), names)
    assert not carry_labels(names)


@pytest.mark.parametrize("count", [20, 900, 6_000])
def test_any_number_of_random_digits_are_labels(count: int):
    drawn = random.Random(count).sample(range(10_000), count)
    names = [f"{value:04}.png" for value in drawn]
    assert len(source_from_names(Path(), names)) == count


def test_digits_of_several_lengths_are_labels():
    rng = random.Random(0)
    names = ["".join(rng.choices("0123456789", k=rng.randint(4, 6))) + ".png" for _ in range(300)]
    assert len(source_from_names(Path(), sorted(set(names)))) == len(set(names))


def test_digits_of_random_lengths_from_one_on_are_labels():
    rng = random.Random(0)
    names = ["".join(rng.choices("123456789", k=rng.randint(1, 4))) + "_x.png" for _ in range(900)]
    assert carry_labels(sorted(set(names)))
    assert carry_labels(["7425_a.png", "8724_b.png", "9_c.png"])


def test_labels_in_names_are_composed():
    source = source_from_names(Path(), [unicodedata.normalize("NFD", "é1_x.png"), "b2_y.png"])
    assert source.labels == ["é1", "b2"]


def test_a_label_that_is_no_utf_8_is_rejected():
    source = source_from_names(Path(), [os.fsdecode(b"A\xe9_1.png"), "B_1.png"])
    assert source.labels == ["B"]
    assert source.rejected[0].reason.startswith("the label is not UTF-8")
