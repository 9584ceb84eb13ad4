"""A short cut for the PNG files that most datasets are made of.

OpenCV decodes them several times faster than Pillow and without holding the interpreter, but it
is lenient with damage and deaf to rarer features, so it gets only files that are whole and plain.
"""

from __future__ import annotations

import struct
import zlib
from zlib import crc32

import cv2
import numpy as np

# It writes to the terminal what it thinks of a damaged file; what is wrong is said once, by us.
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_GRAY, _RGB, _PALETTE, _RGBA = 0, 2, 3, 6
_SAMPLES = {_GRAY: 1, _RGB: 3, _PALETTE: 1, _RGBA: 4}
_LAST_FILTER = 4
_HARMLESS = frozenset(
    b"IHDR PLTE IDAT IEND bKGD cHRM gAMA pHYs sBIT sRGB tEXt tIME zTXt iTXt".split()
)


def decode_plain_png(data: bytes, *, max_pixels: int) -> np.ndarray | None:
    """Pixels uint8 [H, W, 3] RGB or [H, W, 4] RGBA, or None when the file needs a full decoder.

    Plain is an 8-bit, not interlaced PNG in gray, RGB, RGBA or palette colors whose checksums
    agree, with nothing in it that could change how its pixels look.
    """
    if not _is_plain(data, max_pixels):
        return None
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        if error.code == cv2.Error.StsNoMem:
            raise MemoryError(str(error.err)) from error
        return None
    if pixels is None:
        return None
    if pixels.ndim == 2:
        return cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGB)
    swap = cv2.COLOR_BGRA2RGBA if pixels.shape[2] == 4 else cv2.COLOR_BGR2RGB
    return cv2.cvtColor(pixels, swap)


def _is_plain(data: bytes, max_pixels: int) -> bool:
    if len(data) < 33 or not data.startswith(_SIGNATURE):
        return False
    width, height, depth, color, _, _, interlace = struct.unpack_from(">IIBBBBB", data, 16)
    if depth != 8 or interlace or color not in (_GRAY, _RGB, _PALETTE, _RGBA):
        return False
    allowed = _HARMLESS | {b"tRNS"} if color == _PALETTE else _HARMLESS
    if width * height > max_pixels:
        return False
    packed = _whole(data, allowed)
    return packed is not None and _complete(packed, height, 1 + width * _SAMPLES[color])


def _complete(packed: list[bytes], rows: int, stride: int) -> bool:
    """Whether the pixels are all there: rows of `stride` bytes, the first of each a known filter.

    The decoder fills missing rows with anything and writes a complaint to the terminal.
    """
    unpack = zlib.decompressobj()
    try:
        # No more than was announced, whatever it would come to.
        pixels = unpack.decompress(b"".join(packed), rows * stride + 1)
    except zlib.error:
        return False
    whole = unpack.eof and len(pixels) == rows * stride
    return whole and max(pixels[::stride], default=0) <= _LAST_FILTER


def _whole(data: bytes, allowed: frozenset[bytes]) -> list[bytes] | None:
    """What the chunks of pixels hold, if every chunk is allowed and carries its checksum."""
    view, position = memoryview(data), len(_SIGNATURE)
    packed: list[bytes] = []
    while position + 12 <= len(data):
        end = position + 12 + int.from_bytes(view[position : position + 4])
        kind = bytes(view[position + 4 : position + 8])
        if kind not in allowed or end > len(data):
            return None
        if crc32(view[position + 4 : end - 4]) != int.from_bytes(view[end - 4 : end]):
            return None
        if kind == b"IDAT":
            packed.append(bytes(view[position + 8 : end - 4]))
        if kind == b"IEND":
            return packed
        position = end
    return None
