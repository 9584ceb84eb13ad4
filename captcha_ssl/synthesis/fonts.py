"""The fonts of our dependencies, and the characters that each of them can draw."""

from __future__ import annotations

from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from PIL import ImageFont

_MATPLOTLIB = "matplotlib/mpl-data/fonts/ttf"

CLASSIC_FACE = "captcha/data/DroidSansMono.ttf"
FACES = (
    CLASSIC_FACE,
    f"{_MATPLOTLIB}/DejaVuSans.ttf",
    f"{_MATPLOTLIB}/DejaVuSans-Bold.ttf",
    f"{_MATPLOTLIB}/DejaVuSansMono.ttf",
    f"{_MATPLOTLIB}/DejaVuSerif.ttf",
    f"{_MATPLOTLIB}/STIXGeneralBol.ttf",
)
"""Font files as `package/path`. The order is part of what a seed means: only append."""


@lru_cache(maxsize=256)
def load_face(face: str, size: int) -> ImageFont.FreeTypeFont:
    """The font `face` at `size` pixels to the em."""
    return ImageFont.truetype(face_path(face), size)


def face_path(face: str) -> Path:
    """The path of the font file, found without importing its package.

    An absolute path is returned unchanged.
    """
    if Path(face).is_absolute():
        return Path(face)
    package, _, inside = face.partition("/")
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(f"the package {package!r}, which holds a font, is not installed")
    return Path(spec.submodule_search_locations[0]) / inside


@lru_cache(maxsize=4096)
def faces_with(character: str) -> tuple[str, ...]:
    """The `FACES` that have a glyph for `character`, in the same order."""
    return tuple(face for face in FACES if has_ink(face, character))


def has_ink(face: str, character: str) -> bool:
    """Whether `face` has a glyph for `character`."""
    font = load_face(face, 40)
    drawn = font.getmask(character)
    if drawn.getbbox() is None:
        return False
    # A font draws the same substitute for every missing character, such as U+FFFF.
    substitute = font.getmask("\uffff")
    return drawn.size != substitute.size or bytes(drawn) != bytes(substitute)
