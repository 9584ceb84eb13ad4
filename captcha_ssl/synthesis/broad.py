"""Style `broad`: every look there is, drawn at sizes of all kinds and brought to the canvas.

It is what the shipped model learns from. A picture is drawn on a canvas of its own and then
fitted as `predict` fits an image of that size.
"""

from __future__ import annotations

from random import Random

import numpy as np

from captcha_ssl.data.geometry import Geometry
from captcha_ssl.synthesis.canvas import Canvas, Draw, Pixels
from captcha_ssl.synthesis.classic import draw_classic
from captcha_ssl.synthesis.cluttered import draw_cluttered
from captcha_ssl.synthesis.dotted import draw_dotted
from captcha_ssl.synthesis.gradual import draw_gradual
from captcha_ssl.synthesis.hollow import draw_hollow
from captcha_ssl.synthesis.opencv import draw_fast
from captcha_ssl.synthesis.plain import draw_plain
from captcha_ssl.synthesis.rippled import draw_rippled
from captcha_ssl.synthesis.smeared import draw_smeared
from captcha_ssl.synthesis.wavy import draw_wavy

_DRAWN = (
    *((draw_fast, 8), (draw_plain, 10), (draw_smeared, 7), (draw_rippled, 24), (draw_dotted, 11)),
    *((draw_hollow, 6), (draw_wavy, 8), (draw_gradual, 6), (draw_cluttered, 7)),
)
_CLASSIC = 28
"""Weights, in rising order of how many captchas look like it; `classic` is the commonest."""
_LOOKS = ((draw_classic, _CLASSIC), *_DRAWN)
_TOTAL = sum(weight for _, weight in _LOOKS)
_HEIGHTS = (24, 30, 40, 50, 60, 80)


def draw_broad(text: str, rng: Random, canvas: Canvas) -> Pixels:
    """Draw `text`: uint8 [C, H, W]."""
    draw = _choose(rng)
    own = _own_canvas(len(text), rng, canvas.channels, classic=draw is draw_classic)
    # Colors become gray as they do in an image that is read.
    picture = np.broadcast_to(draw(text, rng, own), (3, own.height, own.width))
    fit = Geometry(canvas.channels, canvas.height, canvas.width).fit
    return fit(np.ascontiguousarray(picture.transpose(1, 2, 0)))


def _choose(rng: Random) -> Draw:
    at = rng.random() * _TOTAL
    for draw, weight in _LOOKS:
        at -= weight
        if at < 0:
            return draw
    return draw_classic


def _own_canvas(length: int, rng: Random, channels: int, *, classic: bool) -> Canvas:
    if classic:
        # The package's own size, which four characters fill.
        return Canvas(3, 60, max(100, 40 * length))
    height = rng.choice(_HEIGHTS)
    aspect = length * rng.uniform(0.5, 0.85) + rng.uniform(0.2, 0.8)
    return Canvas(channels, height, max(16, round(height * aspect)))
