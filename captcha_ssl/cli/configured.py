"""Commands whose options come from settings classes: flags, help, --config, --set and others."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer
from typer.core import TyperCommand

if TYPE_CHECKING:
    from captcha_ssl.config import Config
    from captcha_ssl.settings import Option

_WITHOUT_DATA = ("--settings", "--print-config")
_PANEL = "Settings"
_MOST_SHOWN = 6
"""The number of choices that `--help` lists; `--settings` lists more."""

_GENERAL: dict[str, Any] = {
    "config_file": Annotated[
        Path | None,
        typer.Option(
            "--config", metavar="FILE.toml", help="Read settings here.", rich_help_panel=_PANEL
        ),
    ],
    "assignments": Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Change any setting; may be repeated.",
            rich_help_panel=_PANEL,
        ),
    ],
    "word": Annotated[
        str | None,
        typer.Option(
            "--settings",
            metavar="[WORD]",
            help="List all settings, or those that contain a word, and stop.",
            rich_help_panel=_PANEL,
        ),
    ],
    "print_config": Annotated[
        bool,
        typer.Option(
            "--print-config",
            help="Print the settings as TOML that --config reads, and stop.",
            rich_help_panel=_PANEL,
        ),
    ],
}


@dataclass(frozen=True)
class Configured:
    """A command that takes a configuration, then the parameters of its own signature.

    `place` is the module:class of the configuration, imported when the command is used. `arguments`
    are settings without a flag: name → annotation.
    """

    run: Callable[..., None]
    place: str
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def function(self, arguments: Sequence[str]) -> Callable[..., None]:
        """The command for typer: its own parameters, then one for each flag."""
        kind = self._kind()
        alone = any(argument.partition("=")[0] in _WITHOUT_DATA for argument in arguments)
        own = list(self._own(kind, optional=alone))
        flags = [_flag(kind, settings.title, option) for settings, option in _flagged(kind)]
        general = [
            _parameter(name, hint, False if name == "print_config" else None)
            for name, hint in _GENERAL.items()
        ]

        def command(**values: Any) -> None:
            self._start(kind, [flag.name for flag in flags], values)

        parameters = [*own, *flags, *general]
        command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        command.__annotations__ = {p.name: p.annotation for p in parameters}
        command.__name__, command.__doc__ = self.run.__name__, self.run.__doc__
        return command

    def _kind(self) -> type[Config]:
        module, _, name = self.place.partition(":")
        found: type[Config] = getattr(import_module(module), name)
        return found

    def _own(self, kind: type[Config], *, optional: bool) -> Iterator[inspect.Parameter]:
        hints = get_type_hints(self.run, localns={kind.__name__: kind}, include_extras=True)
        for name, parameter in inspect.signature(self.run).parameters.items():
            if name != "config":
                default = parameter.default
                if optional and default is inspect.Parameter.empty:
                    default = None
                yield _parameter(name, hints[name], default)
        for name, hint in self.arguments.items():
            yield _parameter(name, hint, None)

    def _start(self, kind: type[Config], flags: Sequence[str], values: dict[str, Any]) -> None:
        from captcha_ssl.config import Given

        given = Given(
            values.pop("config_file"),
            tuple(values.pop("assignments") or ()),
            {name: _given(values.pop(name)) for name in (*flags, *self.arguments)},
            section=kind.section,
        )
        word, print_config = values.pop("word"), values.pop("print_config")
        config = kind.read(given)
        if word is not None:
            from captcha_ssl.cli.settings_table import settings_table

            typer.echo(settings_table(config, word), nl=False)
        elif print_config:
            typer.echo(config.to_toml(comments=True), nl=False)
        else:
            self.run(config, **values)


def _given(value: Any) -> Any:
    """The value of a flag or an argument, None if it is absent: a switch, or an empty list."""
    return None if value is False or value == [] else value


class GroupedCommand(TyperCommand):
    """A command whose help groups its options under headings, and names no types of Python."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """The usage line: what is in brackets may be left out."""
        return [re.sub("[{}]", "", piece) for piece in super().collect_usage_pieces(ctx)]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the arguments, then the options, each heading before its first one."""
        groups: dict[str, list[tuple[str, str]]] = {"Arguments": []}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is None:
                continue
            name, words = record[0], _facts_in_words(record[1])
            if parameter.param_type_name == "argument":
                groups["Arguments"].append((name.partition(" ")[0], words))
                continue
            panel = getattr(parameter, "rich_help_panel", None) or "Options"
            name = name.replace("<int range>", "N").replace("<float range>", "X")
            groups.setdefault(panel, []).append((name, words))
        for title, records in groups.items():
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)


def _facts_in_words(words: str) -> str:
    """A help text as the settings have theirs: `(default 12; 1 to 100)` at its end."""
    text, _, facts = words.removesuffix("]").rpartition("  [")
    if not text:
        return words
    facts = facts.replace("default: ", "default ")
    facts = re.sub(r"(\S+)<=x<=(\S+)", r"\1 to \2", facts)
    facts = re.sub(r"x>=(\S+)", r"at least \1", facts)
    return f"{text.removesuffix('.')} ({facts})"


def optional_word(arguments: Sequence[str]) -> list[str]:
    """The arguments, with an empty word after a bare `--settings`; typer needs a value."""
    found: list[str] = []
    for argument, after in zip(arguments, [*arguments[1:], "-"], strict=False):
        found.append(argument)
        if argument == "--settings" and after.startswith("-"):
            found.append("")
    return found


def _flagged(kind: type[Config]) -> Iterator[tuple[Any, Option]]:
    from captcha_ssl.settings import options

    for settings in kind.shown:
        for option in options(settings).values():
            if option.flag:
                yield settings, option


def _flag(config: type[Config], panel: str, option: Option) -> inspect.Parameter:
    metavar = option.flag if isinstance(option.flag, str) else "X"
    switch = option.kind is bool
    again = option.repeated and option.kind is Path
    kind: Any = bool if switch else (list[str] | None if again else str | None)
    hint: Any = Annotated[
        kind,
        typer.Option(
            f"--{option.name.replace('_', '-')}",
            metavar=None if switch else metavar,
            help=_help(option, config.defaults_in_words().get(option.name)),
            rich_help_panel=panel,
            autocompletion=None if option.declared_choices is None else lambda: option.choices,
        ),
    ]
    return _parameter(option.name, hint, False if switch else None)


def _help(option: Option, default: str | None) -> str:
    from captcha_ssl.settings_text import as_text

    text = option.help[0].upper() + option.help[1:]
    known = () if callable(option.declared_choices) else option.choices
    if 0 < len(known) <= _MOST_SHOWN and option.pattern is None:
        text += f": {', '.join(known)}"
    # A default of 0 is shown, although 0 == False.
    if default is None and any(option.default is nothing for nothing in (None, False, ())):
        return text
    return f"{text} (default {default or as_text(option.default)})"


def _parameter(name: str, hint: Any, default: Any) -> inspect.Parameter:
    kind = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(name, kind, default=default, annotation=hint)
