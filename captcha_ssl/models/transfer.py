"""Starting an encoder, and the head of a recognizer, from what was trained before."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from captcha_ssl.data.charset import Charset
from captcha_ssl.errors import UserError
from captcha_ssl.models.encoder import Encoder
from captcha_ssl.models.model_file import find_model, load_model

_ENCODER, _HEAD = "encoder.", "head."


def load_encoder(encoder: Encoder, source: Path) -> None:
    """Copy the encoder weights of a run or model file, of either kind, into `encoder`.

    Raises UserError when the file is unreadable or holds another architecture.
    """
    card, tensors = load_model(source)
    if card.kind == "recognizer":
        tensors = {
            k.removeprefix(_ENCODER): v for k, v in tensors.items() if k.startswith(_ENCODER)
        }
    wanted = (encoder.name, encoder.channels, encoder.height)
    held = (card.encoder, card.geometry.channels, card.geometry.height)
    if wanted != held:
        raise UserError(
            f"{find_model(source)}: holds an encoder (name, channels, height) {held}, "
            f"not {wanted}; use the same settings"
        )
    try:
        encoder.load_state_dict(tensors)
    except RuntimeError as error:
        raise UserError(f"{find_model(source)}: its weights are not those of {held}") from error


def load_head(head: nn.Linear, charset: Charset, source: Path) -> None:
    """Copy what a recognizer knows of blank and of every character of `charset` that it reads too.

    Other rows of `head` [classes, dim] stay as they are, and so does all of it when `source`
    holds an encoder alone. Raises UserError when the file is unreadable.
    """
    card, tensors = load_model(source)
    if card.kind != "recognizer" or card.charset is None:
        return
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
