from __future__ import annotations

import pytest

from captcha_ssl.errors import UserError
from captcha_ssl.models.shipped import HEIGHTS, shipped_version
from captcha_ssl.training.init_from import adopt
from captcha_ssl.training.settings import ModelSettings

LOWEST = shipped_version(HEIGHTS[0])


def test_a_geometry_that_the_model_does_not_have_is_refused_before_images_are_loaded() -> None:
    asked = ModelSettings(height=48)
    with pytest.raises(UserError, match="not with height 48; leave height out"):
        adopt(asked, LOWEST)
    # The benchmark loads its images once, and resamples each encoder to them.
    assert adopt(asked, LOWEST, loaded=True)[0].encoder == "small"


def test_a_preparation_that_the_model_does_not_have_is_refused() -> None:
    with pytest.raises(
        UserError, match="images that are not prepared; not with flatten median; leave"
    ):
        adopt(ModelSettings(flatten="median"), LOWEST)
    # A recipe gives both stages the same pixels.
    assert adopt(ModelSettings(prepare="none", flatten="none"), LOWEST)[1] is not None
