"""One image file, whatever its kind, as 8-bit RGB pixels."""

from __future__ import annotations

import warnings
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from captcha_ssl.data.plain_png import decode_plain_png
from captcha_ssl.errors import UserError

if TYPE_CHECKING:
    from PIL import Image

# What Pillow warns of (size, damage) is decided and said here, once and with the file's name.
warnings.filterwarnings("ignore", module=r"PIL\.")

MAX_PIXELS = 30_000_000
# Named one by one: Pillow would also hand PostScript to an external interpreter.
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM")
SUFFIXES = frozenset(
    (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".webp", ".ppm", ".pgm", ".pbm")
)


class ImageError(UserError):
    """An image that cannot be read; `reason` is the message without the image's name."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name}: {reason}")
        self.reason = reason


def read_image(source: Path | bytes, *, name: str | None = None) -> np.ndarray:
    """Decode a file, or the bytes of one, to RGB uint8 [H, W, 3].

    Transparency is composited on white, EXIF orientation applied, 16 bits scaled to 8, the first
    frame of an animation taken. `name` stands for the image in messages (default: the path).
    Raises ImageError when it is missing, empty, truncated, no image, or over 30 million pixels.
    """
    name = name or (str(source) if isinstance(source, Path) else "image")
    data = source if isinstance(source, bytes) else _read_bytes(source, name)
    if not data:
        raise ImageError(name, "empty file (0 bytes)")
    pixels = decode_plain_png(data, max_pixels=MAX_PIXELS)
    if pixels is None:
        pixels = _decode(data, name)
    return _on_white(pixels) if pixels.shape[2] == 4 else pixels


def _decode(data: bytes, name: str) -> np.ndarray:
    # Most files are plain PNG and never come here; that spares the start of `predict` its import.
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with Image.open(BytesIO(data), formats=FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                raise ImageError(name, _too_large(image.size))
            return _to_array(ImageOps.exif_transpose(image))
    except ImageError:
        raise
    except UnidentifiedImageError:
        raise ImageError(name, "not an image (PNG, JPEG, GIF, BMP, TIFF, WebP, PPM)") from None
    except Image.DecompressionBombError:
        raise ImageError(name, f"more than {MAX_PIXELS:,} pixels") from None
    except Exception as error:  # decoders fail on damaged bytes in every way there is
        raise ImageError(name, f"damaged image ({_one_line(error)})") from error


def _read_bytes(path: Path, name: str) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise ImageError(name, "no such file") from None
    except OSError as error:
        raise ImageError(name, f"cannot be read ({error.strerror})") from error


def _to_array(image: Image.Image) -> np.ndarray:
    """uint8 [H, W, 3] RGB, or [H, W, 4] RGBA for an image with any kind of transparency."""
    if image.mode.startswith("I") or image.mode == "F":
        gray = _to_8_bits(np.asarray(image), image.mode)
        return np.repeat(gray[..., None], 3, axis=2)
    return np.array(image.convert("RGBA" if image.has_transparency_data else "RGB"))


def _on_white(rgba: np.ndarray) -> np.ndarray:
    darkness = cv2.multiply(255 - rgba[..., :3], np.repeat(rgba[..., 3:], 3, axis=2), scale=1 / 255)
    white_minus: np.ndarray = 255 - darkness
    return white_minus


def _to_8_bits(values: np.ndarray, mode: str) -> np.ndarray:
    """Gray values of the wide Pillow modes: 16-bit integers, or floats that end at 1 or at 255."""
    wide = np.nan_to_num(values.astype(np.float64))
    whole = 65_535.0 if mode.startswith("I") else 1.0 if wide.max() <= 1.0 else 255.0
    return np.clip(np.rint(wide * (255.0 / whole)), 0, 255).astype(np.uint8)


def _too_large(size: tuple[int, int]) -> str:
    return f"{size[0]}×{size[1]} is more than {MAX_PIXELS:,} pixels"


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
