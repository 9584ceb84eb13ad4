"""The model that comes with the package, and its name `shipped`. Needs no torch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from captcha_ssl.settings import Settings

AUTO = Path("auto")
"""Instead of a run or model file: the program chooses the start."""
SHIPPED = "shipped"
ENCODER, CHANNELS = "small", 1
"""The encoder on its card, known without reading the file; a test compares them."""
SETTINGS: dict[str, object] = {"encoder": ENCODER, "channels": CHANNELS}
"""The model settings of a run that starts from it. The height is free."""
BEGAN_FROM = "init_from"
"""The entry on the card of an encoder that started from it: then its head fits too."""
FOLDER = Path(__file__).parents[1] / "shipped"


def misfit(model: Settings) -> str:
    """Why the shipped model does not fit these model settings; empty if it does."""
    for key, value in SETTINGS.items():
        asked = model.explicit(key)
        if asked is not None and asked != value:
            return f"the shipped model has {key} {value}, not {asked}"
    return ""


def is_shipped(path: Path) -> bool:
    """Whether `path` is `shipped` and no file or folder has that name."""
    return str(path) == SHIPPED and not path.exists()
