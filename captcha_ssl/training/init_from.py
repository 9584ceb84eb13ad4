"""What a run inherits from the model that `init_from` names."""

from __future__ import annotations

from pathlib import Path

from captcha_ssl.data.geometry import Geometry
from captcha_ssl.errors import UserError
from captcha_ssl.models.model_file import find_model, load_model
from captcha_ssl.models.shipped import is_shipped
from captcha_ssl.training.settings import ModelSettings


def adopt(model: ModelSettings, source: Path | None) -> tuple[ModelSettings, Geometry | None]:
    """The settings with the encoder of `source`, and its geometry.

    Without a source the settings stand, and the geometry is left to the images. The shipped model
    leaves to them how they are prepared; any other says so itself. Raises UserError when the file
    is unreadable or holds another encoder than the one asked for by name.
    """
    if source is None:
        return model, None
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
        prepare=model.prepare if is_shipped(source) else "none",
    )
    return model, geometry
