"""Finds labels that a recognizer can never learn, before training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from captcha_ssl.data.charset import frames_needed
from captcha_ssl.errors import UserError
from captcha_ssl.printable import quoted

_WIDEST = 1 << 16


def check_frames(
    path: Path,
    names: Sequence[str],
    labels: Sequence[str],
    width: int,
    frames: Callable[[int], int],
) -> None:
    """Raise UserError for labels that need too many frames for `width`; it names the worst.

    `frames` maps a width in pixels to a model's number of frames.
    """
    if not labels:
        return
    longest = max(range(len(labels)), key=lambda index: frames_needed(labels[index]))
    needed, available = frames_needed(labels[longest]), frames(width)
    if needed <= available:
        return
    enough = width_for(needed, width, frames)
    raise UserError(
        f"{path}: {names[longest]}: label {quoted(labels[longest])} needs {needed} frames, but "
        f"images {width} pixels wide give {available}; a width of {enough} is enough"
    )


def width_for(needed: int, width: int, frames: Callable[[int], int]) -> int:
    """The first multiple of 8 from `width` on that gives `needed` frames."""
    candidates = range(-(-width // 8) * 8, _WIDEST, 8)
    return next((value for value in candidates if frames(value) >= needed), _WIDEST)
