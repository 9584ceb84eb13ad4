"""How many frames an image gives, known before any network is built (and without torch)."""

from __future__ import annotations

STRIDE = 4
"""Pixels of width behind one frame, the same for every encoder."""


def frames(width: int) -> int:
    """Number of frames an encoder returns for an image `width` pixels wide."""
    return -(-width // STRIDE)
