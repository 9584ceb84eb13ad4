"""From ink to a picture: position of the line, paper and colors."""

from __future__ import annotations

from random import Random

import cv2
import numpy as np

from captcha_ssl.synthesis.canvas import Canvas, Pixels

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_TINTS = (8, 8, 30, 60, 100)
_WHITE, _WHITE_PAPER = 250, 0.15
Span = tuple[float, float]


def place(
    line: Pixels, rng: Random, canvas: Canvas, *, fill: Span = (0.6, 0.95), stray: float = 1.0
) -> Pixels:
    """Ink [H, W] with the line at a random place, about `fill` of the height or width it has.

    It is centered, up to a random share `stray` of the free room.
    """
    rows, columns = line.shape
    room = canvas.height * 0.96, canvas.width * 0.97
    share = rng.uniform(*fill)
    across = min(share * room[0] / rows * rng.uniform(0.85, 1.15), room[1] / columns)
    # A squeezed line also loses some height; otherwise its letters look like a barcode.
    down = min(share * room[0] / rows, 1.7 * across)
    size = max(1, int(columns * across)), max(1, int(rows * down))
    method = cv2.INTER_LINEAR if min(across, down) >= 0.7 else cv2.INTER_AREA
    left, top = (
        int((0.5 + stray * (rng.random() - 0.5)) * (room - own + 1))
        for room, own in zip((canvas.width, canvas.height), size, strict=True)
    )
    ink = np.zeros((canvas.height, canvas.width), np.uint8)
    ink[top : top + size[1], left : left + size[0]] = cv2.resize(line, size, interpolation=method)
    return ink


def gradient(rng: Random, canvas: Canvas, strength: float) -> np.ndarray:
    """A slope of brightness in a random direction: float32 [H, W] from −strength to strength."""
    down, along = rng.uniform(-1, 1), rng.uniform(-1, 1)
    size = strength / max(abs(down) + abs(along), 1e-6)
    rows = np.linspace(-down * size, down * size, canvas.height, dtype=np.float32)
    columns = np.linspace(-along * size, along * size, canvas.width, dtype=np.float32)
    return rows[:, None] + columns


def noise(rng: Random, canvas: Canvas, strength: float) -> np.ndarray:
    """Triangular noise, float32 [H, W] from −strength to strength."""
    drawn = np.frombuffer(rng.randbytes(2 * canvas.height * canvas.width), np.uint8)
    pairs = drawn.reshape(2, canvas.height, canvas.width).astype(np.float32)
    return (pairs[0] - pairs[1]) * (strength / 255)


def slope(rng: Random, canvas: Canvas, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Paper with a gradient between two colors in a random direction: float32 [3, H, W]."""
    share = gradient(rng, canvas, 0.5) + 0.5
    return first[:, None, None] + (second - first)[:, None, None] * share


def any_color(rng: Random, *, bright: Span = (0, 255)) -> np.ndarray:
    """RGB float32 [3], its brightness within `bright` or a little off; as often gray as vivid."""
    if bright[1] >= _WHITE and rng.random() < _WHITE_PAPER:
        return np.full(3, 255, np.float32)
    return _color(rng.uniform(*bright), rng, rng.choice(_TINTS))


def unlike(rng: Random, paper: np.ndarray, *, least: float) -> np.ndarray:
    """A color float32 [3] whose brightness is at least `least` from that of `paper` [3].

    Brightness of any weighting of the channels: yellow on white counts by its blue. One in four
    is black or white, as most ink is.
    """
    own = float(_LUMA @ paper)
    end = np.full(3, 0.0 if own > 127 else 255.0, np.float32)
    if rng.random() < 0.25:
        return end
    for _ in range(8):
        color = any_color(rng)
        gap = np.abs(color - paper)
        # Both: what the eye sees, and what gray by luminance keeps a third of at least.
        if gap.max() >= 1.5 * least and abs(float(_LUMA @ color) - own) >= least / 1.5:
            return color
    return end


def blend(picture: np.ndarray, color: np.ndarray, layer: Pixels) -> np.ndarray:
    """`color` [3] or [3, …] over a picture float32 [3, H, W] where `layer` 0…255 [H, W] has ink."""
    if color.ndim == 1:
        color = color[:, None, None]
    share = layer.astype(np.float32) / 255
    return np.asarray(picture + (color - picture) * share)


def finish(picture: np.ndarray, canvas: Canvas) -> Pixels:
    """A picture float32 [3, H, W] as the canvas has it: uint8 [C, H, W]."""
    colored = np.clip(picture + 0.5, 0, 255).astype(np.uint8)
    if canvas.channels == 3:
        return np.ascontiguousarray(colored)
    # Of the clipped colors: a channel may end where the brightness does not.
    whole = np.ascontiguousarray(colored.transpose(1, 2, 0))
    return np.asarray(cv2.cvtColor(whole, cv2.COLOR_RGB2GRAY), np.uint8)[None]


def paint(
    ink: Pixels | np.ndarray,
    rng: Random,
    canvas: Canvas,
    *,
    paper: Span = (200, 255),
    dark: Span = (0, 110),
    tint: float = 45,
    inverted: float = 0.0,
    field: np.ndarray | None = None,
) -> Pixels:
    """Color ink 0…255 [H, W]: uint8 [C, H, W].

    `paper` and `dark` are brightnesses, from which each channel departs by up to `tint`;
    `inverted` is how often the two change places; `field` [H, W] is added to everything.
    """
    ends = [_color(rng.uniform(*span), rng, tint) for span in (paper, dark)]
    if rng.random() < inverted:
        ends.reverse()
    background, letters = ends
    share = np.asarray(ink, np.float32) / 255
    picture = background[:, None, None] + (letters - background)[:, None, None] * share
    if field is not None:
        picture += field
    return finish(picture, canvas)


def _color(brightness: float, rng: Random, tint: float) -> np.ndarray:
    """RGB float32 [3] of a brightness, or a little off where a channel ends."""
    color = np.array([rng.uniform(-tint, tint) for _ in range(3)], np.float32)
    return np.clip(color - _LUMA @ color + brightness, 0, 255)
