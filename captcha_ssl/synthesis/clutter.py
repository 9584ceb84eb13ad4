"""Clutter: lines, waves, arcs, grids and specks, drawn into the ink."""

from __future__ import annotations

import math
from random import Random

import cv2
import numpy as np

from captcha_ssl.synthesis.canvas import Pixels


def draw_lines(ink: Pixels, rng: Random, count: int, *, shade: int = 255, thick: int = 2) -> None:
    """`count` bent lines from side to side, each of two or three straight pieces."""
    height, width = ink.shape
    for _ in range(count):
        bends = rng.randint(2, 4)
        xs = sorted(rng.uniform(0, 1) for _ in range(bends - 2))
        across = [rng.uniform(-0.05, 0.3), *(0.3 + 0.4 * x for x in xs), rng.uniform(0.7, 1.05)]
        points = [(round(x * width), round(rng.uniform(0, 1) * height)) for x in across]
        path = np.array(points, np.int32)
        cv2.polylines(ink, [path], False, shade, rng.randint(1, thick), cv2.LINE_AA)


def draw_waves(ink: Pixels, rng: Random, count: int, *, shade: int = 255, thick: int = 2) -> None:
    """`count` sine waves over the whole width."""
    height, width = ink.shape
    xs = np.arange(-4, width + 4, 3)
    for _ in range(count):
        middle, swing = rng.uniform(0.25, 0.75) * height, rng.uniform(0.04, 0.25) * height
        turns, start = rng.uniform(0.7, 3.5), rng.uniform(0, 2 * math.pi)
        tilt = rng.uniform(-0.15, 0.15) * height
        ys = middle + swing * np.sin(start + xs * (2 * math.pi * turns / width))
        path = np.stack([xs, ys + tilt * (2 * xs / width - 1)], 1).round().astype(np.int32)
        cv2.polylines(ink, [path], False, shade, rng.randint(1, thick), cv2.LINE_AA)


def draw_bar(ink: Pixels, rng: Random, *, thick: int, shade: int = 255) -> None:
    """One line over most of the width, straight, bent or waving, `thick` pixels thick."""
    height, width = ink.shape
    xs = np.linspace(rng.uniform(-0.05, 0.15), rng.uniform(0.85, 1.05), 24)
    ends = np.array([0, 1 / 3, 2 / 3, 1])
    heights = [rng.uniform(0.1, 0.9) for _ in ends]
    kind = rng.random()
    if kind < 0.4:
        ys = np.interp(np.linspace(0, 1, 24), ends[[0, 3]], [heights[0], heights[3]])
    elif kind < 0.6:
        ys = np.interp(np.linspace(0, 1, 24), ends, heights)
    else:
        turns, start = rng.uniform(0.3, 2.5), rng.uniform(0, 2 * math.pi)
        swing = rng.uniform(0.05, 0.3)
        ys = 0.5 * (heights[0] + 0.5) + swing * np.sin(start + 2 * math.pi * turns * xs)
    path = np.stack([xs * width, ys * height], 1).round().astype(np.int32)
    cv2.polylines(ink, [path], False, shade, thick, cv2.LINE_AA)


def draw_arcs(ink: Pixels, rng: Random, count: int, *, shade: int = 255, thick: int = 2) -> None:
    """`count` pieces of ellipses."""
    height, width = ink.shape
    for _ in range(count):
        center = rng.randrange(width), rng.randrange(height)
        axes = rng.randint(4, width // 2 + 4), rng.randint(2, height // 2 + 2)
        start = rng.uniform(0, 360)
        end = start + rng.uniform(60, 300)
        tilt = rng.uniform(0, 180)
        cv2.ellipse(ink, center, axes, tilt, start, end, shade, rng.randint(1, thick), cv2.LINE_AA)


def draw_specks(ink: Pixels, rng: Random, count: int, *, largest: int, shade: int = 255) -> None:
    """`count` round dots with radii from 0 to `largest` pixels."""
    height, width = ink.shape
    for _ in range(count):
        center = rng.randrange(width), rng.randrange(height)
        tone = round(shade * rng.uniform(0.4, 1))
        cv2.circle(ink, center, rng.randint(0, largest), tone, -1, cv2.LINE_AA)


def draw_grid(ink: Pixels, rng: Random, *, shade: int) -> None:
    """Parallel lines in one or in both directions."""
    height, width = ink.shape
    step = rng.randint(5, 14)
    which = rng.randint(1, 2)
    for lines in (ink[rng.randrange(step) :: step], ink[:, rng.randrange(step) :: step])[:which]:
        np.maximum(lines, shade, out=lines)


def dotted(ink: Pixels, rng: Random, step: int) -> Pixels:
    """The ink through a screen of dots `step` pixels apart, in alternating rows."""
    ys, xs = np.indices(ink.shape)
    start = rng.randrange(step)
    holes = ((xs + (ys // step) * (step // 2 + 1) + start) % step > 0) & (ys % step != step - 1)
    if rng.random() < 0.5:
        holes = (xs // max(1, step // 2) + ys // max(1, step // 2) + start) % 2 == 0
    return np.where(holes, ink, 0).astype(np.uint8)
