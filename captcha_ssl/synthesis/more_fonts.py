"""The faces of the broad styles: those that come with our dependencies, and Debian's if installed.

A picture of a broad style depends on which of these are there. The Debian packages are named
below; `examples/train_shipped_model.sh` says how to install them.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from captcha_ssl.synthesis.fonts import CLASSIC_FACE, has_ink

_MATPLOTLIB = "matplotlib/mpl-data/fonts/ttf"
_BUNDLED = (
    CLASSIC_FACE,
    *(
        f"{_MATPLOTLIB}/{name}.ttf"
        for name in (
            "DejaVuSans",
            "DejaVuSans-Bold",
            "DejaVuSans-Oblique",
            "DejaVuSans-BoldOblique",
            "DejaVuSansMono",
            "DejaVuSansMono-Bold",
            "DejaVuSansMono-Oblique",
            "DejaVuSerif",
            "DejaVuSerif-Bold",
            "DejaVuSerif-Italic",
            "DejaVuSerif-BoldItalic",
            "STIXGeneral",
            "STIXGeneralBol",
            "STIXGeneralItalic",
            "STIXGeneralBolIta",
        )
    ),
)
_DEBIAN_ROOT = Path("/usr/share/fonts")
DEBIAN = {
    "fonts-liberation": (
        "truetype/liberation/Liberation",
        "Sans-Regular.ttf",
        "Sans-Bold.ttf",
        "Sans-Italic.ttf",
        "SansNarrow-Regular.ttf",
        "SansNarrow-Bold.ttf",
        "Serif-Regular.ttf",
        "Serif-Bold.ttf",
        "Serif-Italic.ttf",
        "Serif-BoldItalic.ttf",
        "Mono-Regular.ttf",
        "Mono-Bold.ttf",
    ),
    "fonts-freefont-ttf": (
        "truetype/freefont/Free",
        "Sans.ttf",
        "SansBold.ttf",
        "SansOblique.ttf",
        "Serif.ttf",
        "SerifBold.ttf",
        "SerifItalic.ttf",
        "SerifBoldItalic.ttf",
        "MonoBold.ttf",
    ),
    "fonts-sil-gentium-basic": (
        "truetype/gentium-basic/Gen",
        "BasR.ttf",
        "BasB.ttf",
        "BasI.ttf",
        "BasBI.ttf",
        "BkBasR.ttf",
        "BkBasB.ttf",
    ),
    "fonts-open-sans": (
        "truetype/open-sans/OpenSans-",
        "Regular.ttf",
        "Bold.ttf",
        "Light.ttf",
        "Italic.ttf",
        "CondBold.ttf",
        "CondLight.ttf",
    ),
    "fonts-lato": (
        "truetype/lato/Lato-",
        "Regular.ttf",
        "Bold.ttf",
        "Light.ttf",
        "Black.ttf",
        "Italic.ttf",
    ),
    "fonts-roboto-unhinted": (
        "truetype/roboto/unhinted/",
        "RobotoTTF/Roboto-Regular.ttf",
        "RobotoTTF/Roboto-Bold.ttf",
        "RobotoCondensed-Bold.ttf",
        "RobotoTTF/Roboto-Italic.ttf",
        "RobotoCondensed-Regular.ttf",
    ),
    "fonts-linuxlibertine": (
        "opentype/linux-libertine/Lin",
        "Libertine_R.otf",
        "Libertine_RB.otf",
        "Libertine_RI.otf",
        "Biolinum_R.otf",
    ),
    "fonts-crosextra-carlito": ("truetype/crosextra/Carlito-", "Regular.ttf", "BoldItalic.ttf"),
    "fonts-crosextra-caladea": ("truetype/crosextra/Caladea-", "Regular.ttf", "BoldItalic.ttf"),
    "fonts-comfortaa": ("truetype/comfortaa/Comfortaa-", "Regular.ttf", "Bold.ttf"),
    "fonts-cantarell": ("opentype/cantarell/Cantarell-", "Regular.otf", "Bold.otf"),
    "fonts-quicksand": ("truetype/quicksand/Quicksand-", "Regular.ttf", "Bold.ttf"),
    "fonts-hack": ("truetype/hack/Hack-", "Regular.ttf", "Bold.ttf", "Italic.ttf"),
    "fonts-inconsolata": ("truetype/inconsolata/", "Inconsolata.otf"),
}
"""Package → the common beginning of its files, and their ends. The order is part of a seed."""


@lru_cache(maxsize=1)
def broad_faces() -> tuple[str, ...]:
    """Every face on this machine, in the order of the lists above."""
    debian = (
        _DEBIAN_ROOT / f"{beginning}{end}" for beginning, *ends in DEBIAN.values() for end in ends
    )
    return _BUNDLED + tuple(str(file) for file in debian if file.is_file())


@lru_cache(maxsize=4096)
def broad_faces_with(character: str) -> tuple[str, ...]:
    """The `broad_faces` that have a glyph for `character`."""
    return tuple(face for face in broad_faces() if has_ink(face, character))
