"""What views take from the ink of the images they are made of."""

from __future__ import annotations

import cv2
import numpy as np

from captcha_ssl.data.geometry import Geometry
from captcha_ssl.data.preparation import Preparation
from captcha_ssl.methods.instances import fit_instances
from captcha_ssl.methods.settings import InstanceSettings
from captcha_ssl.views.ink import fit_views, measured_inks
from captcha_ssl.views.settings import ViewSettings, gentle_views, strong_views


def digits(*, ink: int, stroke: int, scale: float = 0.9, line: bool = False) -> np.ndarray:
    """32 gray images uint8 [32, 1, 32, 96] of five digits."""
    rng = np.random.default_rng(0)
    images = np.full((32, 1, 32, 96), 230, np.uint8)
    for image in images:
        text = "".join(rng.choice(list("23456789"), 5))
        font = cv2.FONT_HERSHEY_SIMPLEX
        height = round(22 * scale)
        cv2.putText(image[0], text, (4, 16 + height // 2), font, scale, ink, stroke, cv2.LINE_AA)
        if line:
            start, end = rng.integers(8, 24, 2).tolist()
            cv2.line(image[0], (0, start), (95, end), 0, 2, cv2.LINE_AA)
    return images


def test_ordinary_print_keeps_every_strength_and_the_default_crops() -> None:
    inks = measured_inks(digits(ink=20, stroke=2))
    views = fit_views(ViewSettings(), inks)
    assert (views.faintness, views.clutter_strength, views.stroke_scale) == (1.0, 1.0, 1.0)
    assert views.lines == 0.0
    instances = fit_instances(InstanceSettings(), [ink for ink, _ in inks], 96)
    assert (instances.crops, instances.crop_width) == (3, 32)


def test_faint_text_under_a_line_is_measured_without_the_line() -> None:
    views = fit_views(ViewSettings(), measured_inks(digits(ink=180, stroke=1, line=True)))
    assert views.faintness < 0.6
    assert views.clutter_strength < 0.5
    assert views.lines == 0.5


def test_a_line_that_was_flattened_counts_too() -> None:
    inks = measured_inks(digits(ink=20, stroke=2))
    flattened = Geometry(1, 32, 96, Preparation(flatten="closing"))
    assert fit_views(ViewSettings(), inks, flattened).lines == 0.5
    assert fit_views(gentle_views(), inks, flattened).lines == 0.0


def test_what_the_user_sets_is_kept() -> None:
    inks = measured_inks(digits(ink=180, stroke=1, line=True))
    asked = ViewSettings().replace(ink_contrast=2.5, ink_stroke=2.0, lines=0.1)
    views = fit_views(asked, inks)
    assert (views.ink_contrast, views.ink_stroke, views.lines) == (2.5, 2.0, 0.1)
    instances = fit_instances(InstanceSettings(crops=2, crop_width=24), [], 200)
    assert (instances.crops, instances.crop_width) == (2, 24)


def test_small_characters_are_cropped_narrowly_and_wide_images_often() -> None:
    small = [ink for ink, _ in measured_inks(digits(ink=20, stroke=1, scale=0.4))]
    instances = fit_instances(InstanceSettings(), small, 96)
    assert instances.crop_width is not None and instances.crops is not None
    assert instances.crop_width <= 20 and instances.crops >= 5
    assert fit_instances(InstanceSettings(), [], 256).crops == 8
    assert fit_instances(InstanceSettings(), [], 24).crop_width == 24


def test_images_without_ink_change_nothing() -> None:
    assert measured_inks(np.full((4, 3, 32, 64), 99, np.uint8)) == []
    assert fit_views(ViewSettings(), []) == ViewSettings()


def test_the_views_of_the_pile_know_the_ink_that_was_measured_on_the_labels() -> None:
    measured = gentle_views().replace(ink_contrast=0.5, ink_strongest=7.0, ink_stroke=1.0)
    strong = strong_views().with_ink_of(measured)
    assert strong.faintness == measured.faintness == 0.25
    assert (strong.ink_strongest, strong.ink_stroke) == (7.0, 1.0)
    assert strong.strokes == strong_views().strokes
