"""Initializes an encoder, and the head of a recognizer, from a trained model."""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from captcha_ssl.data.charset import Charset
from captcha_ssl.errors import UserError
from captcha_ssl.models.encoder import Encoder
from captcha_ssl.models.model_file import find_model, load_model
from captcha_ssl.models.shipped import BEGAN_FROM, SHIPPED, at_height, shipped_version

_ENCODER, _HEAD = "encoder.", "head."
_STEM, _FOLD = "stem.0.weight", "fold.weight"
"""The weights whose shape depends on the channels and on the height of the images."""
_LUMINANCE = (0.299, 0.587, 0.114)
"""Shares of red, green and blue in gray (ITU-R BT.601), as in images that are read as gray."""


def load_encoder(encoder: Encoder, source: Path) -> None:
    """Copy the encoder weights of a run or model file, of either kind, into `encoder`.

    For another height of images the fold is resampled, and in color the stem of a gray encoder
    sees their luminance at first. `shipped` is its version for that height. Raises UserError when
    the file is unreadable or holds another architecture.
    """
    source = at_height(source, encoder.height)
    card, tensors = load_model(source)
    if card.kind == "recognizer":
        tensors = {
            k.removeprefix(_ENCODER): v for k, v in tensors.items() if k.startswith(_ENCODER)
        }
    geometry, channels = card.geometry, "channels" if card.geometry.channels > 1 else "channel"
    held = f"the encoder {card.encoder!r} of {geometry.channels} {channels}"
    if card.encoder != encoder.name or geometry.channels > encoder.channels:
        raise UserError(
            f"{find_model(source)}: holds {held}, not {encoder.name!r} of {encoder.channels}; "
            "use the same settings"
        )
    try:
        if geometry.channels != encoder.channels:
            tensors = {**tensors, _STEM: _in_color(tensors[_STEM])}
        if geometry.height != encoder.height:
            tensors = {**tensors, _FOLD: _resampled(tensors[_FOLD], encoder.fold.weight.shape[2])}
        encoder.load_state_dict(tensors)
    except (KeyError, RuntimeError) as error:
        raise UserError(f"{find_model(source)}: its weights are not those of {held}") from error


def load_head(head: nn.Linear, charset: Charset, source: Path, height: int) -> int:
    """Copy the rows of `head` [classes, dim] for blank and the characters that `source` knows too.

    `shipped` is its version for images of `height` pixels, and an encoder that was pretrained from
    it gets its head. Other rows stay unchanged, and so do all rows if `source` is another encoder
    without a head. Returns the number of known characters. Raises UserError when the file is
    unreadable.
    """
    source = at_height(source, height)
    card, tensors = load_model(source)
    if card.about.get(BEGAN_FROM) == SHIPPED:
        source = shipped_version(card.geometry.height)
        card, tensors = load_model(source)
    if card.kind != "recognizer" or card.charset is None:
        return 0
    held = {character: row for row, character in enumerate(card.charset, start=1)} | {"": 0}
    wanted = ("", *charset.characters)
    rows = [row for row, character in enumerate(wanted) if character in held]
    theirs = [held[wanted[row]] for row in rows]
    try:
        with torch.no_grad():
            for name, parameter in head.named_parameters():
                parameter[rows] = tensors[_HEAD + name].to(parameter)[theirs]
    except (KeyError, IndexError, RuntimeError) as error:
        raise UserError(f"{find_model(source)}: its head is not that of its charset") from error
    return len(rows) - 1


def _resampled(fold: Tensor, rows: int) -> Tensor:
    """A fold `[dim, dim, R, 3]` for `rows` rows of features instead of R.

    The weights are interpolated and scaled by R / `rows`, so that their sum stays the same.
    """
    columns = fold.shape[3]
    stretched = F.interpolate(fold.float(), (rows, columns), mode="bilinear", align_corners=False)
    return (stretched * (fold.shape[2] / rows)).to(fold.dtype)


def _in_color(stem: Tensor) -> Tensor:
    """The stem `[dim, 1, 3, 3]` of a gray encoder for the three channels of color.

    On a gray image it gives what it gave.
    """
    return stem * stem.new_tensor(_LUMINANCE)[:, None, None]
