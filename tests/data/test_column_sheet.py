from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from captcha_ssl.data.column_sheet import draw_columns, write_columns

RED, BLUE = (255, 0, 0), (0, 0, 255)


def plain(color: tuple[int, int, int], height: int = 20, width: int = 60) -> np.ndarray:
    return np.full((height, width, 3), color, np.uint8)


def box(sheet: Image.Image, color: tuple[int, int, int]) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of all that has this very color."""
    rows, columns = (np.asarray(sheet) == color).all(2).nonzero()
    return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1


def test_a_column_stands_beside_the_other_and_an_image_in_one_row() -> None:
    pictures = {"a": [plain(RED), plain((1, 2, 3))], "b": [plain(BLUE, 10), plain((4, 5, 6))]}
    sheet = draw_columns(pictures, title="t")
    red, blue = box(sheet, RED), box(sheet, BLUE)
    assert red[2] < blue[0]
    assert red[1] == blue[1]
    assert red[3] <= box(sheet, (1, 2, 3))[1] == box(sheet, (4, 5, 6))[1]
    assert (red[2] - red[0], red[3] - red[1]) == (180, 60)
    assert (blue[2] - blue[0], blue[3] - blue[1]) == (180, 30)


def test_a_caption_stands_over_its_own_column_and_within_it() -> None:
    captions = ["x", "several words that do not fit beside each other at all"]
    with_caption = draw_columns({"": [plain(RED)], captions[1]: [plain(BLUE)]}, title="")
    without = draw_columns({"": [plain(RED)], "x x x": [plain(BLUE)]}, title="")
    pixels = np.asarray(with_caption)
    blue = box(with_caption, BLUE)
    rows, columns = (pixels < 100).all(2).nonzero()
    assert blue[0] <= columns.min()
    assert columns.max() < blue[2]
    assert rows.max() < blue[1]
    assert with_caption.height > without.height


@pytest.mark.parametrize(("count", "width"), [(3, 1024), (12, 80), (5, 216), (2, 20)])
def test_a_sheet_is_never_wider_than_a_screen(count: int, width: int) -> None:
    columns = {f"normalized {k}": [plain(RED, 32, width)] for k in range(count)}
    assert draw_columns(columns, title="t").width <= 1600


def test_a_long_title_is_not_cut() -> None:
    short, long = (draw_columns({"a": [plain(RED)]}, title=title) for title in ("t", "t" * 100))
    assert long.width > short.width


def test_the_file_is_a_picture(tmp_path: Path) -> None:
    write_columns(tmp_path / "sheet.png", {"a": [plain(RED)]}, title="t")
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.format == "PNG"
