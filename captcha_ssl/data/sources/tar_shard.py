"""A WebDataset shard without labels: its images are found when they are asked for.

A pile of any number of shards takes a few bytes for each: without labels, the places of the images
in a shard are found when it is read, and only those of the latest shards are kept. How many images
a shard has is counted when it is opened, or read from a `sizes.json` beside it (`{"shard.tar":
10000}`, as OpenCLIP reads it).
"""

from __future__ import annotations

import threading
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path

import numpy as np

from captcha_ssl.data.by_index import ByIndex
from captcha_ssl.data.image import ImageError, read_image
from captcha_ssl.data.rejected import Rejected
from captcha_ssl.data.sources.tar_members import (
    Place,
    first_images,
    further_note,
    member_bytes,
    refuse_none,
)
from captcha_ssl.documents import loaded_json
from captcha_ssl.errors import UserError
from captcha_ssl.text_file import open_regular_file, read_text_file

SIZES = "sizes.json"
_MOST_SIZES = 1 << 28
_LEAST_MEMBER = 512
"""Bytes of a member without content."""
_OPEN_AT_ONCE = 16
"""Shards whose places are kept."""


class TarShard:
    """The first `count` images of a tar file, without labels; found when they are asked for.

    To read an image, the headers before it are read once.
    """

    kind = "WebDataset"
    labels: None = None

    def __init__(self, path: Path, count: int, notes: list[str]) -> None:
        self.path, self._count = path, count
        self.names = TarNames(self)
        self.rejected: list[Rejected] = []
        self.notes: list[str] = notes

    def __len__(self) -> int:
        return self._count

    def read(self, index: int) -> np.ndarray:
        """RGB uint8 [H, W, 3]. Raises ImageError, and UserError for a file that is no plain tar."""
        opened = _opened(self)
        place = opened.place(index)
        if place is None:
            raise ImageError(f"image {index}", f"not in {self.path.name}, though {SIZES} counts it")
        if index + 1 == self._count and opened.place(self._count) is not None:
            raise UserError(
                f"{self.path}: holds more than the {self._count:,} images that {SIZES} counts; "
                f"correct or remove {SIZES}"
            )
        return read_image(member_bytes(opened.file, opened.lock, place), name=place[0])


class TarNames(ByIndex[str]):
    """The names of the images in a shard, read from it on demand."""

    def __init__(self, shard: TarShard) -> None:
        self._shard = shard

    def __len__(self) -> int:
        return len(self._shard)

    def _at(self, index: int) -> str:
        found = _opened(self._shard).place(index)
        return f"image {index}" if found is None else found[0]

    def digest(self) -> str:
        """A short text for the number of images and bytes: the names are not read for it."""
        told = f"{len(self)} images in {self._shard.path.stat().st_size} bytes"
        return blake2b(told.encode(), digest_size=8).hexdigest()


class _Opened:
    """An open shard, and the places of the images that were requested."""

    def __init__(self, path: Path) -> None:
        self.file, self.lock = open_regular_file(path), threading.Lock()
        self._places: list[Place] = []
        self._coming = first_images(self.file, path)

    def place(self, index: int) -> Place | None:
        """Where image `index` is; None where there are not so many."""
        with self.lock:
            while len(self._places) <= index:
                found = next(self._coming, None)
                if found is None:
                    return None
                self._places.append(found)
            return self._places[index]


@lru_cache(maxsize=_OPEN_AT_ONCE)
def _opened(shard: TarShard) -> _Opened:
    try:
        return _Opened(shard.path)
    except OSError as error:
        raise UserError(f"{shard.path}: cannot be read ({error.strerror or error})") from error


def counted(path: Path) -> tuple[int, list[str]]:
    """How many images a shard has, by `sizes.json` or by its own headers, and notes on others."""
    size = path.stat().st_size
    table = path.parent / SIZES
    told = _sizes(table, table.stat().st_mtime_ns).get(path.name) if table.is_file() else None
    if told is None:
        further: list[str] = []
        with open_regular_file(path) as file:
            count = sum(1 for _ in first_images(file, path, further))
        return refuse_none(path, count), further_note(further)
    if not 0 < told <= size // _LEAST_MEMBER:
        raise UserError(f"{table}: {told:,} images cannot be in {path.name}; correct or remove it")
    return told, []


@lru_cache(maxsize=4)
def _sizes(table: Path, changed: int) -> dict[str, int]:
    """The images in each shard by its name. Raises UserError for anything else."""
    try:
        held = loaded_json(read_text_file(table, most=_MOST_SIZES))
    except ValueError as error:
        raise UserError(f"{table}: not readable as JSON ({error})") from error
    # JSON's true is an int for Python.
    if not isinstance(held, dict) or any(type(count) is not int for count in held.values()):
        raise UserError(f'{table}: not the images of each shard as {{"a.tar": 10000}}; remove it')
    return held
