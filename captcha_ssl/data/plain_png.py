"""A fast path for plain PNG files, the most common images in datasets.

OpenCV decodes them several times faster than Pillow and without holding the interpreter lock. But
it accepts damage and ignores rarer features, so it gets only files that are complete and plain.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from zlib import crc32

import cv2
import numpy as np

_SILENT = 0
# OpenCV prints its own complaint about a damaged file; silence it, because we report the error.
# Version 5 has the function elsewhere.
(getattr(cv2, "setLogLevel", None) or cv2.utils.logging.setLogLevel)(_SILENT)

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_BEGINNING = _SIGNATURE + b"\0\0\0\rIHDR"
"""The header must come first, so that we check the same size that the decoder reads."""
_GRAY, _RGB, _PALETTE, _RGBA = 0, 2, 3, 6
_SAMPLES = {_GRAY: 1, _RGB: 3, _PALETTE: 1, _RGBA: 4}
_ALL_SAMPLES = {**_SAMPLES, 4: 2}
_LAST_FILTER = 4
_NEEDED = frozenset(b"IHDR PLTE tRNS IDAT IEND".split())
_HARMLESS = frozenset(b"bKGD cHRM gAMA pHYs sBIT sRGB tEXt tIME zTXt iTXt".split())
"""Chunks that are removed before decoding, because the decoder prints complaints about odd ones."""
_LONGEST_SIDE = 1_000_000
"""Largest side in pixels; libpng refuses more and prints a complaint."""
_MOST_CHUNKS = 1 << 18
"""Readable files have fewer chunks: libpng writes chunks of 8 KiB."""
_PASSES = (
    (0, 0, 8, 8),
    (0, 4, 8, 8),
    (4, 0, 8, 4),
    (0, 2, 4, 4),
    (2, 0, 4, 2),
    (0, 1, 2, 2),
    (1, 0, 2, 1),
)
"""The passes of an interlaced PNG: first row, first column, step in rows, step in columns."""


def decode_plain_png(data: bytes, *, max_pixels: int) -> np.ndarray | None:
    """Pixels uint8 [H, W, 3] RGB or [H, W, 4] RGBA, or None if the file needs a full decoder.

    A plain PNG has 8 bits, is not interlaced, is gray, RGB, RGBA or palette, has correct checksums,
    and has no chunk that changes its pixels.
    """
    plain = _plain(data, max_pixels)
    if plain is None:
        return None
    try:
        pixels = cv2.imdecode(np.frombuffer(plain, np.uint8), cv2.IMREAD_UNCHANGED)
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


def lacks_pixels(data: bytes) -> bool:
    """Whether the pixels of any PNG end before its last row.

    Pillow fills missing rows with black as long as the checksums are correct.
    """
    if len(data) < 33 or not data.startswith(_BEGINNING):
        return False
    width, height, depth, color, _, _, interlace = struct.unpack_from(">IIBBBBB", data, 16)
    bits = depth * _ALL_SAMPLES.get(color, 1)
    parts = [(height, width)]
    if interlace:
        parts = [(-(-(height - y) // dy), -(-(width - x) // dx)) for y, x, dy, dx in _PASSES]
    needed = sum(
        rows * (1 + (columns * bits + 7) // 8) for rows, columns in parts if rows > 0 < columns
    )
    unpack = zlib.decompressobj()
    found = 0
    try:
        for kind, chunk in _chunks(data):
            if kind == b"IDAT":
                found += len(unpack.decompress(chunk, max(1, needed - found)))
                while unpack.unconsumed_tail and found < needed:
                    found += len(unpack.decompress(unpack.unconsumed_tail, needed - found))
    except zlib.error:
        # The full decoder reports the error.
        return False
    return found < needed


def lacks_colors(data: bytes) -> bool:
    """Whether a PNG uses a palette but has none; Pillow then reads every pixel as black."""
    if len(data) < 33 or not data.startswith(_BEGINNING) or data[25] != _PALETTE:
        return False
    for kind, chunk in _chunks(data):
        if kind == b"PLTE" and len(chunk) >= 3:
            return False
        if kind == b"IDAT":
            break
    return True


def _plain(data: bytes, max_pixels: int) -> bytes | None:
    """The file reduced to what the decoder needs, or None if it is not plain."""
    if len(data) < 33 or not data.startswith(_BEGINNING):
        return None
    width, height, depth, color, *methods, interlace = struct.unpack_from(">IIBBBBB", data, 16)
    if depth != 8 or any(methods) or interlace or color not in _SAMPLES:
        return None
    if not 0 < width * height <= max_pixels or max(width, height) > _LONGEST_SIDE:
        return None
    whole = _whole(data, _NEEDED if color == _PALETTE else _NEEDED - {b"tRNS"})
    if whole is None or (color == _PALETTE and b"PLTE" not in whole.kinds):
        return None
    colors = whole.colors if color == _PALETTE else 256
    stride = 1 + width * _SAMPLES[color]
    return whole.file if _complete(whole.packed, height, stride, colors) else None


def _complete(packed: list[bytes], rows: int, stride: int, colors: int) -> bool:
    """Whether all pixels are present: rows of `stride` bytes that begin with a known filter.

    The decoder fills missing rows with arbitrary values and prints a complaint. It reads pixels
    beyond a palette of fewer than 256 `colors` as black: those must be plain to see, in rows
    without a filter, as palettes usually have them.
    """
    unpack = zlib.decompressobj()
    try:
        # Decompress no more than the announced size.
        pixels = unpack.decompress(b"".join(packed), rows * stride + 1)
    except zlib.error:
        return False
    whole = unpack.eof and len(pixels) == rows * stride
    filters = max(pixels[::stride], default=0)
    if colors < 256:
        return whole and not filters and max(pixels, default=0) < colors
    return whole and filters <= _LAST_FILTER


@dataclass
class _Whole:
    """The parts of a PNG whose checksums are correct."""

    file: bytes
    packed: list[bytes]
    kinds: list[bytes]
    colors: int


def _whole(data: bytes, needed: frozenset[bytes]) -> _Whole | None:
    """The needed chunks, if all others are harmless and every checksum is correct."""
    view, position = memoryview(data), len(_SIGNATURE)
    packed: list[bytes] = []
    kept: list[memoryview | bytes] = [_SIGNATURE]
    kinds: list[bytes] = []
    colors = 0
    for _ in range(_MOST_CHUNKS):
        if position + 12 > len(data):
            break
        end = position + 12 + int.from_bytes(view[position : position + 4])
        kind = bytes(view[position + 4 : position + 8])
        if end > len(data) or not (kind in needed or kind in _HARMLESS):
            return None
        if crc32(view[position + 4 : end - 4]) != int.from_bytes(view[end - 4 : end]):
            return None
        # Chunks in a wrong order or number are left to the full decoder.
        if (
            kind in needed
            and kind != b"IDAT"
            and (kind in kinds or b"IDAT" in kinds) != (kind == b"IEND")
        ):
            return None
        size = end - position - 12
        if (kind == b"PLTE" and (size % 3 or not 0 < size <= 768)) or (
            kind == b"tRNS" and size > colors
        ):
            return None
        colors = size // 3 if kind == b"PLTE" else colors
        if kind in needed:
            kept.append(view[position:end])
            kinds.append(kind)
        if kind == b"IDAT":
            packed.append(bytes(view[position + 8 : end - 4]))
        if kind == b"IEND":
            return _Whole(b"".join(kept), packed, kinds, colors)
        position = end
    return None


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The types and contents of the chunks, up to the first that is incomplete."""
    position = len(_SIGNATURE)
    for _ in range(_MOST_CHUNKS):
        if position + 8 > len(data):
            return
        size, kind = struct.unpack_from(">I4s", data, position)
        yield kind, data[position + 8 : position + 8 + size]
        position += 12 + size
