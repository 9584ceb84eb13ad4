"""Sums up the ink of a set of images, from the measurements of each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from captcha_ssl.data.ink import ImageInk, measure_image, three_values
from captcha_ssl.data.preparation import Gray

INK_SAMPLE = 64
"""The number of images that are measured, from all parts of a set."""


@dataclass(frozen=True)
class InkReport:
    """Medians over the measured images, and shares of the images.

    Lengths are pixels of the images, contrasts gray levels. `height` is the height of the ink as a
    share of the image, `box` contains the ink of nearly all images, `direction` is the color of the
    ink (paper minus ink, of length 1) and `one_color` its consistency over the images (1: the same
    color). `padding` is the share of columns that are added to bring all images to one width;
    `pitch` is the distance of characters, None without labels. `grays` is the contrast of the text
    in each possible gray, in the fainter images.
    """

    images: int
    size: tuple[int, int]
    contrast: float
    strongest: float
    buried: float
    stroke: float
    background: float
    noise: float
    dark: float
    height: float
    width: float
    box: tuple[float, float, float, float]
    direction: tuple[float, float, float]
    one_color: float
    grays: dict[Gray, float]
    along_direction: float
    padding: float
    pitch: float | None


def measure(
    images: Sequence[np.ndarray], *, lengths: Sequence[int] | None = None
) -> InkReport | None:
    """Measure RGB uint8 [H, W, 3] images; None if none of them shows any ink.

    `lengths` are their numbers of characters.
    """
    found = [measure_image(image) for image in images]
    kept = [(i, ink) for i, ink in enumerate(found) if ink is not None]
    if not kept:
        return None
    inks = [ink for _, ink in kept]
    boxes = np.array([ink.box for ink in inks])
    colors = np.array([ink.color for ink in inks])
    directions = colors / np.maximum(np.linalg.norm(colors, axis=1, keepdims=True), 1e-6)
    mean = directions.mean(0)
    length = float(np.linalg.norm(mean))
    weights = mean / max(float(np.abs(mean).sum()), 1e-6)
    pitches = [
        (ink.box[2] - ink.box[0]) * ink.size[1] / max(1, lengths[i])
        for i, ink in kept
        if lengths is not None
    ]
    return InkReport(
        images=len(inks),
        size=_median_size(inks),
        contrast=_median(ink.contrast for ink in inks),
        strongest=_median(ink.strongest for ink in inks),
        buried=float(np.mean([ink.buried for ink in inks])),
        stroke=_median(ink.stroke for ink in inks),
        background=_median(ink.background for ink in inks),
        noise=_median(ink.noise for ink in inks),
        dark=float(np.mean([ink.dark for ink in inks])),
        height=float(np.median(boxes[:, 3] - boxes[:, 1])),
        width=float(np.median(boxes[:, 2] - boxes[:, 0])),
        box=_common_box(boxes),
        direction=three_values(mean / max(length, 1e-6)),
        one_color=length,
        grays={gray: _low(ink.grays[gray] for ink in inks) for gray in inks[0].grays},
        along_direction=_low(np.abs(colors @ weights)),
        padding=0.0,
        pitch=_median(pitches) if pitches else None,
    )


def _common_box(boxes: np.ndarray) -> tuple[float, float, float, float]:
    """The box that contains the ink of all but a few images, from boxes [N, 4] in shares."""
    left, top = np.quantile(boxes[:, :2], 0.02, axis=0)
    right, bottom = np.quantile(boxes[:, 2:], 0.98, axis=0)
    return float(left), float(top), float(right), float(bottom)


def _median(values: Iterable[float]) -> float:
    return float(np.median(list(values)))


def _low(values: Iterable[float]) -> float:
    return float(np.quantile(list(values), 0.1))


def _median_size(inks: Sequence[ImageInk]) -> tuple[int, int]:
    height, width = np.median([ink.size for ink in inks], axis=0)
    return int(height), int(width)
