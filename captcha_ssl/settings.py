"""Settings dataclasses: one name for the CLI option, the TOML key and the stored run config.

Values come from, in rising order of strength: the default, the TOML file, `--set key=value`
and the command-line flag. A key that no settings class has is an error that names the nearest one.
"""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import tomli_w

from captcha_ssl.did_you_mean import did_you_mean
from captcha_ssl.documents import parse_toml
from captcha_ssl.errors import UserError
from captcha_ssl.text_file import read_text_file

_MOST_CONFIG = 1 << 20
MOST_SEED = 2**62
"""The largest seed: torch and NumPy both take it, and runs that count on from it."""


def setting(
    default: Any,
    help: str,
    *,
    low: float | None = None,
    high: float | None = None,
    choices: Sequence[str] | None = None,
    several: bool = False,
) -> Any:
    """A dataclass field with its meaning and its legal range (both ends included).

    Of its `choices` one may be named, or `several` with commas between them.
    """
    metadata = {"help": help, "low": low, "high": high, "choices": choices, "several": several}
    return dataclasses.field(default=default, metadata=metadata)


def resolve(
    classes: Sequence[type],
    *,
    file: Path | None = None,
    assignments: Sequence[str] = (),
    flags: Mapping[str, Any] | None = None,
) -> tuple[Any, ...]:
    """Build one instance of each settings class from file, `key=value` texts and flags.

    A flag whose value is None was not given. Field names must be unique over `classes`.
    Raises UserError for an unreadable file, an unknown key, a wrong type or a value out of range.
    """
    fields = _fields(classes)
    values: dict[str, Any] = {}
    for key, value in _read_toml(file).items():
        values[key] = _checked(fields, key, value, where=str(file))
    for key, text in map(split_assignment, assignments):
        values[key] = _checked(fields, key, text, where="--set")
    for key, value in (flags or {}).items():
        if value is not None:
            values[key] = _checked(fields, key, value, where=f"--{key.replace('_', '-')}")
    return tuple(
        cls(**{f.name: values[f.name] for f in dataclasses.fields(cls) if f.name in values})
        for cls in classes
    )


def with_defaults(cls: type, values: Mapping[str, Any]) -> type:
    """The settings class `cls` with those of `values` that it has a field for as defaults."""
    hints = typing.get_type_hints(cls)
    fields = [
        (f.name, hints[f.name], dataclasses.field(default=values[f.name], metadata=f.metadata))
        for f in dataclasses.fields(cls)
        if f.name in values
    ]
    return dataclasses.make_dataclass(cls.__name__, fields, bases=(cls,), frozen=True)


def peek(
    key: str, *, file: Path | None, assignments: Sequence[str], flag: str | None
) -> str | None:
    """The value `key` will have, before it is known which settings classes take part.

    The method's name decides which settings class joins in, so it must be read first.
    """
    if flag is not None:
        return flag
    assigned = dict(map(split_assignment, assignments))
    value = assigned.get(key, _read_toml(file).get(key))
    return None if value is None else str(value)


def to_toml(*instances: Any) -> str:
    """The settings as TOML that `resolve` reads back to equal instances (None is left out)."""
    merged = {k: v for instance in instances for k, v in dataclasses.asdict(instance).items()}
    return tomli_w.dumps({k: _plain(v) for k, v in merged.items() if v is not None})


def split_assignment(text: str) -> tuple[str, str]:
    """Split `key=value`; dashes in the key count as underscores. Raises UserError without '='."""
    key, equals, value = text.partition("=")
    if not equals:
        raise UserError(f"--set {text}: write it as key=value")
    return key.strip().replace("-", "_"), value.strip()


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    return list(value) if isinstance(value, tuple) else value


def _read_toml(file: Path | None) -> dict[str, Any]:
    if file is None:
        return {}
    loaded = parse_toml(read_text_file(file, most=_MOST_CONFIG), file)
    return {key.replace("-", "_"): value for key, value in loaded.items()}


def _fields(classes: Sequence[type]) -> dict[str, tuple[dataclasses.Field[Any], Any]]:
    found: dict[str, tuple[dataclasses.Field[Any], Any]] = {}
    for cls in classes:
        hints = typing.get_type_hints(cls)
        for field in dataclasses.fields(cls):
            if field.name in found:
                raise ValueError(f"two settings classes both name a field {field.name!r}")
            found[field.name] = (field, hints[field.name])
    return found


def _checked(
    fields: Mapping[str, tuple[dataclasses.Field[Any], Any]], key: str, value: Any, *, where: str
) -> Any:
    if key not in fields:
        hint = did_you_mean(key, sorted(fields), "known:")
        raise UserError(f"{where}: unknown setting {key!r}; {hint}")
    field, hint_type = fields[key]
    try:
        converted = _convert(value, hint_type)
    except ValueError as error:
        raise UserError(f"{where}: {key} = {value!r}: {error}") from error
    _check_range(field, converted, key, where)
    return converted


def _check_range(field: dataclasses.Field[Any], value: Any, key: str, where: str) -> None:
    low, high = field.metadata.get("low"), field.metadata.get("high")
    choices = field.metadata.get("choices")
    if choices is not None and value is not None:
        named = str(value).split(",") if field.metadata.get("several") else [value]
        for unknown in (name for name in named if name not in choices):
            hint = did_you_mean(str(unknown), choices)
            raise UserError(f"{where}: {key} = {unknown!r} is not known; {hint}")
    for number in value if isinstance(value, tuple) else (value,):
        if not isinstance(number, int | float):
            continue
        # Written so that NaN, which compares as false, is refused too.
        if (low is not None and not number >= low) or (high is not None and not number <= high):
            span = f"from {low} " * (low is not None) + f"to {high}" * (high is not None)
            raise UserError(f"{where}: {key} = {value} is out of range; allowed: {span.strip()}")


def _convert(value: Any, wanted: Any) -> Any:
    origin = typing.get_origin(wanted)
    if origin in (types.UnionType, typing.Union):
        options = [o for o in typing.get_args(wanted) if o is not types.NoneType]
        return None if value is None or value == "none" else _convert(value, options[0])
    if origin is tuple:
        if not isinstance(value, str | list | tuple):
            raise ValueError("expected a list")
        items = value.split(",") if isinstance(value, str) else value
        return tuple(_convert(item, typing.get_args(wanted)[0]) for item in items)
    if wanted is bool:
        return _to_bool(value)
    if wanted is int:
        return _to_int(value)
    if wanted is float:
        return _to_float(value)
    if not isinstance(value, str | Path):
        raise ValueError("expected text")
    if "\0" in str(value):
        raise ValueError("a zero character is in it")
    return Path(value) if wanted is Path else value


def _to_bool(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if str(value).lower() in ("true", "yes", "1", "on"):
        return True
    if str(value).lower() in ("false", "no", "0", "off"):
        return False
    raise ValueError("expected true or false")


def _to_int(value: Any) -> int:
    if isinstance(value, bool) or isinstance(value, float) and not value.is_integer():
        raise ValueError("expected a whole number")
    try:
        return int(value.replace("_", "").replace(",", "") if isinstance(value, str) else value)
    except (TypeError, ValueError):
        raise ValueError("expected a whole number") from None


def _to_float(value: Any) -> float:
    if isinstance(value, bool):
        raise ValueError("expected a number")
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise ValueError("expected a number") from None
    if not math.isfinite(number):
        raise ValueError("expected a finite number")
    return number
