"""The control that costs nothing: the model in the package, fine-tuned as every arm is."""

from __future__ import annotations

from pathlib import Path

from captcha_ssl.errors import UserError
from captcha_ssl.models.model_file import find_model, load_model
from captcha_ssl.models.shipped import SHIPPED
from captcha_ssl.training.settings import ModelSettings


def shipped_model(model: ModelSettings) -> Path:
    """Its file. Raises UserError when the other arms have another encoder: no fair race."""
    file = find_model(Path(SHIPPED))
    card, _ = load_model(file)
    its = {
        "encoder": card.encoder,
        "channels": card.geometry.channels,
        "height": card.geometry.height,
    }
    wrong = [
        f"{key}={value}" for key, value in its.items() if getattr(model, key) not in (value, None)
    ]
    if wrong:
        raise UserError(
            f"arm shipped: give every arm its encoder with --set {' --set '.join(wrong)}"
        )
    return file
