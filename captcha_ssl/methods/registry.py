"""The methods by name. A method is imported when it is used."""

from __future__ import annotations

import math
import re
from importlib import import_module
from typing import TYPE_CHECKING

from captcha_ssl.did_you_mean import did_you_mean
from captcha_ssl.errors import UserError

if TYPE_CHECKING:
    from captcha_ssl.methods.method import Method

_OWN_BATCH = 32
"""Images per step up to which a method keeps its own rate."""
_LARGEST = 6e-3
"""No larger rate was tried."""

METHODS = {
    "simclr": "captcha_ssl.methods.simclr:SimCLR",
    "moco": "captcha_ssl.methods.moco:MoCo",
    "simsiam": "captcha_ssl.methods.simsiam:SimSiam",
    "byol": "captcha_ssl.methods.byol:BYOL",
    "swav": "captcha_ssl.methods.swav:SwAV",
    "barlow-twins": "captcha_ssl.methods.barlow_twins:BarlowTwins",
    "vicreg": "captcha_ssl.methods.vicreg:VICReg",
    "rclstr": "captcha_ssl.methods.rclstr:RCLSTR",
    "dig": "captcha_ssl.methods.dig:DiG",
    "rotation": "captcha_ssl.methods.rotation:Rotation",
    "jigsaw": "captcha_ssl.methods.jigsaw:Jigsaw",
    "patch-location": "captcha_ssl.methods.patch_location:PatchLocation",
    "colorization": "captcha_ssl.methods.colorization:Colorization",
    "autoencoder": "captcha_ssl.methods.autoencoder:Autoencoder",
    "gan": "captcha_ssl.methods.gan:GAN",
}
"""CLI name → module:class."""


def register(name: str, place: str) -> None:
    """Register a method of another package as `name`; `place` is its module:class.

    Worker processes import it too, so the module must be importable where the program starts.
    Raises ValueError if the name exists, or has a character that the benchmark uses as syntax.
    """
    if METHODS.get(name, place) != place:
        raise ValueError(f"a method {name!r} is there already")
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name):
        raise ValueError(f"{name!r}: use lower-case letters, digits and single dashes between them")
    METHODS[name] = place


def method_class(name: str) -> type[Method]:
    """The class of a method by CLI name. Raises UserError, which suggests the nearest name."""
    if name not in METHODS:
        raise UserError(f"method {name!r} is not known; {did_you_mean(name, METHODS)}")
    module, _, attribute = METHODS[name].partition(":")
    found: type[Method] = getattr(import_module(module), attribute)
    return found


def default_rate(name: str, batch_size: int) -> float:
    """The learning rate of a method where the user gives none.

    Its own for up to 32 images per step, and beyond that in proportion to the square root of the
    batch size, as Adam needs (Malladi et al., On the SDEs and scaling rules for adaptive gradient
    algorithms, NeurIPS 2022), up to 6e-3.
    """
    own = method_class(name).peak_lr
    return min(own * math.sqrt(max(1.0, batch_size / _OWN_BATCH)), max(own, _LARGEST))
