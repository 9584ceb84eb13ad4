"""Settings that methods share. Light to import: the command line reads them for its help."""

from __future__ import annotations

from typing import ClassVar

from captcha_ssl.settings import Settings, setting

INSTANCES = ("crop", "window", "frame", "image")


class InstanceSettings(Settings):
    """The instances of an image."""

    title: ClassVar[str] = "Instances"

    instances: str = setting("crop", "what the loss compares", choices=INSTANCES, flag="NAME")
    crops: int | None = setting(
        None, "crops per image (crop); none: 3, or more in wide images", low=1
    )
    crop_width: int | None = setting(
        None, "width of a crop in pixels, a multiple of 4 (crop); none: from the characters", low=8
    )
    core: int = setting(4, "frames in the middle of a crop that make its embedding (crop)", low=1)
    jitter: int = setting(
        0, "largest distance between the places of a crop in its two views, in pixels (crop)", low=0
    )
    window: int = setting(5, "frames averaged into one instance (window)", low=1)
    frame_shift: int = setting(
        4, "largest shift of an image between views, in frames (frame)", low=0
    )
    one_pass: bool = setting(
        False, "encode both views in one pass with common batch statistics; faster"
    )
