from __future__ import annotations

from pathlib import Path

import pytest

from captcha_ssl.data.sources.names import carry_labels, source_from_names
from captcha_ssl.errors import UserError


@pytest.mark.parametrize(
    ("names", "labeled"),
    [
        (["ab1_0.png", "cd2_1.png"], True),
        (["é1_x.png", "日本_y.png"], True),
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
        (["00007.png", "00008.png", "00009.png"], "running numbers"),
        (["img_1.png", "img_2.png"], "begin alike"),
    ],
)
def test_names_that_cannot_be_labels_are_refused(names: list[str], why: str):
    with pytest.raises(UserError, match=rf"{why}; add a labels\.csv"):
        source_from_names(Path("pile"), names)


def test_digits_that_do_not_run_are_labels():
    assert source_from_names(Path(), ["4711.png", "0815.png"]).labels == ["4711", "0815"]
