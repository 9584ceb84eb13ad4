"""What is learned of a label as it was written down: one rule for tables, databases and names."""

from __future__ import annotations

from captcha_ssl.data.spelling import composed

EMPTY = "empty label"
BROKEN = "a line break in the label; write it in one line"
UNDECODABLE = "the label is not UTF-8; write it in UTF-8"


def read_label(written: str) -> tuple[str, str | None]:
    """The label without spaces and line ends around it, composed (NFC), and what is wrong with it.

    Wrong is an empty label, one with a line break in it, and one of bytes that are no UTF-8.
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


def form_note(labels: int) -> list[str]:
    """What is said of `labels` that were written in another Unicode form."""
    if not labels:
        return []
    return [f"{labels:,} labels are written decomposed (NFD) and are read composed (NFC)"]


def is_respelled(written: str) -> bool:
    """Whether composing changes the label: worth a word to its user."""
    return not written.isascii() and composed(written) != written
