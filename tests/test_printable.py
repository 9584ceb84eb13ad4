from __future__ import annotations

import pytest

from captcha_ssl.printable import printable, quoted, shortened, shown


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("plain é 京", "plain é 京"),
        ("\x1b[31m", "\\x1b[31m"),
        ("a\u200bb", "a\\u200bb"),
        ("\u202eABC", "\\u202eABC"),
        ("\udce9", "\\udce9"),
        ("a\u3164", "a\\u3164"),
        ("line\nbreak\t", "line\\nbreak\\t"),
        ("\x9b", "\\x9b"),
        ("a\u00a0b", "a\\xa0b"),
    ],
)
def test_control_and_invisible_characters_are_escaped_and_the_rest_is_kept(text: str, seen: str):
    assert printable(text) == seen


def test_long_text_keeps_its_beginning_and_its_end():
    short = shortened("a" * 1_000 + "end", 100)
    assert short.startswith("aaa") and short.endswith("end") and len(short) < 120
    assert shortened("abc", 3) == "abc"


def test_escapes_do_not_make_a_text_too_long():
    assert len(shown("\x1b" * 10_000, 100)) < 130
    assert quoted("a\n") == r"'a\n'"
