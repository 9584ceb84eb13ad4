"""Settings as text: TOML, with or without an explanation of each key, and values as words."""

from __future__ import annotations

import textwrap
from collections.abc import Container, Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import tomli_w

from captcha_ssl.settings import Option, Settings, options


def to_toml(*parts: Settings, off: Container[str] = ()) -> str:
    """The settings as TOML that `Given` reads back to equal ones.

    None is left out, but written as `none` for the keys in `off`.
    """
    merged = {key: value for part in parts for key, value in _values(part, off)}
    return tomli_w.dumps({key: _plain(v) for key, v in merged.items() if v is not None})


def commented_toml(
    parts: Iterable[Settings],
    defaults: Mapping[str, str] = MappingProxyType({}),
    opened: Container[str] = (),
    off: Container[str] = (),
) -> str:
    """The settings as TOML with the meaning, range and default of each key above it.

    `defaults` has the words for defaults that are not those of their classes. The `opened` keys,
    whose open defaults nobody set, are comments; `off` as in `to_toml`.
    """
    lines: list[str] = []
    for part in parts:
        lines += [f"# {type(part).title}", ""]
        for key, value in _values(part, off):
            option = options(type(part))[key]
            lines += textwrap.wrap(
                described(option, defaults.get(key)),
                98,
                initial_indent="# ",
                subsequent_indent="#   ",
            )
            written = tomli_w.dumps({key: _plain(value)}).strip() if value is not None else None
            if written and key in opened:
                written = f"# {written}"
            lines += [written or f"# {key} =", ""]
    return "\n".join(lines).rstrip() + "\n"


def described(option: Option, default: str | None = None) -> str:
    """The meaning of a setting, its allowed values and its default, or the words for that."""
    allowed = [", ".join(option.choices)] if option.choices else []
    allowed += [option.span] if option.span else []
    return (
        f"{option.help} ({'; '.join([*allowed, f'default {default or as_text(option.default)}'])})"
    )


def as_text(value: Any) -> str:
    """A value as it is written after `--set key=`."""
    if isinstance(value, tuple):
        return ",".join(map(as_text, value)) or "empty"
    if isinstance(value, bool) or value is None:
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def _values(part: Settings, off: Container[str]) -> Iterator[tuple[str, Any]]:
    for key, option in options(type(part)).items():
        value = getattr(part, key)
        # One path is written as such, so that the runs of earlier versions can be resumed.
        if option.repeated and option.kind is Path and len(value) < 2:
            value = next(iter(value), None)
        yield key, "none" if value is None and key in off else value


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    return [_plain(item) for item in value] if isinstance(value, tuple) else value
