"""Which files are images: by the ending of their name, or by their first bytes."""

from __future__ import annotations

import re
from pathlib import Path

from captcha_ssl.text_file import open_regular_file

# Named one by one: Pillow would also hand PostScript to an external interpreter.
FORMATS = (
    "PNG",
    "JPEG",
    "GIF",
    "BMP",
    "TIFF",
    "WEBP",
    "PPM",
    "AVIF",
    "JPEG2000",
    "ICO",
    "QOI",
    "SGI",
    "XBM",
    "XPM",
    "PSD",
    "DDS",
    "SUN",
)
BY_ENDING = {
    **dict.fromkeys((".tga", ".icb", ".vda", ".vst"), "TGA"),
    ".pcx": "PCX",
    ".dib": "DIB",
}
"""Formats without a signature: only the extension identifies them."""
SUFFIXES = frozenset(
    (
        ".png",
        ".apng",
        ".jpg",
        ".jpeg",
        ".jpe",
        ".jfif",
        ".jif",
        ".mpo",
        ".gif",
        ".bmp",
        ".tif",
        ".tiff",
        ".webp",
        ".ppm",
        ".pgm",
        ".pbm",
        ".pnm",
        ".pfm",
        ".avif",
        ".avifs",
        ".jp2",
        ".j2k",
        ".j2c",
        ".jpc",
        ".jpf",
        ".jpx",
        ".ico",
        ".qoi",
        ".sgi",
        ".rgb",
        ".rgba",
        ".bw",
        ".xbm",
        ".xpm",
        ".psd",
        ".dds",
        ".ras",
        *BY_ENDING,
    )
)
_BEGINNINGS = re.compile(
    rb"\x89PNG\r\n\x1a\n|\xff\xd8\xff|GIF8[79]a|BM....\x00{4}|II[*+]\x00|MM\x00[*+]|RIFF....WEBP"
    rb"|P[1-6fF][ \t\r\n]+[0-9#]|....ftypavi[fs]|\x00{3}\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51|qoif"
    rb"|\x00\x00\x01\x00|\x01\xda[\x00\x01][\x01\x02]|/\* XPM|8BPS|DDS |\x59\xa6\x6a\x95",
    re.DOTALL,
)
_HEAD = 32


def looks_like_image(path: Path) -> bool:
    """Whether the regular file at `path` begins like an image."""
    try:
        with open_regular_file(path) as file:
            return _BEGINNINGS.match(file.read(_HEAD)) is not None
    except OSError:
        return False
