"""Places that are spread evenly over many images, for a sample of them."""

from __future__ import annotations

import numpy as np


def spread_places(count: int, most: int) -> np.ndarray:
    """Up to `most` places below `count`, int64 and rising: the first, the last and between them."""
    return np.linspace(0, count - 1, min(count, most)).astype(np.int64)
