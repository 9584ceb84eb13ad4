from __future__ import annotations

import struct
import zlib
from io import BytesIO
from zlib import crc32

import numpy as np
import pytest
from PIL import Image

from captcha_ssl.data.image import ImageError, read_image
from captcha_ssl.data.plain_png import decode_plain_png, lacks_pixels


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
def test_rare_kinds_are_left_to_the_full_decoder(mode: str, options):
    assert decode(png(Image.new(mode, (5, 5)), **options)) is None


def chunk(kind: bytes, content: bytes) -> bytes:
    return (
        struct.pack(">I", len(content)) + kind + content + struct.pack(">I", crc32(kind + content))
    )


def by_hand(rows: bytes, *, size=(6, 4), depth=8, color=0, interlace=0, more=b"") -> bytes:
    header = struct.pack(">IIBBBBB", *size, depth, color, 0, 0, interlace)
    pixels = chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + more + pixels + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("rows", "kind"),
    [
        (bytes(4 * 7), {}),
        (bytes(4 * 2), {"depth": 1}),
        (bytes(4 * 49), {"depth": 16, "color": 6}),
        # Seven passes; of 6 × 4 pixels the third has no rows.
        (bytes(2 + 2 + 2 + 4 + 2 * 4 + 2 * 7), {"interlace": 1}),
    ],
)
def test_pixels_that_end_early_are_damage(rows: bytes, kind: dict[str, int]):
    assert not lacks_pixels(by_hand(rows, **kind))
    assert read_image(by_hand(rows, **kind)).shape == (4, 6, 3)
    with pytest.raises(ImageError, match="its pixels end early"):
        read_image(by_hand(rows[:-1], **kind))


@pytest.mark.parametrize("filter", [0, 1])
def test_a_color_beyond_a_short_palette_is_damage(filter: int):
    # Four rows of six pixels: color 1 in the first column, then the same, or the differences.
    rows = bytes([filter, 1, *[1 if not filter else 0] * 5]) * 3
    far = bytes([filter, 1, 2, *[1 if not filter else 0] * 4])
    two = chunk(b"PLTE", bytes([9, 9, 9, 250, 250, 250]))
    assert (read_image(by_hand(rows + rows[:7], color=3, more=two)) == 250).all()
    with pytest.raises(ImageError, match="its palette has 2 colors, and pixels use color"):
        read_image(by_hand(rows + far, color=3, more=two))


def test_a_color_beyond_the_palette_of_another_format_is_damage():
    image = Image.fromarray(np.arange(16, dtype=np.uint8).reshape(4, 4), "P")
    image.putpalette(list(range(48)))
    file = BytesIO()
    image.save(file, "GIF")
    data = bytearray(file.getvalue())
    colors = data[10] & 7
    assert colors == 3 and read_image(bytes(data)).max() == 47
    data[10] &= ~7
    del data[13 + 3 * 2 : 13 + 3 * 16]
    with pytest.raises(ImageError, match="its palette has 2 colors, and pixels use color 16"):
        read_image(bytes(data))


@pytest.mark.parametrize("palette", [b"", chunk(b"PLTE", b""), chunk(b"PLTE", b"\0\0")])
def test_numbers_of_colors_without_colors_are_damage(palette: bytes, capfd):
    with pytest.raises(ImageError, match="its palette is missing"):
        read_image(by_hand(bytes(4 * 7), color=3, more=palette))
    assert capfd.readouterr().err == ""
    assert read_image(by_hand(bytes(4 * 7), color=3, more=chunk(b"PLTE", b"\1\2\3"))).max() == 3


@pytest.mark.parametrize(
    ("data", "works"),
    [
        (by_hand(bytes(4 * 7), more=chunk(b"zTXt", b"a\0\0" + b"no zlib")), True),
        (by_hand(bytes(4 * 7), more=chunk(b"tEXt", b"k\0v") * 2_000), True),
        (by_hand(bytes(4 * 7), color=3), False),
        (
            by_hand(
                bytes(4 * 7), color=3, more=chunk(b"PLTE", bytes(6)) + chunk(b"tRNS", bytes(9))
            ),
            True,
        ),
        (by_hand(bytes(1_000_002), size=(1_000_001, 1)), True),
        (by_hand(b"", size=(0, 4)), False),
    ],
)
def test_libpng_prints_nothing(data: bytes, works: bool, capfd):
    try:
        read_image(data)
    except ImageError:
        assert not works
    assert capfd.readouterr() == ("", "")


def test_a_header_that_is_not_the_first_chunk_is_left_to_the_full_decoder():
    whole = by_hand(bytes(4 * 7))
    false = chunk(b"tEXt", whole[16:29])
    assert decode(whole[:8] + false + whole[8:]) is None
    assert not lacks_pixels(whole[:8] + false + whole[8:])


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
