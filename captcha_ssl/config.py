"""Reads the settings of a run from a TOML file, `key=value` texts and flags."""

from __future__ import annotations

import dataclasses
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Self, TypeVar

from pydantic import ValidationError

from captcha_ssl.did_you_mean import near_name
from captcha_ssl.documents import parse_toml
from captcha_ssl.errors import UserError
from captcha_ssl.settings import Settings, options, user_error
from captcha_ssl.settings_text import as_text, commented_toml, to_toml
from captcha_ssl.text_file import read_text_file

_MOST_CONFIG = 1 << 20
"""Bytes of a configuration file."""
SECTIONS = ("generate", "pretrain", "adapt", "finetune", "benchmark", "tune")
"""Tables of a TOML file that several commands share: each reads its own, and what is in none."""
S = TypeVar("S", bound=Settings)


@dataclass(frozen=True)
class Given:
    """The user's settings, in rising order of priority: a TOML file, `key=value` texts, flags.

    A flag with the value None is absent. `label` is the name of the texts in errors. A file may
    have a table for each command: `section` names the one to read, which overrides the settings
    outside of all tables.
    """

    file: Path | None = None
    section: str = field(default="", kw_only=True)
    assignments: Sequence[str] = ()
    flags: Mapping[str, Any] = field(default_factory=dict)
    label: str = "--set"

    @cached_property
    def values(self) -> dict[str, tuple[Any, str]]:
        """Key → its value and its origin. Raises UserError for an unreadable file."""
        file = _of_section(_read_toml(self.file), self.section, self.file)
        found = {key: (value, str(self.file)) for key, value in file.items()}
        for text in self.assignments:
            key, value = split_assignment(text, self.label)
            found[key] = (value, self.label)
        for key, value in self.flags.items():
            if value is not None:
                found[key] = (value, f"--{key.replace('_', '-')}" if self.label else "")
        return found

    def peek(self, key: str) -> str | None:
        """The value of `key`, before the settings classes are known."""
        value = self.values.get(key, (None, ""))[0]
        return None if value is None else str(value)

    def peek_path(self, key: str) -> Path | None:
        """The path that is the value of `key`; None if it has none, or is `none`."""
        value = self.peek(key)
        return None if value in (None, "none") else Path(str(value))

    def over(self, *start: Settings) -> Chosen:
        """The settings of `start`, changed by these values.

        Raises UserError for an unknown key, a wrong type or a value out of range, and ValueError
        when two classes name the same key.
        """
        owners: dict[str, type[Settings]] = {}
        for part in start:
            for key in options(type(part)):
                if key in owners:
                    raise ValueError(f"two settings classes both have a field {key!r}")
                owners[key] = type(part)
        for key, (_, where) in self.values.items():
            if key not in owners:
                place = f"{where}: " if where else ""
                hint = near_name(key, owners) or "--settings lists all"
                raise UserError(f"{place}unknown setting {key!r}; {hint}")
        return Chosen(tuple(self._over_one(part) for part in start))

    def _over_one(self, start: S) -> S:
        known = options(type(start))
        changes = {key: value for key, (value, _) in self.values.items() if key in known}
        try:
            return start.replace(**changes)
        except ValidationError as error:
            raise user_error(error, lambda key: self.values.get(key, (None, ""))[1]) from error


@dataclass(frozen=True)
class Chosen:
    """Settings by their class."""

    parts: tuple[Settings, ...]

    def __getitem__(self, kind: type[S]) -> S:
        return next(part for part in self.parts if isinstance(part, kind))


class Config:
    """The base of the frozen dataclasses that compose all settings of one kind of run.

    `shown` are the classes whose flags `--help` lists; they and the configuration must import fast.
    `open_defaults` describes the defaults that are chosen later, when nobody sets them.
    `section` is the name of the command's table in a TOML file that several commands share.
    """

    section: ClassVar[str] = ""
    shown: ClassVar[tuple[type[Settings], ...]] = ()
    open_defaults: ClassVar[Mapping[str, str]] = {}

    @classmethod
    def read(cls, given: Given) -> Self:
        """The configuration for a user's settings. Raises UserError like `Given.over`."""
        return cls().at(given)

    @property
    def parts(self) -> tuple[Settings, ...]:
        """All settings in it, in the order they are shown."""
        return tuple(_settings_in(getattr(self, f.name) for f in dataclasses.fields(self)))  # type: ignore[arg-type]

    def at(self, given: Given) -> Self:
        """This configuration, changed by a user's settings. Raises UserError like `Given.over`."""
        chosen = iter(given.over(*self.parts).parts)
        return dataclasses.replace(  # type: ignore[type-var]
            self,
            **{f.name: _refilled(getattr(self, f.name), chosen) for f in dataclasses.fields(self)},  # type: ignore[arg-type]
        )

    def to_toml(self, *, comments: bool = False) -> str:
        """TOML that reads back to an equal configuration, with a comment on each key."""
        off = self.turned_off()
        if not comments:
            return to_toml(*self.parts, off=off)
        return commented_toml(self.parts, self.defaults_in_words(), self.opened(), off)

    @classmethod
    def defaults_in_words(cls) -> dict[str, str]:
        """The defaults that are not those of their classes: open ones, and this command's own."""
        own = [f.default for f in dataclasses.fields(cls) if f.default is not dataclasses.MISSING]  # type: ignore[arg-type]
        changed = {
            key: as_text(value)
            for part in _settings_in(own)
            for key, option in options(type(part)).items()
            if (value := getattr(part, key)) != option.default
        }
        return {**changed, **cls.open_defaults}

    def turned_off(self) -> Container[str]:
        """The keys whose None is written as `none`: left out, they would get a value again.

        None is a choice where the default is chosen later, as a start from scratch is.
        """
        return self.open_defaults

    def opened(self) -> set[str]:
        """The keys with an open default that nobody set."""
        return {
            key
            for part in self.parts
            for key in self.open_defaults.keys() & options(type(part)).keys()
            if part.explicit(key) is None and getattr(part, key) is not None
        }


def split_assignment(text: str, label: str = "--set") -> tuple[str, str]:
    """Split `key=value`; dashes in the key count as underscores. Raises UserError without '='."""
    key, equals, value = text.partition("=")
    if not equals:
        place = f"{label} {text}" if label == "--set" else f"{label}: {text}"
        raise UserError(f"{place}: write it as key=value")
    return key.strip().replace("-", "_"), value.strip()


def _settings_in(values: Iterable[Any]) -> Iterator[Settings]:
    for value in values:
        if isinstance(value, Settings):
            yield value
        elif isinstance(value, tuple):
            yield from _settings_in(value)


def _refilled(value: Any, chosen: Iterator[Settings]) -> Any:
    if isinstance(value, Settings):
        return next(chosen)
    return tuple(_refilled(item, chosen) for item in value) if isinstance(value, tuple) else value


def _read_toml(file: Path | None) -> dict[str, Any]:
    if file is None:
        return {}
    return parse_toml(read_text_file(file, most=_MOST_CONFIG), file)


def _of_section(loaded: Mapping[str, Any], section: str, file: Path | None) -> dict[str, Any]:
    """The settings of a file for one command: those outside of tables, then its own table."""
    tables = {key: value for key, value in loaded.items() if key in SECTIONS}
    for key, value in tables.items():
        if not isinstance(value, dict):
            raise UserError(f"{file}: {key} is a table of settings; write [{key}] above them")
    plain = {key: value for key, value in loaded.items() if key not in tables}
    own = {**plain, **tables.get(section, {})}
    return {key.replace("-", "_"): value for key, value in own.items()}
