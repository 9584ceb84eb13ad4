"""A contact sheet: pictures in a grid, each with a caption that a person can check."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Sequence, Set
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from captcha_ssl.atomic import atomic_path
from captcha_ssl.errors import UserError
from captcha_ssl.notice import warn
from captcha_ssl.printable import printable

_COLUMNS, _GAP, _MARGIN = 6, 12, 20
_TILE_WIDTHS = (200, 320)
"""A tile is as wide as the longest caption, within these limits."""
_TILE_HEIGHTS = (24, 200)
_TEXT, _TITLE = 17, 20
PAPER, INK, FRAME = (244, 244, 242), (20, 20, 20), (200, 200, 196)

Tile = tuple[np.ndarray, str]
_IN_NO_FONT = "\U0010fffe"
_FONTS = (
    "~/.fonts",
    "~/.local/share/fonts",
    "/usr/share/fonts",
    "/usr/local/share/fonts",
    "~/Library/Fonts",
    "/Library/Fonts",
    "/System/Library/Fonts",
    "C:/Windows/Fonts",
)
"""Font folders of operating systems."""
_WRITTEN = {
    ".png": "PNG",
    **dict.fromkeys((".jpg", ".jpeg"), "JPEG"),
    ".webp": "WEBP",
    ".bmp": "BMP",
    ".gif": "GIF",
    **dict.fromkeys((".tif", ".tiff"), "TIFF"),
}


def rgb(image: np.ndarray) -> np.ndarray:
    """An image uint8 [C, H, W], gray or in color, as a picture [H, W, 3] of a sheet."""
    wide = np.broadcast_to(image, (3, *image.shape[1:]))
    return np.ascontiguousarray(wide.transpose(1, 2, 0))


def write_sheet(path: Path, tiles: Sequence[Tile], *, title: str) -> None:
    """Draw `tiles`, RGB uint8 [H, W, 3] with a caption each, under `title` and save it.

    The extension decides the format (.png, .jpg, …). Raises UserError if it cannot be written.
    """
    save_sheet(path, draw_sheet(tiles, title=title))


def save_sheet(path: Path, sheet: Image.Image) -> None:
    """Save a drawn sheet as `write_sheet` does."""
    format = check_picture_name(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(path) as temporary:
            sheet.save(temporary, format=format)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"{path}: cannot be written ({reason})") from error


def check_picture_name(path: Path) -> str:
    """The image format for `path`. Raises UserError for an unknown extension."""
    format = _WRITTEN.get(path.suffix.lower())
    if format is None:
        raise UserError(f"{path}: not the name of a picture; use a name that ends in .png")
    if path.is_dir():
        raise UserError(f"{path}: a folder; name a file")
    return format


def draw_sheet(tiles: Sequence[Tile], *, title: str) -> Image.Image:
    """The sheet as a picture, six tiles a row."""
    title, tiles = printable(title), [(image, printable(caption)) for image, caption in tiles]
    font, bold = sheet_font("DejaVuSansMono.ttf", _TEXT), sheet_font("DejaVuSans.ttf", _TITLE)
    captions = Captions([caption for _, caption in tiles], font)
    wide, height = captions.width, _tile_height(tiles, captions.width)
    top, step = _MARGIN + _TITLE + 2 * _GAP, height + _TEXT + 2 * _GAP
    columns = max(1, min(_COLUMNS, len(tiles)))
    rows = -(-len(tiles) // columns)
    width = max(2 * _MARGIN + columns * (wide + _GAP) - _GAP, _width_of(title, bold))
    sheet = Image.new("RGB", (width, top + rows * step + _MARGIN), PAPER)
    draw = ImageDraw.Draw(sheet)
    draw.text((_MARGIN, _MARGIN), title, INK, bold)
    for index, (image, caption) in enumerate(tiles):
        row, column = divmod(index, columns)
        left = _MARGIN + column * (wide + _GAP)
        _draw_tile(sheet, draw, image, (left, top + row * step), (wide, height))
        text, font = captions.drawn(caption)
        where = (left + wide / 2, top + row * step + height + _GAP / 2)
        draw.text(where, text, INK, font, anchor="ma")
    return sheet


def _draw_tile(
    sheet: Image.Image,
    draw: ImageDraw.ImageDraw,
    image: np.ndarray,
    corner: tuple[int, int],
    room: tuple[int, int],
) -> None:
    width, height = room
    scale = min(width / image.shape[1], height / image.shape[0])
    size = max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))
    picture = Image.fromarray(image).resize(size, Image.Resampling.LANCZOS)
    left, top = corner[0] + (width - size[0]) // 2, corner[1] + (height - size[1]) // 2
    draw.rectangle((left - 1, top - 1, left + size[0], top + size[1]), outline=FRAME)
    sheet.paste(picture, (left, top))


def _tile_height(tiles: Sequence[Tile], width: int) -> int:
    """The height at which a picture of median shape fills the width of a tile."""
    aspects = [image.shape[0] / image.shape[1] for image, _ in tiles]
    wanted = round(width * float(np.median(aspects))) if aspects else 0
    return min(max(wanted, _TILE_HEIGHTS[0]), _TILE_HEIGHTS[1])


class Captions:
    """Draws captions in `font`, or in an installed font if `font` lacks their characters.

    If no font has a character, its code point is drawn instead, with a warning. `width` is the
    room for each of them, in pixels.
    """

    def __init__(self, captions: Sequence[str], font: ImageFont.FreeTypeFont) -> None:
        self._font = font
        lacking = {c for c in set().union(*captions) if not has_glyph(font, c)}
        self._other = installed_font(lacking, int(font.size)) if lacking else None
        self._lacking = set() if self._other else lacking
        longest = max((math.ceil(font.getlength(c)) for c in captions), default=0)
        self.width = min(max(longest, _TILE_WIDTHS[0]), _TILE_WIDTHS[1])
        if self._lacking:
            listed = ", ".join(sorted(self._lacking)[:5])
            warn(
                f"no installed font has {listed}; the sheet shows code points instead of "
                f"{len(self._lacking):,} characters"
            )

    def drawn(self, caption: str) -> tuple[str, ImageFont.FreeTypeFont]:
        """The text to draw for a caption, at most as wide as a tile, and its font."""
        known = all(has_glyph(self._font, character) for character in caption)
        font = self._font if known or self._other is None else self._other
        text = "".join(ascii(c)[1:-1] if c in self._lacking else c for c in caption[:200])
        if font.getlength(text) <= self.width:
            return text, font
        while text and font.getlength(f"{text}…") > self.width:
            text = text[:-1]
        return f"{text}…", font


@cache
def has_glyph(font: ImageFont.FreeTypeFont, character: str) -> bool:
    """Whether the font has this character, rather than the box for missing ones."""
    if character.isspace():
        return True
    return bytes(font.getmask(character)) != bytes(font.getmask(_IN_NO_FONT))


def installed_font(characters: Set[str], size: int) -> ImageFont.FreeTypeFont | None:
    """An installed font that has all of `characters` and digits, or None."""
    for folder in _FONTS:
        for file in sorted(Path(folder).expanduser().rglob("*.[to]t[fc]")):
            try:
                font = ImageFont.truetype(str(file), size)
                if all(has_glyph(font, character) for character in (*characters, "0")):
                    return font
            except (OSError, ValueError):
                continue
    return None


def _width_of(title: str, font: ImageFont.FreeTypeFont) -> int:
    return 2 * _MARGIN + int(font.getlength(title))


def sheet_font(name: str, size: int) -> ImageFont.FreeTypeFont:
    """A font in which 0 and O, 1 and l differ, found without importing matplotlib (a second)."""
    package = importlib.util.find_spec("matplotlib")
    if package is None or package.origin is None:
        raise UserError("matplotlib is not installed; install captcha-ssl with its dependencies")
    return ImageFont.truetype(
        str(Path(package.origin).parent / "mpl-data" / "fonts" / "ttf" / name), size
    )
