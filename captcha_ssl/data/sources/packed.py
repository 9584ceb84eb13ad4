"""The packed folder: all pixels in one memory-mapped array.

`dataset.json` says what is inside, `images.npy` is uint8 [N, C, H, W], and `labels.csv`
(`index,label`) is absent when there are no labels.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, overload

import numpy as np

from captcha_ssl.data.sources.source import Rejected
from captcha_ssl.errors import UserError

FORMAT, VERSION = "captcha-ssl-packed", 1
DESCRIPTION, PIXELS, LABELS = "dataset.json", "images.npy", "labels.csv"


class PackedNames(Sequence[str]):
    """The names of rows `indices`: made when asked for, as a pile may have many millions."""

    def __init__(self, indices: Sequence[int] | np.ndarray) -> None:
        self._indices = indices

    def __len__(self) -> int:
        return len(self._indices)

    @overload
    def __getitem__(self, place: int) -> str: ...

    @overload
    def __getitem__(self, place: slice) -> PackedNames: ...

    def __getitem__(self, place: int | slice) -> str | PackedNames:
        if isinstance(place, slice):
            return PackedNames(self._indices[place])
        return f"{int(self._indices[place]):05d}"

    def digest(self) -> str:
        """A short text that is the same for equal names, made without making them."""
        held = self._indices
        told = repr(held).encode() if isinstance(held, range) else np.asarray(held, "<i8").tobytes()
        return blake2b(told, digest_size=8).hexdigest()


@dataclass
class PackedSource:
    """Rows `indices` of `images`, uint8 [N, C, H, W] as mapped from the file."""

    path: Path
    images: np.ndarray
    indices: range | np.ndarray
    names: PackedNames
    labels: list[str] | None
    rejected: list[Rejected]
    about: dict[str, Any]
    kind: str = "packed"

    def __len__(self) -> int:
        return len(self.indices)

    def read(self, index: int) -> np.ndarray:
        """RGB uint8 [H, W, 3]."""
        image = self.images[self.indices[index]].transpose(1, 2, 0)
        return np.repeat(image, 3, axis=2) if image.shape[2] == 1 else np.array(image)

    def pixels(self) -> np.ndarray:
        """uint8 [len, C, H, W]: the mapped file itself when no row was rejected, else a copy."""
        everything = len(self.indices) == len(self.images)
        return self.images if everything else self.images[self.indices]


def open_packed(folder: Path, *, want_labels: bool | None) -> PackedSource:
    """Open a packed folder. Raises UserError when its parts are damaged or disagree."""
    about = _read_description(folder / DESCRIPTION)
    images = _map_images(folder / PIXELS, about)
    labels: list[str] | None = None
    rejected: list[Rejected] = []
    indices: range | np.ndarray = range(len(images))
    if want_labels is not False and (folder / LABELS).is_file():
        by_index, rejected = _read_labels(folder / LABELS, len(images))
        indices = np.array(sorted(by_index), np.int64)
        labels = [by_index[i] for i in indices.tolist()]
    names = PackedNames(indices)
    return PackedSource(folder, images, indices, names, labels, rejected, about)


def is_packed(folder: Path) -> bool:
    """Whether the folder claims to be packed; `open_packed` says whether the claim is good."""
    return (folder / DESCRIPTION).is_file()


def _read_description(path: Path) -> dict[str, Any]:
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: not readable as JSON ({error})") from error
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        raise UserError(f"{path}: not a {FORMAT} description; remove it or make the dataset again")
    if about.get("version") != VERSION:
        raise UserError(f"{path}: version {about.get('version')} is not known here, only {VERSION}")
    return about


def _map_images(path: Path, about: dict[str, Any]) -> np.ndarray:
    try:
        # Not np.load, which takes other formats too, zip archives and pickles among them.
        images: np.ndarray = np.lib.format.open_memmap(path, mode="r")
    except Exception as error:  # the reader of headers fails in every way there is
        raise UserError(f"{path}: damaged or incomplete; make the dataset again") from error
    described = tuple(about.get(key) for key in ("count", "channels", "height", "width"))
    if images.dtype != np.uint8 or images.shape != described:
        raise UserError(
            f"{path}: holds {images.dtype} {images.shape}, "
            f"but {DESCRIPTION} says uint8 {described}; make the dataset again"
        )
    return images


def _read_labels(path: Path, count: int) -> tuple[dict[int, str], list[Rejected]]:
    labels: dict[int, str] = {}
    rejected: list[Rejected] = []
    try:
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                index, label = row.get("index") or "", row.get("label") or ""
                if not index.isdecimal() or int(index) >= count or int(index) in labels:
                    rejected.append(Rejected(f"{path.name}: {index}", "not the index of one image"))
                elif label:
                    labels[int(index)] = label
    except (OSError, ValueError, csv.Error) as error:
        raise UserError(f"{path}: not readable as CSV in UTF-8 ({error})") from error
    missing = (index for index in range(count) if index not in labels)
    return labels, rejected + [Rejected(f"image {index}", "no label") for index in missing]
