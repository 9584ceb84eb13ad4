"""Style `captcha`: the pictures of the `captcha` package, with a seed.

The package uses the `secrets` module, which has no seed. We load a private copy of its module with
our own `secrets`, so that neither the imported package nor the standard library changes.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import lru_cache
from importlib.util import find_spec, module_from_spec
from random import Random
from typing import Any, TypeVar

import numpy as np

from captcha_ssl.synthesis.canvas import Canvas, Pixels
from captcha_ssl.synthesis.fonts import CLASSIC_FACE, face_path

_T = TypeVar("_T")
_FONT_SIZES = (42, 50, 56)
"""The package's own sizes, made for its default height of 60 pixels."""


class _Secrets(threading.local):
    """The part of `secrets` that the package uses, over the generator of the current picture."""

    rng: Random

    def randbelow(self, bound: int) -> int:
        return self.rng.randrange(bound)

    def randbits(self, bits: int) -> int:
        return self.rng.getrandbits(bits)

    def choice(self, options: Sequence[_T]) -> _T:
        return options[self.rng.randrange(len(options))]


_secrets = _Secrets()


def draw_captcha(text: str, rng: Random, canvas: Canvas) -> Pixels:
    """Draw `text` as `captcha.image.ImageCaptcha` does: uint8 [C, H, W].

    At a height of 60 the picture is the package's own, for the same stream of random numbers;
    at another height its font sizes grow or shrink in proportion.
    """
    _secrets.rng = rng
    image = _painter(canvas.height, canvas.width).generate_image(text)
    if canvas.channels == 1:
        return np.asarray(image.convert("L"))[None]
    return np.ascontiguousarray(np.asarray(image).transpose(2, 0, 1))


@lru_cache(maxsize=8)
def _painter(height: int, width: int) -> Any:
    sizes = tuple(max(4, round(size * height / 60)) for size in _FONT_SIZES)
    fonts = [str(face_path(CLASSIC_FACE))]
    return _private_module().ImageCaptcha(width, height, fonts=fonts, font_sizes=sizes)


@lru_cache(maxsize=1)
def _private_module() -> Any:
    spec = find_spec("captcha.image")
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError("the package 'captcha' is not installed")
    module: Any = module_from_spec(spec)
    spec.loader.exec_module(module)
    module.secrets = _secrets
    return module
