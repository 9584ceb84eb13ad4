"""Tells a frame around the text from the text itself."""

from __future__ import annotations

import cv2
import numpy as np

_MOST_OF_A_SIDE = 0.7
"""The share of the height and of the width that a frame spans at least."""


def without_frames(ink: np.ndarray) -> np.ndarray:
    """Bool [H, W] without the connected parts that span most of the image and are empty inside.

    Touching letters may span as much, but they have ink in their middle. Where nothing else is left
    the ink stays as it is.
    """
    rows, columns = ink.shape
    _, parts, boxes, _ = cv2.connectedComponentsWithStats(ink.astype(np.uint8), connectivity=8)
    spans = (boxes[:, cv2.CC_STAT_HEIGHT] > _MOST_OF_A_SIDE * rows) & (
        boxes[:, cv2.CC_STAT_WIDTH] > _MOST_OF_A_SIDE * columns
    )
    frames = [
        part for part in np.flatnonzero(spans).tolist() if part and _is_hollow(parts, part, boxes)
    ]
    if not frames:
        return ink
    left: np.ndarray = ink & ~np.isin(parts, frames)
    return left if left.any() else ink


def _is_hollow(parts: np.ndarray, part: int, boxes: np.ndarray) -> bool:
    """Whether a part has no pixel in the inner half of its box, across and down."""
    left, top, width, height = (int(value) for value in boxes[part, :4])
    across = slice(left + width // 4, left + width - width // 4)
    down = slice(top + height // 4, top + height - height // 4)
    return not bool((parts[down, across] == part).any())
