"""Normalizes labels: the same rule for tables, databases and file names."""

from __future__ import annotations

from captcha_ssl.data.spelling import composed

EMPTY = "empty label"
BROKEN = "a line break in the label; write it in one line"
UNDECODABLE = "the label is not UTF-8; write it in UTF-8"
_NUMBER = "the label is a number, which has no leading zeros; write it in quotation marks"


def read_label(written: str) -> tuple[str, str | None]:
    """The label, stripped and composed (NFC), and what is wrong with it.

    A label is wrong if it is empty, has a line break or is not UTF-8.
    """
    label = composed(written.strip())
    if not label:
        return label, EMPTY
    if not label.isprintable():
        if len(label.splitlines()) > 1:
            return label, BROKEN
        if any("\ud800" <= character <= "\udfff" for character in label):
            return label, UNDECODABLE
    return label, None


def text_in_json(value: object) -> tuple[str, str | None]:
    """The text that a value of JSON holds, perhaps as a list of one, and what is wrong with it."""
    if isinstance(value, list) and len(value) == 1:
        (value,) = value
    if isinstance(value, str):
        return value, None
    if value is None:
        return "", EMPTY
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return "", _NUMBER if number else "its text is not one text"


def form_note(labels: int) -> list[str]:
    """The note on labels in another Unicode form."""
    if not labels:
        return []
    return [f"{labels:,} labels are in decomposed form (NFD) and are read as composed (NFC)"]


def is_respelled(written: str) -> bool:
    """Whether composing changes the label, which deserves a note."""
    return not written.isascii() and composed(written) != written
