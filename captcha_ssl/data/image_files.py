"""The images below a folder."""

from __future__ import annotations

import os
from pathlib import Path

from captcha_ssl.data.image import SUFFIXES


def image_files(folder: Path) -> list[str]:
    """Images in `folder` and below, relative to it, sorted; hidden ones are left alone."""
    found: list[str] = []
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        relative = Path(place).relative_to(folder)
        found += [
            (relative / name).as_posix()
            for name in files
            if not name.startswith(".") and Path(name).suffix.lower() in SUFFIXES
        ]
    return sorted(found)
