from __future__ import annotations

import io
import os
import struct
from io import BytesIO
from pathlib import Path
from zlib import crc32

import numpy as np
import pytest
from PIL import Image

from captcha_ssl.data import image as image_module
from captcha_ssl.data.image import MAX_PIXELS, ImageError, read_image
from captcha_ssl.data.image_kinds import SUFFIXES
from captcha_ssl.data.rgb import gray_range
from captcha_ssl.errors import UserError


def encoded(image: Image.Image, format: str = "PNG", **options) -> bytes:
    buffer = BytesIO()
    image.save(buffer, format=format, **options)
    return buffer.getvalue()


def constant(mode: str, color) -> Image.Image:
    return Image.new(mode, (6, 4), color)


@pytest.mark.parametrize("format", ["PNG", "BMP", "TIFF", "PPM"])
def test_lossless_formats_give_the_pixels_that_were_saved(draw, format: str):
    image = draw()
    assert np.array_equal(read_image(encoded(Image.fromarray(image), format)), image)


@pytest.mark.parametrize("format", ["JPEG", "GIF", "WEBP"])
def test_other_formats_are_read(format: str):
    pixels = read_image(encoded(constant("RGB", (200, 200, 200)), format))
    assert pixels.shape == (4, 6, 3)
    assert abs(pixels.astype(int) - 200).max() <= 3


@pytest.mark.parametrize("mode", ["1", "L", "P"])
def test_images_of_few_colors_become_rgb(mode: str):
    pixels = read_image(encoded(constant("L", 255).convert(mode)))
    assert pixels.shape == (4, 6, 3)
    assert (pixels == 255).all()


@pytest.mark.parametrize(
    ("mode", "clear", "solid"), [("RGBA", (0, 0, 0, 0), (9, 9, 9, 255)), ("LA", (0, 0), (9, 255))]
)
def test_transparent_pixels_are_white(mode: str, clear, solid):
    image = constant(mode, clear)
    image.putpixel((2, 1), solid)
    pixels = read_image(encoded(image))
    assert (pixels[1, 2] == 9).all()
    assert (np.delete(pixels.reshape(-1, 3), 8, axis=0) == 255).all()


def test_half_transparent_black_is_middle_gray():
    pixels = read_image(encoded(constant("RGBA", (0, 0, 0, 128))))
    assert (pixels == 127).all()


def test_the_transparent_color_of_a_palette_is_white():
    image = constant("P", 0)
    image.putpalette([0, 0, 0, 10, 20, 30])
    image.putpixel((0, 0), 1)
    pixels = read_image(encoded(image, transparency=0))
    assert pixels[0, 0].tolist() == [10, 20, 30]
    assert (pixels[1:] == 255).all()


@pytest.mark.parametrize(("mode", "black"), [("L", 0), ("RGB", (0, 0, 0))])
def test_a_transparent_color_without_palette_is_white(mode: str, black):
    assert (read_image(encoded(constant(mode, black), transparency=black)) == 255).all()


def test_sixteen_bits_are_scaled_to_eight():
    wide = np.array([[0, 32_768, 65_535]], np.uint16)
    assert read_image(encoded(Image.fromarray(wide)))[0, :, 0].tolist() == [0, 128, 255]


def test_floats_from_zero_to_one_are_scaled():
    floats = np.array([[0.0, 0.5, 1.0]], np.float32)
    assert read_image(encoded(Image.fromarray(floats), "TIFF"))[0, :, 0].tolist() == [0, 128, 255]


def test_cmyk_is_converted():
    pixels = read_image(encoded(constant("CMYK", (0, 0, 0, 0)), "JPEG"))
    assert pixels.shape == (4, 6, 3)
    assert (pixels >= 250).all()


def test_the_first_frame_of_an_animation_is_read():
    frames = [constant("L", 250), constant("L", 5)]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert (read_image(data) == 250).all()


def test_exif_orientation_is_applied(draw):
    exif = Image.Exif()
    exif[0x0112] = 6  # shot with the camera on its side: turn by 90 degrees, clockwise
    data = encoded(Image.fromarray(draw()), exif=exif)
    assert np.array_equal(read_image(data), np.rot90(draw(), -1))


@pytest.mark.parametrize("size", [(1, 1), (30_000, 1), (1, 30_000)])
def test_odd_sizes_are_read(size: tuple[int, int]):
    assert read_image(encoded(Image.new("RGB", size))).shape == (size[1], size[0], 3)


def test_a_file_that_is_cut_off_is_named(tmp_path: Path, draw):
    path = tmp_path / "half.png"
    path.write_bytes(encoded(Image.fromarray(draw()))[:-200])
    with pytest.raises(ImageError, match=r"half\.png: damaged image"):
        read_image(path)


@pytest.mark.filterwarnings("ignore:Truncated File Read")
@pytest.mark.parametrize("format", ["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP"])
def test_wherever_a_file_is_cut_off_it_is_read_or_refused(draw, format: str):
    data = encoded(Image.fromarray(draw()), format)
    for end in range(1, len(data), max(1, len(data) // 40)):
        try:
            assert read_image(data[:end]).shape == (20, 60, 3)
        except ImageError as error:
            assert "\n" not in str(error)


def test_an_empty_file_is_refused(tmp_path: Path):
    (tmp_path / "none.png").touch()
    with pytest.raises(ImageError, match=r"none\.png: empty file \(0 bytes\)"):
        read_image(tmp_path / "none.png")


@pytest.mark.parametrize("data", [b"hello", b"%!PS-Adobe-3.0 EPSF-3.0\n", b"<svg></svg>"])
def test_a_file_that_is_no_image_is_refused(data: bytes):
    with pytest.raises(UserError, match="thing: not an image"):
        read_image(data, name="thing")


def test_a_missing_file_is_refused(tmp_path: Path):
    with pytest.raises(ImageError, match="no such file") as caught:
        read_image(tmp_path / "gone.png")
    assert caught.value.reason == "no such file"


def test_a_folder_is_refused(tmp_path: Path):
    with pytest.raises(ImageError, match="cannot be read"):
        read_image(tmp_path)


@pytest.mark.parametrize("side", [6_000, 40_000])
def test_a_header_that_announces_too_many_pixels_is_refused_before_decoding(side: int):
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    chunk = b"IHDR" + header
    bomb = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", crc32(chunk))
    with pytest.raises(ImageError, match=f"more than {MAX_PIXELS:,} pixels"):
        read_image(bomb + b"\0\0\0\0IDAT" + struct.pack(">I", crc32(b"IDAT")))


INK = np.full((32, 64), 255, np.uint8)
INK[8:24, 10:20] = INK[8:24, 30:44] = 0


def saved(path: Path, *planes: np.ndarray, **options) -> Path:
    Image.fromarray(planes[0] if len(planes) == 1 else np.dstack(planes)).save(path, **options)
    return path


@pytest.mark.parametrize("color", [(255, 255, 255), (230, 230, 230), (255, 255, 0), (0, 0, 0)])
def test_ink_whose_shape_is_transparency_can_be_seen_whatever_its_color(tmp_path: Path, color):
    planes = [np.full_like(INK, value) for value in color]
    image = read_image(saved(tmp_path / "a.png", *planes, 255 - INK))
    assert gray_range(image) > 200
    paper = image[0, 0]
    assert (image[INK == 255] == paper).all() and (image[INK == 0] != paper).any(axis=1).all()


def test_ink_is_dark_on_white_where_white_shows_it(tmp_path: Path):
    zero = np.zeros_like(INK)
    assert np.array_equal(
        read_image(saved(tmp_path / "a.png", zero, zero, zero, 255 - INK))[..., 0], INK
    )


def test_holes_in_white_paper_can_be_seen(tmp_path: Path):
    white = np.full_like(INK, 255)
    assert gray_range(read_image(saved(tmp_path / "a.png", white, white, white, INK))) == 255


def test_fully_transparent_colors_are_kept(tmp_path: Path):
    zero = np.zeros_like(INK)
    assert np.array_equal(read_image(saved(tmp_path / "a.png", INK, INK, INK, zero))[..., 0], INK)


@pytest.mark.parametrize(
    ("values", "name"),
    [
        (INK.astype(np.uint16) * 257, "16bit.png"),
        (INK.astype(np.uint16) * 16, "12bit.png"),
        (INK.astype(np.uint16), "8bit.png"),
        (INK.astype(np.int32), "wide.tif"),
        ((INK / 255).astype(np.float32), "unit.tif"),
        ((INK / 127.5 - 1).astype(np.float32), "signed.tif"),
        ((INK * 257.0).astype(np.float32), "large.tif"),
        (np.where(INK == 0, -np.inf, np.where(INK, np.nan, 0)).astype(np.float32), "nothing.tif"),
    ],
)
def test_fewer_bits_in_wider_pixels_are_not_read_as_black(tmp_path: Path, values, name: str):
    seen = gray_range(read_image(saved(tmp_path / name, values)))
    assert seen == 0 if name == "nothing.tif" else seen >= 254


def test_one_infinite_pixel_does_not_hide_the_others(tmp_path: Path):
    values = (INK / 255).astype(np.float32)
    values[0, :3] = np.inf, -np.inf, np.nan
    image = read_image(saved(tmp_path / "a.tif", values))[..., 0]
    assert np.array_equal(image[1:], INK[1:])


def test_the_first_frame_of_an_animation_that_shows_something_is_taken(tmp_path: Path):
    frames = [Image.new("L", (64, 32), 255), Image.fromarray(INK), Image.new("L", (64, 32), 9)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert np.array_equal(read_image(tmp_path / "a.gif")[..., 0], INK)


def test_pipes_devices_and_endless_files_are_refused_at_once(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe.png")
    with (tmp_path / "sparse.png").open("wb") as file:
        file.truncate(1 << 40)
    for path, reason in (
        (tmp_path / "pipe.png", "not a regular file"),
        (Path("/dev/zero"), "not a regular file"),
        (tmp_path / "sparse.png", "more than 268,435,456 bytes"),
    ):
        with pytest.raises(ImageError, match=reason):
            read_image(path)


def test_an_endless_stream_is_refused():
    class Endless(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            assert size >= 0
            return bytes(size)

    with pytest.raises(ImageError, match="more than 268,435,456 bytes"):
        read_image(Endless(), name="-")


def test_too_little_memory_is_not_a_damaged_image(tmp_path: Path, monkeypatch):
    def fail(*_arguments):
        raise MemoryError

    monkeypatch.setattr(image_module, "to_array", fail)
    with pytest.raises(MemoryError):
        read_image(saved(tmp_path / "a.tif", INK))


def test_every_ending_is_one_that_pillow_knows_for_these_formats():
    Image.init()
    formats = {*image_module.FORMATS, "MPO", *image_module.BY_ENDING.values()}
    known = {end for end, form in Image.registered_extensions().items() if form in formats}
    assert known <= SUFFIXES
    assert SUFFIXES - known <= {".jif", ".avif", ".avifs", ".ras"}


def test_colors_show_where_the_whole_image_is_all_but_transparent(draw):
    rgb = draw()
    for alpha in (0, 1, 3):
        layers = np.dstack([rgb, np.full(rgb.shape[:2], alpha, np.uint8)])
        buffer = BytesIO()
        Image.fromarray(layers).save(buffer, "PNG")
        assert np.array_equal(read_image(buffer.getvalue()), rgb)


@pytest.mark.parametrize(
    "data",
    [
        b"P6\n#" + b"a" * 1_000_000 + b"\n1 1\n255\n123",
        b"P5" + b" " * 1_000_000 + b"1 1\n255\n1",
        b"/* XPM */\n" + b"\n" * 1_000_000,
        b"\xff\xd8" + b"\xff\xfe\0\2" * 250_000,
    ],
    ids=["comment", "blanks", "lines", "markers"],
)
def test_a_header_that_does_not_end_is_damage(data: bytes):
    with pytest.raises(ImageError, match="its header has no end"):
        read_image(data)


def test_a_header_with_a_long_comment_is_read():
    assert read_image(b"P6\n#" + b"a" * 10_000 + b"\n1 1\n255\n123").tolist() == [[[49, 50, 51]]]
