"""Reads untrusted JSON and TOML into values of a requested type.

One reader for all of them, because parsers fail in undocumented ways: text nested too deep is a
RecursionError, a number of 5,000 digits a ValueError, a field of another type breaks its user.
"""

from __future__ import annotations

import dataclasses
import json
import math
import tomllib
import types
import typing
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from captcha_ssl.errors import UserError
from captcha_ssl.text_file import read_text_file

Kind = TypeVar("Kind")

MOST_BYTES = 1 << 26
"""The largest document, in bytes."""
_MOST_WHOLE = 2**63 - 1
_MOST_DOTS = 1_000
"""Most dots in a line of TOML: a key of 20,000 parts takes 20 seconds and two gigabytes."""
_WORDS = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}


def read_json(file: Path, kind: type[Kind], remedy: str, *, ignore: bool = False) -> Kind:
    """The `kind` in the JSON of `file`. Raises UserError, which ends with the `remedy`."""
    try:
        text = read_text_file(file, most=MOST_BYTES)
    except UserError as error:
        raise UserError(f"{error}; {remedy}") from error
    return parse_json(text, kind, file, remedy, ignore=ignore)


def parse_json(
    text: str, kind: type[Kind], where: Path | str, remedy: str, *, ignore: bool = False
) -> Kind:
    """The `kind` in the JSON `text` from `where`; see `typed`.

    Raises UserError, which ends with the `remedy`.
    """
    try:
        return typed(kind, loaded_json(text), ignore=ignore)
    except ValueError as error:
        raise UserError(f"{where}: damaged ({error}); {remedy}") from error


def loaded_json(text: str) -> Any:
    """The value of JSON `text`. Raises only ValueError, whatever is wrong."""
    try:
        return json.loads(text, object_pairs_hook=_without_repeats)
    except RecursionError:
        raise ValueError("nested too deep") from None


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # Python takes the last of two values without a word: two labels of one image, for example.
    found = dict(pairs)
    if len(found) < len(pairs):
        for name, value in pairs:
            if found[name] != value:
                raise ValueError(f"{_shown(name)} comes twice, with different values")
    return found


def parse_toml(text: str, where: Path | str) -> dict[str, Any]:
    """The table in TOML `text` from `where`. Raises UserError."""
    if any(line.count(".") > _MOST_DOTS for line in text.splitlines()):
        raise UserError(f"{where}: not valid TOML: a line has more than {_MOST_DOTS:,} dots")
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise UserError(f"{where}: not valid TOML: nested too deep") from None
    except ValueError as error:
        raise UserError(f"{where}: not valid TOML: {error}") from error


def typed(kind: Any, value: Any, *, ignore: bool = False) -> Any:
    """`value` from a parser of JSON or TOML, converted to `kind`.

    `kind` is a dataclass, list, dict, tuple, literal, union or plain type, nested in any way.
    Integers have 64 bits, other numbers are finite, and text is valid UTF-8. `ignore` skips fields
    that a dataclass does not have. Raises ValueError, which names the field.
    """
    if kind is Any:
        return value
    inner = typing.get_args(kind)
    if dataclasses.is_dataclass(kind):
        return _built(kind, value, ignore)
    read = _READERS.get(typing.get_origin(kind))
    return read(inner, value, ignore) if read else _plain(kind, value)


def _built(kind: Any, value: Any, ignore: bool) -> Any:
    value = _object(value)
    hints, needed = _fields(kind)
    unknown = [name for name in value if name not in hints]
    missing = [name for name in needed if name not in value]
    if missing or unknown and not ignore:
        what = f"{missing[0]} is missing" if missing else f"{_shown(unknown[0])} is unknown"
        raise ValueError(what)
    known = {name: entry for name, entry in value.items() if name in hints}
    return kind(**{name: _field(name, hints[name], known[name], ignore) for name in known})


@cache
def _fields(kind: Any) -> tuple[dict[str, Any], list[str]]:
    """The types of the fields of a dataclass, and the required fields."""
    hints = typing.get_type_hints(kind)
    none = dataclasses.MISSING
    fields = dataclasses.fields(kind)
    needed = [f.name for f in fields if f.default is none and f.default_factory is none]
    return {field.name: hints[field.name] for field in fields}, needed


def _field(name: str, kind: Any, value: Any, ignore: bool) -> Any:
    try:
        return typed(kind, value, ignore=ignore)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def _object(value: Any) -> dict[Any, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"expected an object, found {_shown(value)}")
    return value


def _list(value: Any) -> list[Any] | tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise ValueError(f"expected a list, found {_shown(value)}")
    return value


def _to_dict(inner: tuple[Any, ...], value: Any, ignore: bool) -> dict[str, Any]:
    entries = _object(value).items()
    return {_plain(str, name): _field(name, inner[1], entry, ignore) for name, entry in entries}


def _to_list(inner: tuple[Any, ...], value: Any, ignore: bool) -> list[Any]:
    return [typed(inner[0], entry, ignore=ignore) for entry in _list(value)]


def _to_tuple(inner: tuple[Any, ...], value: Any, ignore: bool) -> tuple[Any, ...]:
    if inner[1:] == (...,):
        return tuple(_to_list(inner, value, ignore))
    if len(_list(value)) != len(inner):
        raise ValueError(f"expected {len(inner)} values, found {len(value)}")
    return tuple(typed(k, entry, ignore=ignore) for k, entry in zip(inner, value, strict=True))


def _to_choice(inner: tuple[Any, ...], value: Any, ignore: bool) -> str:
    if not isinstance(value, str) or value not in inner:
        raise ValueError(f"expected {' or '.join(map(repr, inner))}, found {_shown(value)}")
    return value


def _to_one_of(inner: tuple[Any, ...], value: Any, ignore: bool) -> Any:
    if value is None and types.NoneType in inner:
        return None
    problem: ValueError | None = None
    for kind in inner:
        try:
            return typed(kind, value, ignore=ignore)
        except ValueError as error:
            problem = problem or error
    raise problem or ValueError("expected nothing")


_READERS = {
    types.UnionType: _to_one_of,
    typing.Union: _to_one_of,
    typing.Literal: _to_choice,
    list: _to_list,
    tuple: _to_tuple,
    dict: _to_dict,
}


def _plain(kind: Any, value: Any) -> Any:
    is_bool = isinstance(value, bool)
    if kind is bool and is_bool:
        return value
    if kind is int and isinstance(value, int) and not is_bool and abs(value) <= _MOST_WHOLE:
        return value
    if kind is float and isinstance(value, int | float) and not is_bool:
        if isinstance(value, int) and abs(value) > _MOST_WHOLE or not math.isfinite(value):
            raise ValueError(f"expected a finite number, found {_shown(value)}")
        return float(value)
    if kind is str and isinstance(value, str):
        # JSON can have a lone surrogate, but files and terminals cannot.
        if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
            raise ValueError(f"expected text, found half a character in {_shown(value)}")
        return value
    raise ValueError(f"expected {_WORDS.get(kind, 'nothing')}, found {_shown(value)}")


def _shown(value: Any) -> str:
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    # Python refuses to write a number of more than 4,300 digits.
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > _MOST_WHOLE:
        return "a number of more than 64 bits"
    text = ascii(value)
    return text if len(text) <= 80 else f"{text[:60]}…"
