from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from captcha_ssl.data.plain_png import decode_plain_png


def png(image: Image.Image, **options) -> bytes:
    buffer = BytesIO()
    image.save(buffer, format="PNG", **options)
    return buffer.getvalue()


def decode(data: bytes) -> np.ndarray | None:
    return decode_plain_png(data, max_pixels=10_000)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P"])
def test_the_pixels_are_those_of_the_full_decoder(draw, mode: str):
    image = Image.fromarray(draw()).convert(mode)
    pixels = decode(png(image))
    assert pixels is not None
    assert np.array_equal(pixels, np.asarray(image.convert("RGBA" if mode == "RGBA" else "RGB")))


def test_a_palette_with_transparency_gives_the_same_rgba(draw):
    image = Image.fromarray(draw()).convert("P")
    data = png(image, transparency=bytes(range(256)))
    pixels = decode(data)
    assert pixels is not None
    assert np.array_equal(pixels, np.asarray(Image.open(BytesIO(data)).convert("RGBA")))


@pytest.mark.parametrize(
    ("mode", "options"),
    [("1", {}), ("I;16", {}), ("LA", {}), ("L", {"transparency": 3}), ("L", {"exif": b"Exif\0\0"})],
)
def test_rarer_kinds_are_left_to_the_full_decoder(mode: str, options):
    assert decode(png(Image.new(mode, (5, 5)), **options)) is None


def test_too_many_pixels_are_left_to_the_full_decoder():
    assert decode(png(Image.new("L", (101, 100)))) is None


def test_any_changed_byte_is_noticed(draw):
    data = png(Image.fromarray(draw(height=4, width=6)))
    for position in range(len(data)):
        changed = bytearray(data)
        changed[position] ^= 0x55
        assert decode(bytes(changed)) is None, position


def test_any_missing_end_is_noticed(draw):
    data = png(Image.fromarray(draw(height=4, width=6)))
    assert all(decode(data[:end]) is None for end in range(len(data)))
