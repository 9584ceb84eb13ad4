"""The model that comes with the package, and the name that stands for it. Needs no torch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from captcha_ssl.settings import Settings

AUTO = Path("auto")
"""In the place of a run or model file: the start is chosen for the user."""
SHIPPED = "shipped"
ENCODER, CHANNELS = "small", 1
"""What its card says of its encoder, known here without reading the file; a test compares."""
SETTINGS: dict[str, object] = {"encoder": ENCODER, "channels": CHANNELS}
"""What images are read as to start from it; their height is theirs."""
BEGAN_FROM = "init_from"
"""The entry in the card of an encoder that started from it: its head may then be used too."""
FOLDER = Path(__file__).parents[1] / "shipped"


def misfit(model: Settings) -> str:
    """Why the shipped model cannot be what the settings of a model ask for; empty where it can."""
    for key, value in SETTINGS.items():
        asked = model.explicit(key)
        if asked is not None and asked != value:
            return f"the shipped model has {key} {value}, not {asked}"
    return ""


def is_shipped(path: Path) -> bool:
    """Whether `path` is that name, and no file or folder is called so."""
    return str(path) == SHIPPED and not path.exists()
