"""PNG bytes of an image in channel order."""

from __future__ import annotations

import cv2
import numpy as np


def encode_png(image: np.ndarray) -> bytes:
    """Encode uint8 [C, H, W], C = 1 gray or 3 RGB."""
    pixels = image[0] if image.shape[0] == 1 else image[::-1].transpose(1, 2, 0)
    _, data = cv2.imencode(".png", np.ascontiguousarray(pixels))
    return data.tobytes()
