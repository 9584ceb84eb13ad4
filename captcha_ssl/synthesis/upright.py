"""The ink of a single upright character of a font."""

from __future__ import annotations

import numpy as np

from captcha_ssl.synthesis.canvas import Pixels
from captcha_ssl.synthesis.fonts import load_face


def upright_ink(character: str, face: str, size: int, height: int) -> tuple[Pixels, float]:
    """Trimmed ink uint8 [h, w] of a character at `size` pixels to the em, and its drop in pixels.

    The drop is how far its center lies below the middle of a capital that is `height` pixels high.
    """
    font = load_face(face, size)
    top = int(font.getbbox(character, anchor="ls")[1])
    drawn = font.getmask(character, mode="L")
    ink = np.array(drawn, np.uint8).reshape(drawn.size[::-1])
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    trimmed = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return trimmed, top + (rows[0] + rows[-1] + 1) / 2 + height / 2


def em_size(face: str, height: int, measured_at: int) -> int:
    """The size in pixels to the em at which a capital H of `face` is `height` pixels high.

    The H is measured at `measured_at` pixels to the em.
    """
    _, top, _, bottom = load_face(face, measured_at).getbbox("H", anchor="ls")
    return max(1, round(height * measured_at / (bottom - top)))
