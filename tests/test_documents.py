"""JSON and TOML with anything in them are values of the type asked for, or one line."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest

from captcha_ssl.documents import loaded_json, parse_json, parse_toml, read_json, typed
from captcha_ssl.errors import UserError


@dataclass(frozen=True)
class Inner:
    width: int

    def __post_init__(self) -> None:
        if self.width < 1:
            raise ValueError("width below 1")


@dataclass(frozen=True)
class Outer:
    kind: Literal["a", "b"]
    inner: Inner
    share: float
    name: str | None = None
    pairs: list[tuple[int, float]] = field(default_factory=list)
    about: dict[str, Any] = field(default_factory=dict)
    done: bool = False


GOOD = '{"kind": "a", "inner": {"width": 3}, "share": 1, "pairs": [[1, 2], [3, 0.5]]}'


def test_nested_values_have_the_requested_types() -> None:
    found = parse_json(GOOD, Outer, "x", "remedy")
    assert found == Outer("a", Inner(3), 1.0, None, [(1, 2.0), (3, 0.5)])
    assert isinstance(found.share, float) and isinstance(found.pairs[0], tuple)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"a"', '"c"', "kind: expected 'a' or 'b'"),
        ('"a"', '["a"]', "kind: expected 'a' or 'b', found a list"),
        ("3}", "true}", "inner: width: expected a whole number, found True"),
        ("3}", "3.0}", "inner: width: expected a whole number"),
        ("3}", "0}", "inner: width below 1"),
        ("3}", "1" + "0" * 30 + "}", "more than 64 bits"),
        ("3}", "1" * 5000 + "}", "damaged"),
        ("3}", "[" * 100_000 + "]" * 100_000 + "}", "nested too deep"),
        ('{"width": 3}', "7", "inner: expected an object, found 7"),
        ('"share": 1', '"share": "1"', "share: expected a number, found '1'"),
        ('"share": 1', '"share": NaN', "share: expected a finite number"),
        ('"share": 1', '"share": 1e999', "share: expected a finite number"),
        ('"share": 1', '"share": 1' + "0" * 400, "share: expected a finite number"),
        ('"share": 1', '"share": null', "share: expected a number, found None"),
        ('"share": 1,', '', "share is missing"),
        ('"share": 1', '"share": 1, "more": 2', "'more' is unknown"),
        ('"share": 1', '"share": 1, "name": 2', "name: expected text, found 2"),
        ('"share": 1', r'"share": 1, "name": "\ud800"', "name: expected text, found half"),
        ('"share": 1', '"share": 1, "done": 1', "done: expected true or false"),
        ("[1, 2]", "[1]", "pairs: expected 2 values, found 1"),
        ("[1, 2]", "1", "pairs: expected a list, found 1"),
        (GOOD, "[]", "expected an object, found a list"),
        (GOOD, "", "damaged"),
    ],
)  # fmt: skip
def test_a_value_of_another_type_is_named(old: str, new: str, said: str) -> None:
    assert old in GOOD
    with pytest.raises(UserError, match="remedy$") as caught:
        parse_json(GOOD.replace(old, new), Outer, "file.json", "remedy")
    assert said in str(caught.value) and str(caught.value).startswith("file.json: ")
    assert "\n" not in str(caught.value)


def test_fields_of_other_versions_may_be_ignored() -> None:
    assert typed(Inner, {"width": 2, "new": []}, ignore=True) == Inner(2)


def test_two_values_of_one_name_are_refused() -> None:
    assert loaded_json('{"a.png": "AB", "b.png": "C", "a.png": "AB"}')["a.png"] == "AB"
    with pytest.raises(ValueError, match="^'a.png' comes twice, with different values"):
        loaded_json('[{"a.png": "AB", "b.png": "C", "a.png": "D"}]')


@pytest.mark.parametrize(
    "text", ["a = " + "[" * 20_000, "a = " + "1" * 5000, "a = 1\na = 2", "= 1", "a.b = 1\na = 2"]
)
def test_toml_raises_one_kind_of_error(text: str) -> None:
    with pytest.raises(UserError, match=r"^x\.toml: not valid TOML"):
        parse_toml(text, "x.toml")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="has no named pipes")
def test_a_document_is_a_regular_file_of_a_sane_size(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(1 << 40)
    for name in ("fifo", "sparse", "gone"):
        with pytest.raises(UserError):
            read_json(tmp_path / name, dict, "")


def test_a_key_of_thousands_of_parts_is_refused_at_once() -> None:
    with pytest.raises(UserError, match="a line has more than 1,000 dots"):
        parse_toml(".".join("a" * 20_000) + " = 1", "c.toml")
