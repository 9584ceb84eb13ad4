"""Settings: one declaration gives the TOML key, the flag, the help, the range and the default.

A settings class derives from `Settings` and declares each of its fields with `setting`. Pydantic
converts and checks; an error names the setting, what is wrong and what is allowed.
"""

from __future__ import annotations

import dataclasses
import re
import types
import typing
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_core import PydanticCustomError

from captcha_ssl.did_you_mean import did_you_mean
from captcha_ssl.errors import UserError

MOST_SEED = 2**62
"""The largest seed that torch and NumPy accept, with room for runs that count up from it."""

MOST_WHOLE = 10**12
"""The largest whole number where none is declared: more than any run can do, and it fits in int64
when it is multiplied."""

Choices = Sequence[str] | Callable[[], Sequence[str]]

_EXPECTED = {
    "int": "expected a whole number",
    "float": "expected a number",
    "finite": "expected a finite number",
    "bool": "expected true or false",
    "string": "expected text",
    "path": "expected text",
    "tuple": "expected a list",
}
"""Our words for pydantic's errors int_parsing, float_type and so on."""
_REFUSED = "refused"


def setting(
    default: Any,
    help: str,
    *,
    low: float | None = None,
    high: float | None = None,
    choices: Choices | None = None,
    several: bool = False,
    pattern: str | None = None,
    flag: bool | str = False,
) -> Any:
    """Declare a field: its default, its meaning and its range (both ends included).

    One of the `choices` may be named, or `several` with commas between them; names that are
    costly to find out are given as a function. What matches `pattern` may be given too.

    A field with `flag` has its own option on the command line, shown in `--help`; a text is
    its metavar. Every field can be changed by `--set`.
    """
    declared = {
        "low": low,
        "high": high,
        "choices": choices,
        "several": several,
        "pattern": pattern,
        "flag": flag,
    }
    return Field(default, description=help, json_schema_extra={"declared": declared})  # type: ignore[dict-item]


@dataclass(frozen=True)
class Option:
    """One setting as it was declared."""

    name: str
    kind: Any
    optional: bool
    repeated: bool
    default: Any
    help: str
    low: float | None
    high: float | None
    several: bool
    pattern: str | None
    flag: bool | str
    declared_choices: Choices | None

    @property
    def choices(self) -> tuple[str, ...]:
        """The allowed names; none if any value is allowed."""
        found = self.declared_choices
        return tuple(found() if callable(found) else found or ())

    @property
    def span(self) -> str:
        """The range in words; empty if there is none."""
        parts = (
            "" if self.low is None else f"from {self.low}",
            "" if self.high is None else f"to {self.high}",
        )
        return " ".join(part for part in parts if part)


class Settings(BaseModel):
    """The base of all settings classes: frozen, and unknown keys are refused.

    `title` heads its options in `--help`. A value may come as text, as it does from a command
    line: a list has commas between its items, and `none` stands for None. Raises
    pydantic.ValidationError, which `user_error` puts in words.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        # Compile validators on first use: `--help` uses none.
        defer_build=True,
        allow_inf_nan=False,
        protected_namespaces=(),
    )
    title: ClassVar[str] = "Options"

    @field_validator("*", mode="before")
    @classmethod
    def _read(cls, value: Any, info: ValidationInfo) -> Any:
        option = options(cls)[str(info.field_name)]
        if option.optional and value == "none":
            return None
        if option.repeated:
            if option.kind is Path:
                # A comma may be part of a path: several are a list, or a flag given again.
                items = [] if value == "none" else value
                items = [items] if isinstance(items, str | Path) else items
            else:
                items = value.split(",") if isinstance(value, str) else value
            return [_item(option, i) for i in items] if isinstance(items, list | tuple) else items
        return _item(option, value)

    @field_validator("*", mode="after")
    @classmethod
    def _check(cls, value: Any, info: ValidationInfo) -> Any:
        option = options(cls)[str(info.field_name)]
        if value is not None:
            for item in value if isinstance(value, tuple) else (value,):
                _check_choice(option, item)
                _check_range(option, item, value)
        return value

    def replace(self, **changes: Any) -> Self:
        """A copy with other, checked values. `model_fields_set` gains their names."""
        return type(self)(**{key: getattr(self, key) for key in self.model_fields_set} | changes)

    def explicit(self, key: str) -> Any:
        """The value of `key` if it is set, or None if it is the default."""
        return getattr(self, key) if key in self.model_fields_set else None


@cache
def options(cls: type[Settings]) -> dict[str, Option]:
    """The settings of a class, by name."""
    # Annotations are text while the class is made; those of a base may be from another module.
    hints = typing.get_type_hints(cls)
    found = {}
    for name, field in cls.model_fields.items():
        extra = field.json_schema_extra
        declared: dict[str, Any] = extra["declared"] if isinstance(extra, dict) else {}  # type: ignore[assignment]
        kind, optional = _without_none(hints[name])
        repeated = typing.get_origin(kind) is tuple
        found[name] = Option(
            name=name,
            kind=typing.get_args(kind)[0] if repeated else kind,
            optional=optional,
            repeated=repeated,
            default=field.default,
            help=field.description or "",
            low=declared.get("low"),
            high=declared.get("high"),
            several=declared.get("several", False),
            pattern=declared.get("pattern"),
            flag=declared.get("flag", False),
            declared_choices=declared.get("choices"),
        )
    return found


def user_error(error: ValidationError, where: Callable[[str], str]) -> UserError:
    """The first error in one line; `where(key)` is the origin of the value."""
    first = error.errors(include_url=False)[0]
    key = str(first["loc"][0])
    place = f"{where(key)}: " if where(key) else ""
    if first["type"] == _REFUSED:
        return UserError(f"{place}{key} = {first['msg']}")
    expected = _EXPECTED.get(first["type"].partition("_")[0], first["msg"])
    return UserError(f"{place}{key} = {first['input']!r}: {expected}")


def _without_none(hint: Any) -> tuple[Any, bool]:
    if typing.get_origin(hint) not in (types.UnionType, typing.Union):
        return hint, False
    kinds = [kind for kind in typing.get_args(hint) if kind is not types.NoneType]
    return kinds[0], True


def _item(option: Option, value: Any) -> Any:
    """A value as pydantic is to see it."""
    if isinstance(value, bool) and option.kind is not bool:
        # Pydantic would accept true as the number 1.
        expected = _EXPECTED.get(option.kind.__name__, "expected text")
        raise _refused(f"{str(value).lower()}: {expected}")
    if isinstance(value, str) and option.kind is int:
        return value.replace(",", "")
    if isinstance(value, str | Path) and "\0" in str(value):
        raise _refused(f"{str(value)!r}: a zero character is in it")
    # Composed (NFC) like labels: a charset names the characters of labels.
    text = isinstance(value, str) and option.kind is str
    return unicodedata.normalize("NFC", value) if text else value


def _check_choice(option: Option, value: Any) -> None:
    if option.declared_choices is None:
        return
    known = option.choices
    for name in str(value).split(",") if option.several else [value]:
        if name not in known and not re.fullmatch(option.pattern or "(?!)", str(name)):
            raise _refused(f"{name!r} is not known; {did_you_mean(str(name), known)}")


def _check_range(option: Option, number: Any, value: Any) -> None:
    if not isinstance(number, int | float):
        return
    low, high = option.low, option.high
    if high is None and isinstance(number, int):
        option, high = dataclasses.replace(option, high=MOST_WHOLE), MOST_WHOLE
    if (low is not None and number < low) or (high is not None and number > high):
        raise _refused(f"{value} is out of range; allowed: {option.span}")


def _refused(text: str) -> PydanticCustomError:
    return PydanticCustomError(_REFUSED, "{text}", {"text": text})
