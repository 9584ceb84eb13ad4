"""WebDataset's tar shards: `key.png` beside `key.txt` or `key.json`, read in place.

A pile of any number of shards takes a few bytes for each: without labels, the places of the images
in a shard are found when it is read, and only those of the latest shards are kept. How many images
a shard has is counted when it is opened, or read from a `sizes.json` beside it (`{"shard.tar":
10000}`, as OpenCLIP reads it).
"""

from __future__ import annotations

import os
import tarfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import BinaryIO

import numpy as np

from captcha_ssl.data.by_index import ByIndex
from captcha_ssl.data.image import MAX_BYTES, ImageError, read_image
from captcha_ssl.data.image_kinds import SUFFIXES
from captcha_ssl.data.label_text import form_note, is_respelled, read_label, text_in_json
from captcha_ssl.data.patterns import files_called
from captcha_ssl.data.rejected import Rejected
from captcha_ssl.documents import loaded_json
from captcha_ssl.errors import UserError
from captcha_ssl.printable import shown
from captcha_ssl.text_file import open_regular_file, read_text_file

TAR, SIZES = ".tar", "sizes.json"
_TEXT_FIELDS = ("text", "label", "transcription")
_TEXTS = (".txt", ".json")
_MOST_TEXT = 1 << 16
_MOST_MEMBERS = 20_000_000
_MOST_SIZES = 1 << 28
_LEAST_MEMBER = 512
"""Bytes of a member without content."""
_OPEN_AT_ONCE = 16
"""Shards whose places are kept."""


@dataclass
class TarSource:
    """Images at known offsets of an open tar file, with their labels."""

    path: Path
    names: list[str]
    labels: list[str] | None
    rejected: list[Rejected]
    places: list[tuple[int, int]]
    """Offset and size of each image."""
    notes: list[str] = field(default_factory=list)
    kind: str = "WebDataset"

    def __post_init__(self) -> None:
        self._file: BinaryIO = open_regular_file(self.path)
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self.names)

    def read(self, index: int) -> np.ndarray:
        """RGB uint8 [H, W, 3]. Raises ImageError."""
        return read_image(
            _bytes(self._file, self._lock, (self.names[index], *self.places[index])),
            name=self.names[index],
        )


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
        return read_image(_bytes(opened.file, opened.lock, place), name=place[0])


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


_Place = tuple[str, int, int]
"""The name of a member, its offset and its size."""


class _Opened:
    """An open shard, and the places of the images that were requested."""

    def __init__(self, path: Path) -> None:
        self.file, self.lock = open_regular_file(path), threading.Lock()
        self._places: list[_Place] = []
        self._coming = _images(self.file, path)

    def place(self, index: int) -> _Place | None:
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


def _bytes(file: BinaryIO, lock: threading.Lock, place: _Place) -> bytes:
    name, offset, size = place
    if size > MAX_BYTES:
        raise ImageError(name, f"more than {MAX_BYTES:,} bytes")
    with lock:
        file.seek(offset)
        data = file.read(size)
    if len(data) < size:
        raise ImageError(name, "the archive ends within it")
    return data


def find_tars(folder: Path) -> list[Path]:
    """The tar files in `folder`, sorted."""
    return files_called(folder, f"*{TAR}")


def open_tar(path: Path, want_labels: bool | None) -> TarSource | TarShard:
    """Open one shard. Samples without a usable text are rejected unless `want_labels` is False.

    Without any text the images are unlabeled. Raises UserError for a file that is not a plain tar.
    """
    if want_labels is False:
        return TarShard(path, *_counted(path))
    images, texts, notes = _samples(path)
    labeled = bool(texts)
    kept: dict[str, str] = {}
    rejected: list[Rejected] = []
    respelled = 0
    if labeled:
        with open_regular_file(path) as file:
            for key, (name, _, _) in images.items():
                written, problem = _text(file, texts.get(key))
                label, fault = read_label(written)
                if problem or fault:
                    rejected.append(Rejected(name, problem or fault or "", len(kept)))
                    continue
                kept[key] = label
                respelled += is_respelled(written)
    chosen = list(kept) if labeled else list(images)
    return TarSource(
        path,
        [images[key][0] for key in chosen],
        [kept[key] for key in chosen] if labeled else None,
        rejected,
        [images[key][1:] for key in chosen],
        [*form_note(respelled), *notes],
    )


def _counted(path: Path) -> tuple[int, list[str]]:
    """How many images a shard has, by `sizes.json` or by its own headers, and notes on others."""
    size = path.stat().st_size
    table = path.parent / SIZES
    told = _sizes(table, table.stat().st_mtime_ns).get(path.name) if table.is_file() else None
    if told is None:
        further: list[str] = []
        with open_regular_file(path) as file:
            count = sum(1 for _ in _images(file, path, further))
        return _refuse_none(path, count), _note(further)
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


def _images(file: BinaryIO, path: Path, further: list[str] | None = None) -> Iterator[_Place]:
    """The first image of each sample, in the order of the file; the others go to `further`.

    Raises UserError.
    """
    keys: set[str] = set()
    for key, is_image, place in _members(file, path):
        if is_image and key not in keys:
            keys.add(key)
            yield place
        elif is_image and further is not None:
            further.append(place[0])


def _note(further: list[str]) -> list[str]:
    if not further:
        return []
    return [
        f"{len(further):,} images skipped: an earlier one has the same name up to the first dot, "
        f"first {shown(further[0], 80)}"
    ]


def _samples(path: Path) -> tuple[dict[str, _Place], dict[str, _Place], list[str]]:
    """The first image and the first text of each sample, by key in the order of the file, and notes
    on others."""
    images: dict[str, _Place] = {}
    texts: dict[str, _Place] = {}
    further: list[str] = []
    try:
        with open_regular_file(path) as file:
            for key, is_image, place in _members(file, path):
                if (images if is_image else texts).setdefault(key, place) != place and is_image:
                    further.append(place[0])
    except OSError as error:
        raise _foreign(path, error) from error
    _refuse_none(path, len(images))
    return images, texts, _note(further)


def _members(file: BinaryIO, path: Path) -> Iterator[tuple[str, bool, _Place]]:
    """Every image and text: its key, whether it is an image, and its place. Raises UserError."""
    try:
        with tarfile.open(fileobj=file, mode="r:") as archive:
            for number, member in enumerate(archive):
                if number > _MOST_MEMBERS:
                    raise UserError(f"{path}: more than {_MOST_MEMBERS:,} members")
                archive.members = []  # type: ignore[attr-defined]
                if not member.isreg():
                    continue
                # A key ends at the first dot of the file name; dots of folders do not count.
                folder, slash, name = member.name.rpartition("/")
                stem, dot, ending = name.partition(".")
                suffix = f".{ending.rpartition('.')[2]}".lower() if dot else ""
                place = (member.name, member.offset_data, member.size)
                if suffix in SUFFIXES and stem:
                    yield f"{folder}{slash}{stem}", True, place
                elif f"{dot}{ending}".lower() in _TEXTS:
                    yield f"{folder}{slash}{stem}", False, place
    except (OSError, tarfile.TarError, EOFError, ValueError) as error:
        raise _foreign(path, error) from error


def _foreign(path: Path, error: Exception) -> UserError:
    return UserError(f"{path}: not readable as a plain tar file ({error}); unpack a compressed one")


def _refuse_none(path: Path, images: int) -> int:
    if not images:
        raise UserError(f"{path}: no images in it")
    return images


def _text(file: BinaryIO, place: _Place | None) -> tuple[str, str | None]:
    if place is None:
        return "", "no text beside it"
    name, offset, size = place
    if size > _MOST_TEXT:
        return "", f"its text is more than {_MOST_TEXT:,} bytes"
    file.seek(offset, os.SEEK_SET)
    try:
        text = file.read(size).decode("utf-8-sig")
        if not name.lower().endswith(".json"):
            return text, None
        held = loaded_json(text)
    except ValueError:
        return "", "its text is not UTF-8, or not JSON"
    if not isinstance(held, dict):
        return text_in_json(held)
    found = [text_in_json(held[key]) for key in _TEXT_FIELDS if key in held]
    none = [("", f"its JSON has none of {', '.join(_TEXT_FIELDS)}")]
    return min(found or none, key=lambda text: text[1] is not None)
