"""Test beds: rendered sets that are hard to learn with few labels, by name.

Each is one style with its own texts and size, in one look, because a user's images come from one
source. `outlined` has only capitals, because a line hides too much of small letters.
"""

from __future__ import annotations

import string

from captcha_ssl.synthesis.settings import PictureSettings

_BOTH_CASES = string.digits + string.ascii_letters

BEDS = {
    "outlined": PictureSettings(
        style="outlined", look=6, charset=string.ascii_uppercase, length="5", height=50, width=200
    ),
    "long": PictureSettings(
        style="long", look=1, charset=_BOTH_CASES, length="10", height=80, width=280
    ),
    "onebit": PictureSettings(
        style="onebit", look=1, charset=string.digits, length="4-6", height=28, width=96
    ),
    "jpeg": PictureSettings(
        style="jpeg", look=1, charset=string.digits, length="4", height=40, width=130
    ),
    "plate": PictureSettings(
        style="plate",
        look=1,
        charset=string.digits + string.ascii_uppercase,
        length="6-7",
        height=64,
        width=240,
    ),
    "meter": PictureSettings(
        style="meter", look=1, charset=string.digits, length="5-8", height=48, width=192
    ),
}
