"""The interface of every style."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Canvas:
    """Size of a picture in pixels; `channels` is 3 (RGB) or 1 (gray)."""

    channels: int
    height: int
    width: int


Draw = Callable[[str, Random, Canvas], Pixels]
"""Draws a text, with every random choice from the `Random`, as uint8 [C, H, W] in 0..255."""
