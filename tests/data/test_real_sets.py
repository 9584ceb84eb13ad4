"""The three sets of real captchas that lie beside the checkout of a developer."""

from __future__ import annotations

import numpy as np
import pytest

from captcha_ssl.data.charset import Charset
from captcha_ssl.data.dataset import load_dataset
from captcha_ssl.data.geometry import Geometry
from captcha_ssl.data.sources import open_source

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("name", "count", "characters", "length", "geometry"),
    [
        ("captcha_v2", 1_070, 19, 5, Geometry(1, 32, 128)),
        ("captcha_ds_dots", 5_002, 10, 4, Geometry(1, 32, 96)),
        ("really_simple_wp", 9_955, 32, 4, Geometry(1, 32, 96)),
    ],
)
def test_every_image_is_read_with_its_label(real, name, count, characters, length, geometry):
    dataset = load_dataset(real(name), labeled=True)
    assert len(dataset) == len(dataset.labels) == count
    assert not dataset.rejected
    assert len(Charset.from_labels(dataset.labels)) == characters
    assert {len(label) for label in dataset.labels} == {length}
    assert dataset.geometry == geometry


def test_a_transparent_palette_is_dark_ink_on_white(real):
    source = open_source(real("captcha_ds_dots"))
    for index in range(0, len(source), 500):
        image = source.read(index)
        assert np.median(image) == 255
        assert image.min() < 160
        assert 0.7 < (image == 255).all(axis=2).mean() < 0.99
