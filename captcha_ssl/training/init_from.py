"""The settings that a run inherits from the model `init_from`."""

from __future__ import annotations

from pathlib import Path

from captcha_ssl.data.geometry import Geometry
from captcha_ssl.errors import UserError
from captcha_ssl.models.model_file import find_model, load_model
from captcha_ssl.models.shipped import is_shipped
from captcha_ssl.training.settings import ModelSettings, as_shipped


def adopt(model: ModelSettings, source: Path | None) -> tuple[ModelSettings, Geometry | None]:
    """The settings with the encoder of `source`, and its geometry.

    Without a source the settings stay, and the images decide the geometry. The shipped
    model sets only the encoder: it trains on images of any size. Raises UserError when the file is
    unreadable or holds another encoder than the one asked for by name.
    """
    if source is None:
        return model, None
    if is_shipped(source):
        return as_shipped(model), None
    card, _ = load_model(source)
    asked = model.explicit("encoder")
    if asked is not None and asked != card.encoder:
        raise UserError(
            f"{find_model(source)}: holds the encoder {card.encoder!r}, not {asked!r}; "
            f"leave --encoder out"
        )
    geometry = card.geometry
    model = model.replace(
        encoder=card.encoder,
        channels=geometry.channels,
        height=geometry.height,
        width=geometry.width,
        prepare="none",
    )
    return model, geometry
