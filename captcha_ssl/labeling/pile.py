"""The images to label, and their names in the table."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from captcha_ssl.data.name_list import list_named_by
from captcha_ssl.data.sources import Paths, Source, open_source
from captcha_ssl.data.sources.files import FileSource
from captcha_ssl.data.spelling import Spellings
from captcha_ssl.errors import UserError
from captcha_ssl.labeling.answers import storable

WIDEST = 1600
"""The longer side of a displayed image, in pixels."""


class Pile:
    """The images of one or several datasets, and their names as rows of a table at `table`.

    `left_out` lists images whose name no row can hold. Raises UserError when there is no dataset,
    or the table would not reach its images.
    """

    def __init__(self, paths: Paths, table: Path) -> None:
        self.paths = [paths] if isinstance(paths, Path) else list(paths)
        self._sources = [open_source(path, want_labels=False) for path in self.paths]
        self.names: list[str] = []
        self.left_out: list[str] = []
        self._places: list[tuple[int, int]] = []
        for number, (path, source) in enumerate(zip(self.paths, self._sources, strict=True)):
            for place, name in enumerate(_names(path, source, table)):
                if storable(name):
                    self.names.append(name)
                    self._places.append((number, place))
                else:
                    self.left_out.append(name)
        self._by_name = {name: index for index, name in enumerate(self.names)}
        self._spellings = Spellings(self.names)

    def __len__(self) -> int:
        return len(self.names)

    def find(self, name: str) -> int | None:
        """The image of a row, relative to the table or to `images/` beside it.

        Also in another spelling, as all commands read it from the table.
        """
        written = [os.path.normpath(base + name).replace(os.sep, "/") for base in ("", "images/")]
        for exact in written:
            if exact in self._by_name:
                return self._by_name[exact]
        respelled = filter(None, map(self._spellings.find, written))
        return next((self._by_name[known] for known in respelled), None)

    def pixels(self, index: int) -> np.ndarray:
        """RGB uint8 [H, W, 3]. Raises ImageError."""
        number, place = self._places[index]
        return self._sources[number].read(place)

    def png(self, index: int) -> bytes:
        """The image as PNG, at most 1,600 pixels wide and high.

        Raises ImageError.
        """
        pixels = self.pixels(index)
        scale = WIDEST / max(pixels.shape[:2])
        if scale < 1:
            height, width = (max(1, round(side * scale)) for side in pixels.shape[:2])
            pixels = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)
        _, data = cv2.imencode(".png", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
        return data.tobytes()


def _names(path: Path, source: Source, table: Path) -> Sequence[str]:
    """What the rows of the table call the images of a source: a path from its folder."""
    if not isinstance(source, FileSource):
        # In an archive or a database: its own path, and the name there.
        prefix = _from_folder(table, path)
        if not prefix:
            raise _out_of_reach(path, table, path.absolute().parent)
        return [f"{prefix}/{name}" for name in source.names]
    if list_named_by(path) is not None:
        found = {name: _from_folder(table, Path(name)) for name in source.names}
        lost = next((name for name, written in found.items() if not written), None)
        if lost is not None:
            raise _out_of_reach(Path(lost), table, Path(lost).absolute().parent)
        return [written or "" for written in found.values()]
    prefix = _from_folder(table, source.root)
    if prefix is None:
        raise _out_of_reach(path, table, source.root)
    return [f"{prefix}/{name}" for name in source.names] if prefix else source.names


def _from_folder(table: Path, path: Path) -> str | None:
    """`path` relative to the folder of the table: empty for the folder itself, None outside."""
    for real in (os.path.abspath, os.path.realpath):
        way = os.path.relpath(real(path), real(table.parent)).replace(os.sep, "/")
        if way != ".." and not way.startswith("../"):
            return "" if way == "." else way
    return None


def _out_of_reach(path: Path, table: Path, folder: Path) -> UserError:
    return UserError(
        f"--out {table}: a table names images in its own folder and below; put it into the folder "
        f"of {path} or one above, for example --out {folder / table.name}"
    )
