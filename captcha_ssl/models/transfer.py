"""Starting an encoder from one that was trained before."""

from __future__ import annotations

from pathlib import Path

from captcha_ssl.errors import UserError
from captcha_ssl.models.encoder import Encoder
from captcha_ssl.models.model_file import find_model, load_model

_ENCODER = "encoder."


def load_encoder(encoder: Encoder, source: Path) -> None:
    """Copy the encoder weights of a run or model file, of either kind, into `encoder`.

    Raises UserError when the file is unreadable or holds another architecture.
    """
    card, tensors = load_model(source)
    if card.kind == "recogniser":
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
