"""A sheet that compares pictures: a column for each view, a row for each image."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from captcha_ssl.data.sheet import FRAME, INK, PAPER, save_sheet, sheet_font

MAX_WIDTH = 1600
_SCALES = (3.0, 2.5, 2.0, 1.5, 1.25, 1.0, 0.75, 0.5, 0.25)
_MARGIN, _GAP, _TEXT, _LINE, _TITLE = 20, 14, 15, 20, 20

Columns = Mapping[str, Sequence[np.ndarray]]


def write_columns(path: Path, columns: Columns, *, title: str) -> None:
    """Draw `columns`, caption → RGB uint8 pictures [H, W, 3], under `title` and save them.

    The extension decides the format (.png, .jpg, …). Raises UserError if it cannot be written.
    """
    save_sheet(path, draw_columns(columns, title=title))


def draw_columns(columns: Columns, *, title: str) -> Image.Image:
    """The sheet as a picture, every caption over its column, all pictures at one scale.

    The scale is 3, or less to keep the sheet within a width of 1600 pixels.
    """
    font, bold = sheet_font("DejaVuSans.ttf", _TEXT), sheet_font("DejaVuSans.ttf", _TITLE)
    scale, widths = _fit(columns, font.getlength)
    captions = [_wrap(c, w, font.getlength) for c, w in zip(columns, widths, strict=True)]
    rows = zip(*columns.values(), strict=True)
    heights = [round(max(picture.shape[0] for picture in row) * scale) for row in rows]
    top = _MARGIN + _TITLE + _GAP + _LINE * max(map(len, captions)) + _GAP
    width = max(_span(widths), round(bold.getlength(title)))
    sheet = Image.new("RGB", (width + 2 * _MARGIN, top + _span(heights) + _MARGIN), PAPER)
    draw = ImageDraw.Draw(sheet)
    draw.text((_MARGIN, _MARGIN), title, INK, bold)
    left = _MARGIN
    for column, lines, pictures in zip(widths, captions, columns.values(), strict=True):
        draw.text((left, top - _GAP / 2), "\n".join(lines), INK, font, anchor="ld")
        _draw_column(sheet, pictures, heights, (left, top), scale)
        left += column + _GAP
    return sheet


def _draw_column(
    sheet: Image.Image,
    pictures: Sequence[np.ndarray],
    heights: Sequence[int],
    corner: tuple[int, int],
    scale: float,
) -> None:
    left, top = corner
    draw = ImageDraw.Draw(sheet)
    # Nearest neighbor: smoothing would show something that the method does not see.
    resampling = Image.Resampling.NEAREST if scale > 1 else Image.Resampling.BOX
    for picture, height in zip(pictures, heights, strict=True):
        size = round(picture.shape[1] * scale), round(picture.shape[0] * scale)
        draw.rectangle((left - 1, top - 1, left + size[0], top + size[1]), outline=FRAME)
        sheet.paste(Image.fromarray(picture).resize(size, resampling), (left, top))
        top += height + _GAP


def _span(sizes: Sequence[int]) -> int:
    return sum(sizes) + _GAP * (len(sizes) - 1)


def _fit(columns: Columns, length: Callable[[str], float]) -> tuple[float, list[int]]:
    """The largest scale that fits, and the widths of the columns at it."""
    for scale in _SCALES:
        widths = [
            max(
                [round(picture.shape[1] * scale) for picture in pictures]
                + [round(length(word)) for word in caption.split()]
            )
            for caption, pictures in columns.items()
        ]
        if _span(widths) + 2 * _MARGIN <= MAX_WIDTH:
            break
    return scale, widths


def _wrap(text: str, width: int, length: Callable[[str], float]) -> list[str]:
    lines: list[str] = []
    for word in text.split():
        if lines and length(f"{lines[-1]} {word}") <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines
