"""Does style `classic` draw like the `captcha` package? Statistics, speed, and a sheet.

    python -m benchmarks.classic --sheet docs/pictures/classic.png

Pictures of both at 160×60 in color and, as the presets train on them, at 88×32 in gray, which
`captcha` reaches by drawing at 160×60 first. Each statistic is a mean over pictures with its
standard error; `apart` is the difference in standard deviations of a single picture.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import cv2
import numpy as np

from captcha_ssl.data.column_sheet import write_columns
from captcha_ssl.data.geometry import Geometry
from captcha_ssl.synthesis.render import renderer
from captcha_ssl.synthesis.settings import PictureSettings

_LUMA = np.array([0.299, 0.587, 0.114])
_ROWS = 10
_WARM, _TURNS = 60_000, 12


def main() -> None:
    """Print the table; draw the sheet if asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--count", type=int, default=4000, help="pictures of each style")
    parser.add_argument("--sheet", type=Path, help="PNG to write")
    asked = parser.parse_args()
    cv2.setNumThreads(1)
    if asked.sheet:
        write_sheet(asked.sheet)
    trained_on = Geometry(1, 32, 88)
    for title, width, height, channels in (("160×60", 160, 60, 3), ("88×32 gray", 88, 32, 1)):
        package = draw("captcha", asked.count, 160, 60, 3)
        own = draw("classic", asked.count, width, height, channels)
        if channels == 1:
            package = [trained_on.fit(image.transpose(1, 2, 0)) for image in package]
        print(f"{title}, {asked.count:,} pictures of each")
        print(f"{'':34} {'captcha':>9} {'classic':>9} {'apart':>7} {'error':>7}")
        theirs, ours = (
            np.array([list(statistics(i).values()) for i in images]) for images in (package, own)
        )
        for name, a, b in zip(statistics(own[0]), theirs.T, ours.T, strict=True):
            spread = max(np.hypot(a.std(), b.std()) / 2**0.5, 1e-9)
            apart, error = (b.mean() - a.mean()) / spread, (2 / asked.count) ** 0.5
            print(f"{name:34} {a.mean():9.3f} {b.mean():9.3f} {apart:7.3f} {error:7.3f}")
    print("pictures a second and core, the best of several, beside captcha at 160×60 in color:")
    for name, found, times in rates():
        print(f"{name:34} {found:9,.0f} {times:9.1f}")


def draw(style: str, count: int, width: int, height: int, channels: int) -> list[np.ndarray]:
    """The first `count` pictures of a style, uint8 [C, H, W] each; other texts than any other's."""
    settings = PictureSettings(
        seed=len(style) + ord(style[1]), style=style, width=width, height=height, channels=channels
    )
    render = renderer(settings)
    return [render(index)[0] for index in range(count)]


def statistics(image: np.ndarray) -> dict[str, float]:
    """Statistics of a picture that need no reading."""
    gray = np.tensordot(_LUMA, image, 1) if len(image) == 3 else image[0].astype(float)
    paper = np.median(np.concatenate([gray[0], gray[-1]]))
    ink = paper - gray
    dark = ink > max(8.0, 0.35 * ink.max())
    across, down = dark.any(0).nonzero()[0], dark.any(1).nonzero()[0]
    parts, _, sizes, _ = cv2.connectedComponentsWithStats(dark.astype(np.uint8))
    solid = cv2.erode(dark.astype(np.uint8), np.ones((3, 3), np.uint8))
    edges = np.abs(np.diff(gray, axis=1)).mean(), np.abs(np.diff(gray, axis=0)).mean()
    return {
        "mean": gray.mean(),
        "deviation": gray.std(),
        "darkest": gray.min(),
        "share of ink": dark.mean(),
        "share of thick ink": solid.mean(),
        "slope along": edges[0],
        "slope down": edges[1],
        "slopes over deviation": sum(edges) / max(gray.std(), 1e-6),
        "second slope over first": np.abs(np.diff(gray, 2)).mean() / max(edges[0], 1e-6),
        "parts": parts - 1,
        "largest part": sizes[1:, cv2.CC_STAT_AREA].max(initial=0) / dark.size,
        "first row": down.min(initial=0) / len(gray),
        "ink in the middle row": dark[len(gray) // 2].mean(),
        "ink in the outer columns": dark[:, [*range(8), *range(-8, 0)]].mean(),
        "columns with ink": len(across) / gray.shape[1],
    }


def rates() -> list[tuple[str, float, float]]:
    """What is drawn, pictures a second of processor time, and times the first of them."""
    settings = {
        "captcha, 160×60": PictureSettings(style="captcha"),
        "classic, 160×60": PictureSettings(style="classic"),
        "classic, 88×32 gray": PictureSettings(style="classic", width=88, height=32, channels=1),
    }
    for index in range(_WARM):
        renderer(settings["classic, 160×60"])(index)
    best = dict.fromkeys(settings, 0.0)
    for turn in range(_TURNS):
        for name, asked in settings.items():
            render, count = renderer(asked), 100 if "captcha" in name else 1000
            begun = time.process_time()
            for index in range(count):
                render(10**6 + 1000 * turn + index)
            best[name] = max(best[name], count / (time.process_time() - begun))
    first = best["captcha, 160×60"]
    return [(name, found, found / first) for name, found in best.items()]


def write_sheet(file: Path) -> None:
    """The same texts in each row, three times: by the package and by ourselves."""
    columns = {}
    for seed in range(3):
        for style in ("captcha", "classic"):
            render = renderer(PictureSettings(seed=seed, style=style))
            columns[f"{style}, seed {seed}"] = [
                render(index)[0].transpose(1, 2, 0) for index in range(_ROWS)
            ]
    write_columns(file, columns, title="captcha is the package, classic is drawn by ourselves")


if __name__ == "__main__":
    main()
