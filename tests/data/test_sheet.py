from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from captcha_ssl.data import sheet as sheet_module
from captcha_ssl.data.sheet import (
    Captions,
    check_picture_name,
    draw_sheet,
    has_glyph,
    sheet_font,
    write_sheet,
)
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
    gap = pixels[:, 20 + 320 + 2 : 20 + 332 - 2]
    assert (gap == gap[0, 0]).all()


def test_captions_of_some_length_make_all_tiles_wider():
    narrow, wide = (draw_sheet([(red(), "W" * n)] * 6, title="") for n in (10, 25))
    assert narrow.width == 2 * 20 + 6 * (200 + 12) - 12
    assert wide.width > narrow.width + 6 * 50


@pytest.mark.parametrize("size", [(1, 1), (1, 30_000), (3_000, 1)])
def test_odd_sizes_and_no_pictures_can_be_drawn(size: tuple[int, int]):
    draw_sheet([(red(*size), "x")], title="odd")
    draw_sheet([], title="none")


def test_the_file_is_a_picture(tmp_path: Path):
    write_sheet(tmp_path / "new" / "sheet.png", [(red(), "a")], title="t")
    with Image.open(tmp_path / "new" / "sheet.png") as sheet:
        assert sheet.format == "PNG"


def test_a_name_that_is_no_picture_is_refused(tmp_path: Path):
    with pytest.raises(UserError, match=r"ends in \.png"):
        write_sheet(tmp_path / "sheet.xyz", [], title="t")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["sheet.psd", "sheet.eps", "sheet.pdf", "sheet"])
def test_a_picture_that_cannot_be_written_is_refused_by_its_name(tmp_path: Path, name: str):
    with pytest.raises(UserError, match=r"ends in \.png"):
        check_picture_name(tmp_path / name)


def test_characters_that_no_font_has_are_shown_as_code_points_with_a_note(capsys, monkeypatch):
    monkeypatch.setattr(sheet_module, "_FONTS", ())
    font = sheet_font("DejaVuSansMono.ttf", 17)
    captions = Captions(["京A1", "B2"], font)
    assert captions.drawn("京A1") == ("\\u4eacA1", font)
    assert captions.drawn("B2") == ("B2", font)
    assert "no installed font has 京" in capsys.readouterr().err


def test_another_font_draws_what_the_first_lacks(monkeypatch, tmp_path: Path):
    from matplotlib import get_data_path

    monkeypatch.setattr(sheet_module, "_FONTS", (f"{get_data_path()}/fonts/ttf",))
    # In STIX and not in DejaVu Sans Mono.
    character = "\u2a0c"
    font = sheet_font("DejaVuSansMono.ttf", 17)
    assert not has_glyph(font, character) or pytest.skip("this DejaVu has it")
    text, other = Captions([f"{character}1"], font).drawn(f"{character}1")
    assert text == f"{character}1" and has_glyph(other, character)


def test_a_caption_cannot_control_the_terminal_or_break_a_line():
    plain = np.asarray(draw_sheet([(red(), "a\\nb\\x1b")], title="t"))
    assert np.array_equal(np.asarray(draw_sheet([(red(), "a\nb\x1b")], title="t")), plain)
