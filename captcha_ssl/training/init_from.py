"""The settings that a run inherits from the model `init_from`."""

from __future__ import annotations

from pathlib import Path

from captcha_ssl.data.choose_preparation import contradiction
from captcha_ssl.data.geometry import Geometry
from captcha_ssl.errors import UserError
from captcha_ssl.models.model_file import find_model, load_model
from captcha_ssl.models.shipped import is_shipped, misfit
from captcha_ssl.training.settings import ModelSettings, as_shipped


def adopt(
    model: ModelSettings, source: Path | None, *, loaded: bool = False
) -> tuple[ModelSettings, Geometry | None]:
    """The settings with the encoder of `source`, and its geometry.

    Without a source the settings stay, and the images decide the geometry. The shipped
    model sets only the encoder: it trains on images of any size. Where images are `loaded`, they
    have their geometry, and an encoder of another height is resampled. Raises UserError when the
    file is unreadable or holds another encoder, or one for another geometry, than the user
    asks for.
    """
    if source is None:
        return model, None
    if is_shipped(source):
        if unfit := misfit(model):
            raise UserError(f"--init-from {source}: {unfit}; leave one of the two out")
        return as_shipped(model), None
    card, _ = load_model(source)
    asked = model.explicit("encoder")
    if asked is not None and asked != card.encoder:
        raise UserError(
            f"{find_model(source)}: holds the encoder {card.encoder!r}, not {asked!r}; "
            f"leave --encoder out"
        )
    geometry = card.geometry
    if not loaded:
        refuse_other_pixels(model, geometry, source)
    model = model.replace(
        encoder=card.encoder,
        channels=geometry.channels,
        height=geometry.height,
        width=geometry.width,
        prepare="none",
    )
    return model, geometry


def refuse_other_pixels(model: ModelSettings, geometry: Geometry, source: Path) -> None:
    """Raise UserError if the user asks for other pixels than the model `source` was trained on.

    `geometry` is that of the model. Settings that are left open, and those that agree, are fine.
    """
    for key in ("channels", "height", "width"):
        wanted, held = model.explicit(key), getattr(geometry, key)
        if wanted is not None and wanted != held:
            raise UserError(
                f"{find_model(source)}: is for images of {geometry}, not with {key} {wanted}; "
                f"leave {key} out, or train that model with it"
            )
    if other := contradiction(model, geometry.preparation):
        held = f"prepared so: {geometry.preparation}" if geometry.preparation else "not prepared"
        raise UserError(
            f"{find_model(source)}: is for images that are {held}; not with "
            f"{other} {model.explicit(other)}; leave {other} out, or train that model with it"
        )
