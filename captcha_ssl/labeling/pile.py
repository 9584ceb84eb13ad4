"""The images to label, and what a table beside them calls each."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np

from captcha_ssl.data.sources import open_source
from captcha_ssl.data.sources.files import FileSource
from captcha_ssl.errors import UserError
from captcha_ssl.labeling.answers import storable

WIDEST = 1600
"""Pixels of the longer side of an image as it is shown."""


class Pile:
    """The images of a folder, and their names as rows of a table at `table`.

    `left_out` lists images whose name no row can hold. Raises UserError when PILE holds no image
    files, or the table would not reach them.
    """

    def __init__(self, path: Path, table: Path) -> None:
        source = open_source(path, want_labels=False)
        if not isinstance(source, FileSource):
            raise UserError(
                f"{path}: not a folder of image files, and a table of labels names files; write it "
                "as one first with captcha-ssl convert … --format folder"
            )
        root, folder = source.root.resolve(), table.parent.resolve()
        if root != folder and folder not in root.parents:
            raise UserError(
                f"--out {table}: a table names images in its own folder and below; put it into "
                f"{path} or a folder above, for example --out {path / table.name}"
            )
        prefix = "" if root == folder else root.relative_to(folder).as_posix() + "/"
        names = [prefix + name for name in source.names]
        self.left_out = [name for name in names if not storable(name)]
        kept = [place for place, name in enumerate(names) if storable(name)]
        self.path = path
        self._source, self._places = source, kept
        self.names = [names[place] for place in kept]
        self._by_name = {name: index for index, name in enumerate(self.names)}

    def __len__(self) -> int:
        return len(self.names)

    def find(self, name: str) -> int | None:
        """The image that a row calls `name`, relative to the table or to `images/` beside it."""
        for base in ("", "images/"):
            found = self._by_name.get(os.path.normpath(base + name).replace(os.sep, "/"))
            if found is not None:
                return found
        return None

    def pixels(self, index: int) -> np.ndarray:
        """RGB uint8 [H, W, 3]. Raises ImageError."""
        return self._source.read(self._places[index])

    def png(self, index: int) -> bytes:
        """The image as PNG, whatever its file is, at most 1,600 pixels wide and high.

        Raises ImageError.
        """
        pixels = self.pixels(index)
        scale = WIDEST / max(pixels.shape[:2])
        if scale < 1:
            height, width = (max(1, round(side * scale)) for side in pixels.shape[:2])
            pixels = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)
        _, data = cv2.imencode(".png", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
        return data.tobytes()
