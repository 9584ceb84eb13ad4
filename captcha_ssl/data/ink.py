"""Measures the ink of one image: position, contrast, stroke width, background and clutter.

Text is many short strokes, a disturbing line is one long stroke. So contrasts are counted along
ridges: each crossing of a stroke counts once, whatever its width, and a thick line counts no more
than a thin one.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from captcha_ssl.data.frame import without_frames
from captcha_ssl.data.preparation import Gray, extent, odd, to_gray

_ROWS = 160
"""Higher images are shrunk to this height for measuring; results are in original pixels."""
_WINDOW = 0.4
"""The window of the background, in heights."""
_FAINTEST = 8.0
"""Weaker contrasts, in gray levels, do not count as ink."""
_FEWEST_RIDGES = 10
_FEWEST_PIECES = 3
_LOW, _EVERYWHERE = 0.4, 0.8
"""The shares of the rows that small text takes at most, and the grain around it at least."""


@dataclass(frozen=True)
class ImageInk:
    """The measurements of one image; lengths in its own pixels, contrasts in gray levels.

    `contrast` is that of the text. `strongest` is the strongest contrast in the image; it differs
    if a line is stronger than the text (`buried`). `stroke` is the width of a stroke of the text,
    `background` the range of the low frequencies, `noise` that of the high ones. `box` is the
    position of the ink: left, top, right, bottom in shares. `color` is the mean of paper minus ink,
    one value per channel (negative if the ink is lighter). `grays` is the contrast of the text in
    each possible gray.
    """

    size: tuple[int, int]
    contrast: float
    strongest: float
    buried: bool
    stroke: float
    background: float
    noise: float
    dark: bool
    box: tuple[float, float, float, float]
    color: tuple[float, float, float]
    grays: dict[Gray, float]


def measure_image(image: np.ndarray) -> ImageInk | None:
    """The ink of RGB uint8 [H, W, 3]; None if there is none."""
    size = image.shape[:2]
    shrink = min(1.0, _ROWS / size[0])
    if shrink < 1:
        shape = (max(1, round(size[1] * shrink)), _ROWS)
        image = np.asarray(cv2.resize(image, shape, interpolation=cv2.INTER_AREA), np.uint8)
    window = odd(_WINDOW * image.shape[0])
    if min(image.shape[:2]) < 3:
        return None
    colored = bool((image[..., :1] != image[..., 1:]).any())
    seen = [_Channel.of(image[..., c], window) for c in range(3 if colored else 1)]
    channels = seen if colored else seen * 3
    contrast = np.maximum.reduce([channel.contrast for channel in seen])
    noise = max(channel.noise for channel in seen)
    least = max(_FAINTEST, 4 * noise)
    ridge = _ridges(contrast, least)
    levels = contrast[ridge]
    if len(levels) < _FEWEST_RIDGES:
        return None
    border = _split(levels)
    buried = _is_buried(contrast, levels, border)
    most = border if buried else np.inf
    if not buried:
        least = max(least, _grain_around_small_text(contrast, levels, border))
    text = (contrast > least) & (contrast <= most)
    own = levels[(levels > least) & (levels <= most)]
    median = float(np.median(own))
    strokes = without_frames(text & (contrast > median / 3))
    crossings = int((ridge & strokes).sum())
    core = ridge & strokes & (contrast >= median / 2)
    paper = np.stack([channel.paper[core] for channel in channels], 1)
    ink = image[core].astype(np.float32)
    color = np.median(paper - ink, 0)
    top, bottom = extent(strokes.sum(1))
    left, right = extent(strokes[top:bottom].sum(0))
    rows, columns = contrast.shape
    return ImageInk(
        size=(int(size[0]), int(size[1])),
        contrast=median,
        # Of all ridges, a grain's among them, the text's may be less than one in twenty.
        strongest=max(median, float(np.quantile(levels, 0.95))),
        buried=buried,
        stroke=float(strokes.sum()) / max(1, crossings) / shrink,
        background=max(channel.slow for channel in seen),
        noise=noise,
        dark=bool(color.sum() >= 0),
        box=(left / columns, top / rows, right / columns, bottom / rows),
        color=three_values(color),
        grays=_gray_contrasts(paper, ink),
    )


@dataclass(frozen=True)
class _Channel:
    """For one channel [H, W]: its contrast with the background, the background, the range of the
    background, and the deviation of the pixel noise."""

    contrast: np.ndarray
    paper: np.ndarray
    slow: float
    noise: float

    @classmethod
    def of(cls, values: np.ndarray, window: int) -> _Channel:
        middle = cv2.medianBlur(values, odd(0.75 * window)).astype(np.float32)
        difference = middle - values
        dark = bool(difference.clip(min=0).sum() >= (-difference).clip(min=0).sum())
        square = np.ones((window, window), np.uint8)
        kind = cv2.MORPH_CLOSE if dark else cv2.MORPH_OPEN
        paper = np.asarray(cv2.morphologyEx(values, kind, square), np.float32)
        contrast = (paper - values) if dark else (values - paper)
        smooth = np.asarray(cv2.blur(paper, (window, window)))[::2, ::2]
        slow = float(np.quantile(smooth, 0.98) - np.quantile(smooth, 0.02))
        sharp = cv2.absdiff(values, np.asarray(cv2.medianBlur(values, 3), np.uint8))
        return cls(contrast - np.median(contrast), paper, slow, float(1.48 * np.median(sharp)))


def _ridges(contrast: np.ndarray, least: float) -> np.ndarray:
    """Ridges: float [H, W] is above `least` and not below its neighbors on one of two axes.

    Of a plateau only the first pixel counts.
    """
    around = np.pad(contrast, 1)
    middle = around[1:-1, 1:-1]
    vertical = (middle > around[:-2, 1:-1]) & (middle >= around[2:, 1:-1])
    horizontal = (middle > around[1:-1, :-2]) & (middle >= around[1:-1, 2:])
    found: np.ndarray = (contrast > least) & (vertical | horizontal)
    return found


def _split(levels: np.ndarray) -> float:
    """The level that separates faint ridges from strong ones best (Otsu's, of the logarithms)."""
    ordered = np.sort(np.log(levels))
    count, sums = len(ordered), np.cumsum(ordered)
    below = np.arange(1, count)
    lower, upper = sums[:-1] / below, (sums[-1] - sums[:-1]) / (count - below)
    between = below * (count - below) * (lower - upper) ** 2
    return float(np.exp(ordered[int(between.argmax())])) + 1e-3


def _is_buried(contrast: np.ndarray, levels: np.ndarray, border: float) -> bool:
    """Whether the ridges above `border` are a line across the image, and the fainter ones the text.

    A line spans the image and is low in every column; strong text is tall in some columns.
    """
    if not _are_two_kinds(levels, border):
        return False
    over = contrast > border
    rows, columns = over.shape
    if np.quantile(over.sum(0), 0.9) > 0.3 * rows:
        return False
    count, _, boxes, _ = cv2.connectedComponentsWithStats(over.astype(np.uint8), connectivity=8)
    return count > 1 and bool(boxes[1:, cv2.CC_STAT_WIDTH].max() > 0.6 * columns)


def _grain_around_small_text(contrast: np.ndarray, levels: np.ndarray, border: float) -> float:
    """The contrast that small text in a part of the image exceeds, and the grain does not; else 0.

    As of a date that is printed on a photographed package: the grain is everywhere. Where the text
    is so small that nearly all ridges are the grain's, `border` lies within the grain.
    """
    if _is_small(contrast, levels, border):
        return border
    half = 0.5 * float(np.quantile(levels, 0.998))
    pieces, _ = cv2.connectedComponents((contrast > half).astype(np.uint8), connectivity=8)
    # A scratch or the stroke of a pen is one piece, or two.
    return half if pieces > _FEWEST_PIECES and _is_small(contrast, levels, half) else 0.0


def _is_small(contrast: np.ndarray, levels: np.ndarray, border: float) -> bool:
    """Whether the ridges above `border` are small text, and the fainter ones a grain."""
    strong = levels > border
    if strong.sum() < _FEWEST_RIDGES or not _are_two_kinds(levels, border):
        return False
    over = contrast > border
    top, bottom = extent(over.sum(1))
    first, last = extent(((contrast > _FAINTEST) & ~over).sum(1))
    rows = len(contrast)
    return bottom - top < _LOW * rows and last - first > _EVERYWHERE * rows


def _are_two_kinds(levels: np.ndarray, border: float) -> bool:
    """Whether the ridges above `border` are much stronger than the others, which are not few."""
    faint, strong = levels[levels <= border], levels[levels > border]
    if not len(strong) or len(faint) < 0.25 * len(levels):
        return False
    return bool(np.median(strong) >= 2.2 * np.median(faint))


def _gray_contrasts(paper: np.ndarray, ink: np.ndarray) -> dict[Gray, float]:
    """The median contrast of colors [N, 3] in each possible gray."""
    kinds: tuple[Gray, ...] = ("luminance", "minimum", "maximum")
    pair = [np.clip(values, 0, 255).astype(np.uint8)[:, None] for values in (paper, ink)]
    found: dict[Gray, float] = {}
    for kind in kinds:
        light, dark = (to_gray(values, kind, ()).astype(np.float32) for values in pair)
        found[kind] = float(np.median(np.abs(light - dark)))
    return found


def three_values(values: np.ndarray) -> tuple[float, float, float]:
    """One value per channel, rounded."""
    one, two, three = (round(float(value), 4) for value in values)
    return one, two, three
