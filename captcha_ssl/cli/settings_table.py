"""What `--settings` prints: every setting of a command, its value and its meaning.

A setting whose default is chosen later has no value as long as nobody sets it.
"""

from __future__ import annotations

import textwrap

from captcha_ssl.config import Config
from captcha_ssl.did_you_mean import did_you_mean
from captcha_ssl.errors import UserError
from captcha_ssl.settings import Option, options
from captcha_ssl.settings_text import as_text, described

_WIDTH = 98


def settings_table(config: Config, word: str = "") -> str:
    """The settings with `word` in their name or meaning, grouped under the titles of their classes.

    Raises UserError when there is none.
    """

    defaults, opened = config.defaults_in_words(), config.opened()

    def meaning(option: Option) -> str:
        return described(option, defaults.get(option.name))

    lines: list[str] = []
    for part in config.parts:
        found = [
            option
            for option in options(type(part)).values()
            if word.lower() in f"{option.name} {meaning(option)}".lower()
        ]
        lines += [f"{type(part).title}:"] if found else []
        for option in found:
            value = as_text(getattr(part, option.name))
            lines.append(
                f"  {option.name}" if option.name in opened else f"  {option.name} = {value}"
            )
            lines += textwrap.wrap(
                meaning(option), _WIDTH, initial_indent=" " * 6, subsequent_indent=" " * 6
            )
        lines += [""] if found else []
    if not lines:
        names = [name for part in config.parts for name in options(type(part))]
        raise UserError(f"--settings {word}: no setting has this word; {did_you_mean(word, names)}")
    return "\n".join(lines).rstrip() + "\n"
