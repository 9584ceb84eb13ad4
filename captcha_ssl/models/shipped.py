"""The model that comes with the package, and its name `shipped`. Needs no torch.

It has a version for each of several heights of images; their encoders differ in weights alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from captcha_ssl.settings import Settings

AUTO = Path("auto")
"""Instead of a run or model file: the program chooses the start."""
SHIPPED = "shipped"
ENCODER = "small"
"""The encoder on its card, known without reading the file; a test compares them."""
HEIGHTS = (32, 48)
"""The heights in pixels that its versions have learned to read: the first costs less, and the last
reads best. A run that starts from it may have any height, and color."""
BEGAN_FROM = "init_from"
"""The entry on the card of an encoder that started from it: then its head fits too."""
FOLDER = Path(__file__).parents[1] / "shipped"


def misfit(model: Settings) -> str:
    """Why the shipped model does not fit these model settings; empty if it does."""
    asked = model.explicit("encoder")
    if asked in (None, ENCODER):
        return ""
    return f"the shipped model has encoder {ENCODER}, not {asked}"


def is_shipped(path: Path) -> bool:
    """Whether `path` is `shipped` and no file or folder has that name."""
    return str(path) == SHIPPED and not path.exists()


def shipped_version(height: int, suffix: str = ".safetensors") -> Path:
    """The file of the version for images of `height` pixels: that for the nearest height below."""
    own = max((fit for fit in HEIGHTS if fit <= height), default=HEIGHTS[0])
    return FOLDER / f"model-{own}{suffix}"


def at_height(source: Path, height: int) -> Path:
    """`source`, or if it is `shipped` the file of its version for images of `height` pixels."""
    return shipped_version(height) if is_shipped(source) else source
