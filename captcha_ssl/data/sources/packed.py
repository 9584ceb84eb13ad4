"""The packed folder: all pixels in one memory-mapped array.

`dataset.json` says what is inside, `images.npy` is uint8 [N, C, H, W], and `labels.csv`
(`index,label`) is absent when there are no labels.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any, overload

import numpy as np

from captcha_ssl.data.label_text import EMPTY, form_note
from captcha_ssl.data.mapped import advise, exceeds_memory
from captcha_ssl.data.rejected import Rejected
from captcha_ssl.data.sources.rows import read_rows
from captcha_ssl.errors import UserError
from captcha_ssl.memory import raise_if_memory
from captcha_ssl.printable import shortened, shown
from captcha_ssl.text_file import open_regular_file, read_text_file

FORMAT, VERSION = "captcha-ssl-packed", 1
_MOST_DESCRIPTION = 1 << 20
_MOST_UNLABELED = 10_000_000
"""Images without a label beside a table of labels, each of which is reported."""
DESCRIPTION, PIXELS, LABELS = "dataset.json", "images.npy", "labels.csv"


class PackedNames(Sequence[str]):
    """The names of rows `indices`, created on demand: there may be many millions."""

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

    def find(self, name: str) -> int | None:
        """The place of a name, found without making the others."""
        number = _index(name, int(self._indices[-1]) + 1) if len(self) else None
        if number is None or f"{number:05d}" != name:
            return None
        place = int(np.searchsorted(self._indices, number))
        return place if int(self._indices[place]) == number else None

    def digest(self) -> str:
        """A short text that is the same for equal names, without creating the names."""
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
    notes: list[str] = field(default_factory=list)
    kind: str = "packed"

    def __len__(self) -> int:
        return len(self.indices)

    def read(self, index: int) -> np.ndarray:
        """RGB uint8 [H, W, 3]."""
        image = self.images[self.indices[index]].transpose(1, 2, 0)
        return np.repeat(image, 3, axis=2) if image.shape[2] == 1 else np.array(image)

    def pixels(self) -> np.ndarray:
        """uint8 [len, C, H, W]: the mapped file itself if no row is rejected, else a copy."""
        everything = len(self.indices) == len(self.images)
        return self.images if everything else self.images[self.indices]


def open_packed(folder: Path, *, want_labels: bool | None) -> PackedSource:
    """Open a packed folder. Raises UserError if its files are damaged or inconsistent."""
    about = _read_description(folder / DESCRIPTION)
    images = _map_images(folder / PIXELS, about)
    labels: list[str] | None = None
    rejected: list[Rejected] = []
    notes: list[str] = []
    indices: range | np.ndarray = range(len(images))
    if want_labels is not False and (folder / LABELS).is_file():
        by_index, rejected, notes = _read_labels(folder / LABELS, len(images))
        indices = np.array(sorted(by_index), np.int64)
        labels = [by_index[i] for i in indices.tolist()]
    names = PackedNames(indices)
    return PackedSource(folder, images, indices, names, labels, rejected, about, notes)


def is_packed(folder: Path) -> bool:
    """Whether the folder claims to be packed; `open_packed` checks the claim."""
    return (folder / DESCRIPTION).is_file()


def _read_description(path: Path) -> dict[str, Any]:
    try:
        about = json.loads(read_text_file(path, most=_MOST_DESCRIPTION))
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: not readable as JSON ({error})") from error
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        raise UserError(f"{path}: not a {FORMAT} description; remove it or make the dataset again")
    if about.get("version") != VERSION:
        version = shown(str(about.get("version")), 40)
        raise UserError(f"{path}: version {version} is not known here, only {VERSION}")
    return about


def _map_images(path: Path, about: dict[str, Any]) -> np.ndarray:
    try:
        # Opening a pipe would wait for its writer.
        open_regular_file(path).close()
        # Not np.load, which also accepts other formats, such as zip archives and pickles.
        # More bytes than can be counted would be reported on the terminal.
        with np.errstate(over="raise"):
            images: np.ndarray = np.lib.format.open_memmap(path, mode="r")
    except Exception as error:  # the header reader raises any kind of exception
        raise_if_memory(error)
        raise UserError(f"{path}: damaged or incomplete; make the dataset again") from error
    described = tuple(about.get(key) for key in ("count", "channels", "height", "width"))
    # For arrays of zero bytes the file size proves nothing: any count would fit.
    if images.ndim != 4 or images.shape[1] not in (1, 3) or not all(images.shape):
        raise UserError(
            f"{path}: has an array {images.shape}, not images [count, 1 or 3 channels, height, "
            "width]; make the dataset again"
        )
    if images.dtype != np.uint8 or images.shape != described:
        raise UserError(
            f"{path}: holds {images.dtype} {images.shape}, "
            f"but {DESCRIPTION} says uint8 {described}; make the dataset again"
        )
    if exceeds_memory(images):
        # Reading ahead would only push other images out of the cache.
        advise(images, "MADV_RANDOM")
    return images


def _read_labels(path: Path, count: int) -> tuple[dict[int, str], list[Rejected], list[str]]:
    labels: dict[int, str] = {}
    rejected: list[Rejected] = []
    respelled = 0
    said: set[int] = set()
    for row in read_rows(path, ("index",), str.isdecimal, "index,label"):
        index = _index(row.key, count)
        if row.problem is not None:
            reason = row.problem
        elif index is None or index in labels:
            reason = "not the index of one image"
        elif row.label_problem == EMPTY:
            continue
        elif row.label_problem is not None:
            reason = row.label_problem
            said.add(index)
        else:
            labels[index] = row.label
            respelled += row.respelled
            continue
        rejected.append(Rejected(f"{path.name} line {row.line}: {shortened(row.key, 40)}", reason))
    unlabeled = count - len(labels) - len(said)
    if unlabeled > _MOST_UNLABELED:
        raise UserError(
            f"{path}: {unlabeled:,} of {count:,} images have no label; label them, or remove the "
            "table to use all images without labels"
        )
    missing = (index for index in range(count) if index not in labels and index not in said)
    rejected += [Rejected(f"image {index}", "no label") for index in missing]
    return labels, rejected, form_note(respelled)


def _index(key: str, count: int) -> int | None:
    """The number in `key` if it is the index of one of `count` images."""
    if not (key.isascii() and key.isdecimal() and len(key) <= 18):
        return None
    return int(key) if int(key) < count else None
