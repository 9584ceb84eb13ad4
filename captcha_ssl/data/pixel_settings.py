"""How the images of a set are prepared: chosen from measurements, or by the user."""

from __future__ import annotations

from captcha_ssl.data.usual_heights import DEFAULT_HEIGHT
from captcha_ssl.settings import Settings, options, setting


class PixelSettings(Settings):
    """Preparation of images before they are resized. data/choose_preparation.py decides `auto`."""

    prepare: str = setting(
        "auto",
        (
            "auto: bring out ink that is small, faint or colored; none: only the steps that are "
            "set below"
        ),
        choices=("auto", "none"),
    )
    trim: str = setting(
        "auto",
        (
            "cut off margins; box: the same box for all images; image: by the ink of each "
            "image; or none"
        ),
        choices=("auto", "none", "box", "image"),
    )
    flatten: str = setting(
        "auto",
        "remove the background: closing (lighter or darker than the ink), median, or none",
        choices=("auto", "none", "closing", "median"),
    )
    flatten_window: float | None = setting(
        None, "window of the background, in heights of the image; none: measured", low=0.02, high=1
    )
    flatten_level: float | None = setting(
        None, "contrast that becomes black, gray values; none: measured", low=1, high=255
    )
    gray: str = setting(
        "auto",
        "conversion of color to gray; direction: along the color of the ink",
        choices=("auto", "luminance", "minimum", "maximum", "direction"),
    )
    normalize: float = setting(
        0.0, "equalize local contrast in windows of this many heights; 0: off", low=0, high=4
    )

    @property
    def usual_height(self) -> int:
        """The height in pixels of images whose text needs no other one."""
        return DEFAULT_HEIGHT

    @property
    def chosen(self) -> bool:
        """Whether the user has set anything of the preparation."""
        return any(self.explicit(key) is not None for key in options(PixelSettings))
