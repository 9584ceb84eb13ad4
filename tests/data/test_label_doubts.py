from __future__ import annotations

import random

import pytest

from captcha_ssl.data.check import inspect
from captcha_ssl.data.dataset import load_dataset
from captcha_ssl.data.label_doubts import label_notes

RANDOM = random.Random(0)
CODES = [f"{RANDOM.randrange(100_000):05}" for _ in range(60)]


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (["1234"] * 3, "all 3 labels are '1234'"),
        ([f"{code}.0" for code in CODES], "60 labels end in .0"),
        ([str(float(code)) for code in CODES], "60 labels end in .0"),
        ([*CODES[:50], "1.23457E+11"], "1 labels are shortened numbers, as '1.23457E+11'"),
        ([*CODES[:50], "1,2E+11"], "shortened numbers"),
        ([str(int(code)) for code in CODES], "labels have fewer than 5 digits"),
    ],
)
def test_labels_that_a_program_has_changed_or_that_teach_nothing(labels: list[str], words: str):
    (note,) = label_notes(labels)
    assert words in note


@pytest.mark.parametrize(
    "labels",
    [
        [],
        ["1234"],
        CODES,
        ["2E34", "1E5", "9E+A"],
        [f"{price / 100:.2f}" for price in range(1_000, 1_060)],
        [f"{tenths / 10}" for tenths in range(1_000, 1_060)],
        [str(number) for number in range(40)],
        [code.replace("0", "A") for code in CODES],
        [str(int(code)) for code in CODES[:19]],
    ],
)
def test_other_labels_are_not_doubted(labels: list[str]):
    assert label_notes(labels) == []


def test_the_notes_are_told_by_check_data_and_by_whatever_learns_from_the_labels(pile):
    folder = pile(*(f"{number}.png" for number in range(3)))
    rows = "".join(f"{number}.png,{number}73.0\n" for number in range(3))
    (folder / "labels.csv").write_text(f"filename,label\n{rows}")
    report = inspect(folder, frames=lambda width: width // 4)
    assert report.notes == load_dataset(folder, labeled=True).notes
    assert "3 labels end in .0" in report.notes[0]


def test_equal_images_with_different_labels_are_noted(pile):
    folder = pile("a.png", "b.png", "c.png", "d.png")
    for name in ("b.png", "c.png"):
        (folder / name).write_bytes((folder / "a.png").read_bytes())
    (folder / "labels.csv").write_text("filename,label\na.png,A\nb.png,A\nc.png,B\nd.png,C\n")
    (note,) = load_dataset(folder, labeled=True).notes
    assert "1 images occur again with another label, as a.png ('A') and c.png ('B')" in note
    (folder / "labels.csv").write_text("filename,label\na.png,A\nb.png,A\nc.png,A\nd.png,C\n")
    assert load_dataset(folder, labeled=True).notes == []
