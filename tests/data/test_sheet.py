from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from captcha_ssl.data.sheet import draw_sheet, write_sheet
from captcha_ssl.errors import UserError


def red(height: int = 20, width: int = 60) -> np.ndarray:
    return np.full((height, width, 3), (255, 0, 0), np.uint8)


def red_area(sheet: Image.Image) -> int:
    pixels = np.asarray(sheet).astype(int)
    return int(((pixels[..., 0] > 250) & (pixels[..., 1] < 5)).sum())


def test_every_picture_is_drawn_at_the_width_of_a_tile():
    one = red_area(draw_sheet([(red(), "a")], title=""))
    assert one == 200 * 67
    assert red_area(draw_sheet([(red(), "a")] * 13, title="")) == 13 * one


def test_a_caption_is_drawn_under_its_picture():
    plain = np.asarray(draw_sheet([(red(), "")], title="t")).astype(int)
    captioned = np.asarray(draw_sheet([(red(), "abc")], title="t")).astype(int)
    rows = np.flatnonzero((plain != captioned).any(axis=(1, 2)))
    assert rows.size
    assert rows.min() > np.flatnonzero((plain[..., 1] == 0).any(axis=1)).max()


def test_a_long_caption_does_not_run_into_its_neighbor():
    tiles = [(red(), "W" * 500), (red(), "")]
    pixels = np.asarray(draw_sheet(tiles, title=""))
    gap = pixels[:, 20 + 200 + 2 : 20 + 212 - 2]
    assert (gap == gap[0, 0]).all()


@pytest.mark.parametrize("size", [(1, 1), (1, 30_000), (3_000, 1)])
def test_odd_sizes_and_no_pictures_can_be_drawn(size: tuple[int, int]):
    draw_sheet([(red(*size), "x")], title="odd")
    draw_sheet([], title="none")


def test_the_file_is_a_picture(tmp_path: Path):
    write_sheet(tmp_path / "new" / "sheet.png", [(red(), "a")], title="t")
    with Image.open(tmp_path / "new" / "sheet.png") as sheet:
        assert sheet.format == "PNG"


def test_a_name_that_is_no_picture_is_refused(tmp_path: Path):
    with pytest.raises(UserError, match=r"end it in \.png"):
        write_sheet(tmp_path / "sheet.xyz", [], title="t")
    assert list(tmp_path.iterdir()) == []
