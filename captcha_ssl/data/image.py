"""Reads an image file of any kind as 8-bit RGB pixels."""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from captcha_ssl.data.image_kinds import BY_ENDING, FORMATS
from captcha_ssl.data.plain_png import decode_plain_png, lacks_colors, lacks_pixels
from captcha_ssl.data.rgb import BLANK_RANGE, gray_range, opaque, to_array
from captcha_ssl.errors import UserError
from captcha_ssl.memory import raise_if_memory
from captcha_ssl.text_file import open_regular_file

if TYPE_CHECKING:
    from PIL import Image

# Pillow's warnings (size, damage) are errors of this module, which name the file.
warnings.filterwarnings("ignore", module=r"PIL\.")

MAX_PIXELS = 30_000_000
MAX_BYTES = 1 << 28
"""The largest file that is read, in bytes: 30 million pixels of 32 bits, and some room."""
_LARGE_PIXELS, _LARGE_BYTES = 4_000_000, 1 << 24
"""Larger images are read one at a time: eight of 30 million pixels would take gigabytes."""
_ONE_LARGE = threading.RLock()
_MOST_FRAMES = 64
_MOST_READS = 1 << 16
"""The most reads until the size of an image is known; usual headers need dozens."""


class ImageError(UserError):
    """An image that cannot be read; `reason` is the message without the image's name."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name}: {reason}")
        self.reason = reason


def read_image(source: Path | bytes | BinaryIO, *, name: str | None = None) -> np.ndarray:
    """Decode a file, the bytes of one, or a stream of them, to RGB uint8 [H, W, 3].

    EXIF orientation is applied, deeper pixels become 8 bits, and an animation gives its first frame
    that shows something. Transparency is composited on white, or on black if white would hide the
    ink. `name` is the name of the image in messages (default: the path). Raises ImageError if the
    file is missing, empty, truncated, not an image, not a regular file, or over 30 million pixels
    or 256 MiB; MemoryError if there is too little memory.
    """
    name = name or (str(source) if isinstance(source, Path) else "image")
    suffix = Path(name).suffix.lower()
    if isinstance(source, bytes):
        return _decoded(source, name, suffix)
    if not isinstance(source, Path):
        return _decoded(_within_limit(source.read(MAX_BYTES + 1), name), name, suffix)
    try:
        with open_regular_file(source) as file:
            size = os.fstat(file.fileno()).st_size
            if size > MAX_BYTES:
                raise ImageError(name, f"more than {MAX_BYTES:,} bytes")
            with _alone(size > _LARGE_BYTES):
                data = _within_limit(file.read(MAX_BYTES + 1), name)
                return _decoded(data, name, suffix)
    except FileNotFoundError:
        raise ImageError(name, "no such file") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ImageError(name, f"cannot be read ({reason})") from error


def _within_limit(data: bytes, name: str) -> bytes:
    if len(data) > MAX_BYTES:
        raise ImageError(name, f"more than {MAX_BYTES:,} bytes")
    return data


@contextmanager
def _alone(large: bool) -> Iterator[None]:
    if not large:
        yield
        return
    with _ONE_LARGE:
        yield


class _Header(BytesIO):
    """An image file whose header must have an end.

    Pillow reads a comment byte by byte: 100 MB of it took minutes.
    """

    def __init__(self, data: bytes, name: str) -> None:
        super().__init__(data)
        self._name, self._left = name, float(_MOST_READS)

    def read(self, size: int | None = -1, /) -> bytes:
        self._count()
        return super().read(size)

    def readline(self, size: int | None = -1, /) -> bytes:
        self._count()
        return super().readline(size)

    def passed(self) -> None:
        """From here on the pixels are read, which may take any number of calls."""
        self._left = float("inf")

    def _count(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise ImageError(self._name, "damaged image (its header has no end)")


def _decoded(data: bytes, name: str, suffix: str) -> np.ndarray:
    if not data:
        raise ImageError(name, "empty file (0 bytes)")
    pixels = decode_plain_png(data, max_pixels=_LARGE_PIXELS)
    if pixels is None:
        pixels = _decode(data, name, suffix)
    return opaque(pixels)


def _decode(data: bytes, name: str, suffix: str) -> np.ndarray:
    # Most files are plain PNG and need no Pillow, so `predict` starts without importing it.
    from PIL import Image, UnidentifiedImageError

    by_ending = (BY_ENDING[suffix],) if suffix in BY_ENDING else ()
    file = _Header(data, name)
    try:
        with Image.open(file, formats=(*_known_formats(), *by_ending)) as image:
            file.passed()
            pixels = image.width * image.height
            if pixels > MAX_PIXELS:
                raise ImageError(name, _too_large(image.size))
            if image.format == "PNG" and lacks_colors(data):
                raise ImageError(name, "damaged image (its palette is missing)")
            if image.format == "PNG" and lacks_pixels(data):
                raise ImageError(name, "damaged image (its pixels end early)")
            with _alone(pixels > _LARGE_PIXELS):
                if pixels > _LARGE_PIXELS:
                    plain = decode_plain_png(data, max_pixels=MAX_PIXELS)
                    if plain is not None:
                        return opaque(plain)
                return pixels_of(image)
    except (ImageError, MemoryError):
        # Too little memory is not a fault of the image.
        raise
    except UnidentifiedImageError:
        kinds = "PNG, JPEG, GIF, BMP, TIFF, WebP, PPM, …"
        raise ImageError(name, f"not an image ({kinds})") from None
    except Image.DecompressionBombError:
        raise ImageError(name, f"more than {MAX_PIXELS:,} pixels") from None
    except Exception as error:  # decoders raise any kind of exception on damaged bytes
        raise_if_memory(error)
        raise ImageError(name, f"damaged image ({_one_line(error)})") from error


@cache
def _known_formats() -> tuple[str, ...]:
    """The formats that this Pillow can read."""
    from PIL import Image

    common = tuple(name for name in FORMATS if name in Image.OPEN)
    if len(common) < len(FORMATS):
        Image.init()
    return tuple(name for name in FORMATS if name in Image.OPEN)


def pixels_of(image: Image.Image) -> np.ndarray:
    """An image of Pillow in any mode as RGB uint8 [H, W, 3], as a file of it is read.

    Of an animation it is the first frame, or the first one that is not blank.
    """
    from PIL import ImageOps

    first = opaque(to_array(ImageOps.exif_transpose(image)))
    if gray_range(first) > BLANK_RANGE or not getattr(image, "is_animated", False):
        return first
    most = min(_MOST_FRAMES, 2 * MAX_PIXELS // max(1, image.width * image.height))
    for number in range(1, most):
        try:
            image.seek(number)
            if image.width * image.height > MAX_PIXELS:
                break
            frame = opaque(to_array(ImageOps.exif_transpose(image)))
        except MemoryError:
            raise
        except Exception:  # the first frame is complete, even if others are damaged
            break
        if gray_range(frame) > BLANK_RANGE:
            return frame
    return first


def _too_large(size: tuple[int, int]) -> str:
    return f"{size[0]}×{size[1]} is more than {MAX_PIXELS:,} pixels"


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
