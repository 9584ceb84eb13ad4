"""The number of frames of an image, computed without a network and without torch."""

from __future__ import annotations

STRIDE = 4
"""Pixels of width per frame, the same for every encoder."""


def frames(width: int) -> int:
    """Number of frames an encoder returns for an image `width` pixels wide."""
    return -(-width // STRIDE)
