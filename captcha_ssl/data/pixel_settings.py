"""How the pixels of a set are prepared: chosen from what is measured in them, or told."""

from __future__ import annotations

from captcha_ssl.settings import Settings, setting


class PixelSettings(Settings):
    """What is done to images before they are resized. `auto` is decided by data/ink.py."""

    prepare: str = setting(
        "auto",
        "auto: bring out ink that is small, faint or colored; none: leave what is not set below",
        choices=("auto", "none"),
    )
    trim: str = setting(
        "auto",
        "cut the margins off: one box for all, each image by its own ink, or none",
        choices=("auto", "none", "box", "image"),
    )
    flatten: str = setting(
        "auto",
        "take the background away: closing (lighter or darker than the ink), median, or none",
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
        "how color becomes gray; direction: along the color of the ink",
        choices=("auto", "luminance", "minimum", "maximum", "direction"),
    )
    normalize: float = setting(
        0.0, "make local contrast equal in windows of so many heights; 0: no", low=0, high=4
    )
