"""Measures of ink, and the preparation that follows from them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from captcha_ssl.data.check import inspect
from captcha_ssl.data.choose_preparation import choose_height, choose_preparation
from captcha_ssl.data.dataset import load_dataset
from captcha_ssl.data.geometry import Geometry
from captcha_ssl.data.image import read_image
from captcha_ssl.data.ink_report import InkReport, measure
from captcha_ssl.data.ink_words import warnings
from captcha_ssl.data.look import look_at
from captcha_ssl.data.pixel_settings import PixelSettings
from captcha_ssl.data.preparation import Preparation
from captcha_ssl.data.sources import open_source
from captcha_ssl.data.writers import open_writer
from captcha_ssl.synthesis.render import renderer
from captcha_ssl.synthesis.settings import PictureSettings

AUTO = PixelSettings()
Picture = Callable[[int], np.ndarray]


def text(
    seed: int,
    *,
    size: tuple[int, int] = (50, 200),
    height: int = 28,
    top: int | None = None,
    left: int = 15,
    color: tuple[int, int, int] = (30, 30, 30),
    tone: int = 240,
    stroke: int = 3,
) -> np.ndarray:
    """Five digits `height` pixels high."""
    rng = np.random.default_rng(seed)
    image = np.full((*size, 3), tone, np.uint8)
    line = "".join(rng.choice(list("23456789"), 5))
    baseline = (size[0] + height) // 2 if top is None else top + height
    font = cv2.FONT_HERSHEY_SIMPLEX
    cv2.putText(image, line, (left, baseline), font, height / 22, color, stroke, cv2.LINE_AA)
    return image


def faint_under_a_line(seed: int) -> np.ndarray:
    """Thin faint digits on a gradient, with a thick black line across."""
    rng = np.random.default_rng(seed)
    shade = np.linspace(*rng.uniform(-40, 40, 2), 200)[None, :, None]
    image = text(seed, color=(150, 150, 190), tone=200, stroke=1).astype(float) + shade
    ends = rng.integers(10, 40, 2).tolist()
    image = np.clip(image, 0, 255).astype(np.uint8)
    cv2.line(image, (0, ends[0]), (199, ends[1]), (0, 0, 0), 4, cv2.LINE_AA)
    return image


def report(picture: Picture, **more: object) -> InkReport:
    found = measure([picture(seed) for seed in range(24)], **more)  # type: ignore[arg-type]
    assert found is not None
    return found


def chosen(picture: Picture) -> Preparation | None:
    return choose_preparation(report(picture), AUTO)


def test_dark_digits_on_light_paper_are_measured_and_not_prepared():
    ink = report(text, lengths=[5] * 24)
    assert 190 < ink.contrast < 215
    assert 2 < ink.stroke < 5
    assert 0.5 < ink.height < 0.65
    assert ink.dark == 1.0 and ink.buried == 0.0
    assert ink.background < 5 and ink.noise < 2
    assert 15 < (ink.pitch or 0) < 35
    ink = replace(ink, box=(0, 0, 1, 1), height=0.6)
    assert choose_preparation(ink, AUTO) is None
    assert choose_height(ink, None) == 48
    assert choose_height(replace(ink, size=(40, 160)), None) == 32


@pytest.mark.parametrize(("rows", "height"), [(40, 32), (50, 48), (90, 48)])
def test_images_with_48_rows_and_more_keep_48(tmp_path: Path, rows: int, height: int) -> None:
    for seed in range(4):
        image = text(seed, size=(rows, 4 * rows), height=rows // 2, left=rows // 4)
        cv2.imwrite(str(tmp_path / f"{seed}.png"), image)
    found = load_dataset(tmp_path, labeled=False, height=None, pixels=AUTO)
    assert found.geometry.height == height


@pytest.mark.parametrize(
    "style", ["classic", "plain", "smeared", "dotted", "hollow", "wavy", "cluttered", "rippled"]
)
def test_the_rendered_styles_that_read_well_get_no_preparation(style: str):
    render = renderer(PictureSettings(style=style))
    images = [render(index)[0].transpose(1, 2, 0) for index in range(48)]
    assert choose_preparation(measure(images), AUTO) is None


@pytest.mark.parametrize("name", ["captcha_v2", "captcha_ds_dots", "really_simple_wp"])
def test_the_real_sets_that_read_well_get_no_preparation(name: str, real):
    folder = real(name)
    assert choose_preparation(look_at(folder, open_source(folder)).ink, AUTO) is None


def test_faint_ink_under_a_line_is_measured_by_itself_and_brought_out():
    ink = report(faint_under_a_line)
    assert ink.buried > 0.8
    assert 20 < ink.contrast < 70
    assert ink.strongest > 120
    preparation = choose_preparation(ink, AUTO)
    assert preparation is not None and preparation.flatten == "closing"
    assert preparation.level <= ink.contrast
    image = preparation.apply(faint_under_a_line(99))[..., 0]
    assert np.median(image) == 255
    assert (image < 60).mean() > 0.05


def test_ink_that_luminance_loses_is_seen_in_another_gray():
    def yellow(seed: int) -> np.ndarray:
        return text(seed, color=(250, 240, 40), tone=255, height=40)

    found = chosen(yellow)
    assert found is not None and found.gray == "minimum"

    def red_on_green(seed: int) -> np.ndarray:
        image = text(seed, color=(200, 100, 100), height=40)
        return np.where(image > 220, np.array([100, 151, 100]), image).astype(np.uint8)

    found = chosen(red_on_green)
    assert found is not None and found.gray == "direction"
    red, green, blue = found.direction
    assert red * green < 0 and abs(blue) < 0.5


def test_small_text_in_one_place_is_cut_out_by_one_box():
    found = chosen(lambda seed: text(seed, size=(100, 280), height=20, top=40))
    assert found is not None and found.trim == "box"
    left, top, right, bottom = found.box
    assert 0.25 < top < 0.4 and 0.6 < bottom < 0.75
    # A longer text than any of those keeps its end.
    assert (left, right) == (0, 1)
    assert "of the width" not in str(found)


def test_images_whose_text_is_not_in_the_part_that_is_kept_are_noted(tmp_path: Path):
    for seed in range(130):
        image = text(seed, size=(100, 280), height=20, top=70 if seed == 87 else 20)
        cv2.imwrite(str(tmp_path / f"{seed:03}.png"), image)
    loaded = load_dataset(tmp_path, labeled=False, height=None, pixels=AUTO)
    assert loaded.geometry.preparation.trim == "box"
    (note,) = loaded.notes
    assert "1 images show nothing in the part that is kept, as 087.png" in note
    whole = load_dataset(tmp_path, labeled=False, height=None, pixels=AUTO.replace(trim="none"))
    assert whole.notes == []


def test_a_few_images_do_not_show_where_the_text_of_others_is():
    def low(seed: int) -> np.ndarray:
        return text(seed, size=(100, 280), height=20, top=60)

    ink = measure([low(seed) for seed in range(15)])
    assert ink is not None and ink.box[3] - ink.box[1] < 0.5
    found = choose_preparation(ink, AUTO)
    assert found is not None and found.trim == "image"
    higher = text(0, size=(100, 280), height=20, top=10)
    assert (found.apply(higher) < 100).sum() == (higher < 100).sum()
    assert choose_preparation(ink, AUTO.replace(trim="box")).trim == "box"


def test_small_text_in_many_places_is_cut_out_of_each_image():
    def anywhere(seed: int) -> np.ndarray:
        rng = np.random.default_rng(1000 + seed)
        place = {"top": int(rng.integers(5, 130)), "left": int(rng.integers(5, 250))}
        return text(seed, size=(160, 400), height=20, **place)

    found = chosen(anywhere)
    assert found is not None and found.trim == "image"
    assert found.apply(anywhere(50)).shape[0] < 50


def test_the_width_is_that_of_the_texts_whatever_their_canvases(tmp_path: Path):
    rng = np.random.default_rng(5)
    for seed in range(40):
        size = (int(rng.integers(60, 200)), int(rng.integers(150, 400)))
        place = {"top": int(rng.integers(0, size[0] - 20)), "left": int(rng.integers(0, 40))}
        image = text(seed, size=size, height=20, **place)
        cv2.imwrite(str(tmp_path / f"{seed}.png"), image)
    loaded = load_dataset(tmp_path, labeled=False, height=48, pixels=AUTO)
    assert loaded.geometry.preparation.trim == "image"
    cut = [
        loaded.geometry.preparation.apply(read_image(file)).shape[:2]
        for file in tmp_path.glob("*.png")
    ]
    widest = max(width * loaded.geometry.height / height for height, width in cut)
    assert widest <= loaded.geometry.width < widest + 8
    assert inspect(tmp_path, frames=lambda width: width // 4).geometry == loaded.geometry


def test_narrow_characters_are_kept_higher():
    ink = replace(report(text), pitch=9.0, size=(32, 200))
    assert choose_height(ink, None) == 48
    assert choose_height(replace(ink, pitch=5.0), None) == 64


def test_faint_text_is_kept_higher_where_the_images_are_as_high():
    ink = report(text, lengths=[5] * 24)
    flattened = Preparation(flatten="closing")
    assert choose_height(replace(ink, size=(50, 200)), flattened) == 48
    assert choose_height(replace(ink, size=(40, 200)), flattened) == 32
    assert choose_height(replace(ink, size=(50, 200), pitch=None), flattened) == 48


def test_settings_of_the_user_take_precedence_over_measures():
    ink = report(faint_under_a_line)
    assert choose_preparation(ink, AUTO.replace(prepare="none")) is None
    asked = AUTO.replace(flatten="none", gray="maximum", trim="image", normalize=0.5)
    found = choose_preparation(ink, asked)
    assert found is not None
    assert (found.flatten, found.gray, found.trim, found.normalize) == (
        "none",
        "maximum",
        "image",
        0.5,
    )
    level = choose_preparation(ink, AUTO.replace(flatten_level=99.0, flatten_window=0.2))
    assert level is not None and (level.level, level.window) == (99.0, 0.2)


@pytest.mark.parametrize(
    "picture",
    [
        lambda seed: np.full((40, 90, 3), 200, np.uint8),
        lambda seed: np.random.default_rng(seed).integers(0, 256, (40, 90, 3), np.uint8),
        lambda seed: np.zeros((1, 1, 3), np.uint8),
        lambda seed: np.zeros((2, 300, 3), np.uint8),
    ],
    ids=["flat", "noise", "pixel", "strip"],
)
def test_where_there_is_no_ink_nothing_is_measured(picture: Picture):
    assert measure([picture(seed) for seed in range(4)]) is None


def test_a_dataset_chooses_once_and_a_model_that_has_chosen_wins(tmp_path: Path):
    size = {"count": 24, "channels": 3, "height": 50, "width": 200}
    with open_writer(tmp_path / "set", "folder", **size, about={}) as writer:
        for index in range(24):
            writer.add(index, faint_under_a_line(index).transpose(2, 0, 1), f"{index:05}")
    loaded = load_dataset(tmp_path / "set", labeled=True, pixels=AUTO)
    preparation = loaded.geometry.preparation
    assert preparation is not None and preparation.flatten == "closing"
    first = read_image(tmp_path / "set" / "images" / "00000.png")
    assert np.array_equal(loaded.images[0], loaded.geometry.fit(first))
    plain = load_dataset(tmp_path / "set", labeled=True)
    assert plain.geometry.preparation is None
    again = load_dataset(tmp_path / "set", labeled=True, geometry=loaded.geometry, pixels=AUTO)
    assert again.geometry == loaded.geometry and again.notes == []
    started = load_dataset(tmp_path / "set", labeled=True, geometry=plain.geometry, pixels=AUTO)
    assert started.geometry.preparation == preparation


def test_characters_too_narrow_for_the_height_of_a_start_are_noted(tmp_path: Path):
    size = {"count": 24, "channels": 3, "height": 50, "width": 200}
    with open_writer(tmp_path / "set", "folder", **size, about={}) as writer:
        for index in range(24):
            writer.add(index, faint_under_a_line(index).transpose(2, 0, 1), f"{index:030}")
    (low,) = load_dataset(
        tmp_path / "set", labeled=True, geometry=Geometry(1, 32, 128), pixels=AUTO
    ).notes
    assert "pixels apart at height 32: a start with --set height=48 may read better" in low
    free = load_dataset(tmp_path / "set", labeled=True, height=None, pixels=AUTO)
    assert free.geometry.height > 32 and free.notes == []


def test_check_data_says_what_makes_a_set_hard_and_what_is_done_about_it(tmp_path: Path):
    size = {"count": 24, "channels": 3, "height": 50, "width": 200}
    with open_writer(tmp_path / "set", "folder", **size, about={}) as writer:
        for index in range(24):
            writer.add(index, faint_under_a_line(index).transpose(2, 0, 1), f"{index:05}")
    found = inspect(tmp_path / "set", frames=lambda width: width // 4)
    assert found.geometry.preparation is not None
    words = "\n".join(found.warnings)
    assert "a line across is" in words and "the text is faint" in words
    assert "set flatten" not in words
    assert found.ink is not None and found.ink.padding == 0


def test_every_difficulty_is_described():
    plain, geometry = report(text), Geometry(1, 32, 128)
    plain = replace(plain, pitch=25.0)
    assert list(warnings(plain, geometry)) == []
    hard = {
        "line across": {"buried": 1.0, "strongest": 200.0, "contrast": 40.0},
        "background varies": {"background": 150.0, "contrast": 80.0},
        "noise": {"noise": 50.0},
        "almost vanishes in the usual gray": {
            "grays": {"luminance": 20.0, "minimum": 200.0, "maximum": 10.0}
        },
        "only 20% of the height": {"height": 0.2},
        "pixels apart at height 32": {"pitch": 8.0},
        "are padding": {"padding": 0.4},
    }
    for words, measured in hard.items():
        found = list(warnings(replace(plain, **measured), geometry))  # type: ignore[arg-type]
        assert any(words in line for line in found), words


@pytest.mark.parametrize(
    ("size", "height", "top", "coarse", "within"),
    [((150, 400), 22, 110, 2, (0.6, 0.75)), ((240, 360), 16, 120, 3, (0.4, 0.5))],
    ids=["a date in a corner", "so little text that nearly all ridges are the grain's"],
)
def test_small_text_on_a_grain_is_the_text_and_the_grain_is_not(
    size: tuple[int, int], height: int, top: int, coarse: int, within: tuple[float, float]
):
    def dated(seed: int) -> np.ndarray:
        """A photographed surface with a text."""
        rng = np.random.default_rng(seed)
        grain = cv2.GaussianBlur(
            rng.normal(0, 30 * coarse, size).astype(np.float32), (0, 0), coarse
        )
        image = text(
            seed, size=size, height=height, top=top, left=200, tone=170, stroke=height // 7
        )
        return np.clip(image + grain[..., None], 0, 255).astype(np.uint8)

    ink = report(dated)
    assert ink.contrast > 80 and ink.height < 0.3
    found = chosen(dated)
    assert found is not None and found.trim == "box" and found.flatten == "none"
    assert within[0] < found.box[1] < within[1]


def test_a_scratch_over_faint_text_is_not_the_text():
    def scratched(seed: int) -> np.ndarray:
        image = text(seed, height=36, color=(195, 195, 195), tone=230)
        x, y = np.random.default_rng(seed).integers((20, 10), (120, 35)).tolist()
        cv2.line(image, (x, y), (x + 50, y + 6), (0, 0, 0), 2, cv2.LINE_AA)
        return image

    ink = report(scratched)
    assert ink.contrast < 60 and ink.height > 0.6
