"""WebDataset's tar shards: `key.png` beside `key.txt` or `key.json`, read in place."""

from __future__ import annotations

import os
import tarfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import BinaryIO

import numpy as np

from captcha_ssl.data.image import MAX_BYTES, SUFFIXES, ImageError, read_image
from captcha_ssl.data.label_text import form_note, is_respelled, read_label
from captcha_ssl.data.rejected import Rejected
from captcha_ssl.documents import loaded_json
from captcha_ssl.errors import UserError
from captcha_ssl.text_file import open_regular_file

SUFFIX = ".tar"
_TEXT_FIELDS = ("text", "label", "transcription")
_TEXTS = (".txt", ".json")
_MOST_TEXT = 1 << 16
_MOST_MEMBERS = 20_000_000


@dataclass
class TarSource:
    """Images at known offsets of an open tar file."""

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
        offset, size = self.places[index]
        if size > MAX_BYTES:
            raise ImageError(self.names[index], f"more than {MAX_BYTES:,} bytes")
        with self._lock:
            self._file.seek(offset)
            data = self._file.read(size)
        if len(data) < size:
            raise ImageError(self.names[index], "the archive ends within it")
        return read_image(data, name=self.names[index])


def find_tars(folder: Path) -> list[Path]:
    """The tar files in `folder`, sorted."""
    return sorted(file for file in folder.glob(f"*{SUFFIX}") if file.is_file())


def open_tar(path: Path, want_labels: bool | None) -> TarSource:
    """Open one shard. Samples without a usable text are rejected unless `want_labels` is False.

    Without any text the images are unlabeled. Raises UserError for a file that is not a plain tar.
    """
    images, texts = _members(path)
    labeled = want_labels is not False and bool(texts)
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
        form_note(respelled),
    )


_Place = tuple[str, int, int]
"""The name of a member, its offset and its size."""


def _members(path: Path) -> tuple[dict[str, _Place], dict[str, _Place]]:
    """The first image and the first text of each sample, by key, in the order of the file."""
    images: dict[str, _Place] = {}
    texts: dict[str, _Place] = {}
    try:
        with open_regular_file(path) as file, tarfile.open(fileobj=file, mode="r:") as archive:
            for number, member in enumerate(archive):
                if number > _MOST_MEMBERS:
                    raise UserError(f"{path}: more than {_MOST_MEMBERS:,} members")
                if not member.isreg():
                    continue
                # A key ends at the first dot of the file name; dots of folders do not count.
                name = PurePosixPath(member.name)
                stem, dot, ending = name.name.partition(".")
                suffix = name.suffix.lower()
                key = (name.parent / stem).as_posix()
                place = (member.name, member.offset_data, member.size)
                if suffix in SUFFIXES and stem:
                    images.setdefault(key, place)
                elif f"{dot}{ending}".lower() in _TEXTS:
                    texts.setdefault(key, place)
                archive.members = []  # type: ignore[attr-defined]
    except (OSError, tarfile.TarError, EOFError, ValueError) as error:
        raise UserError(
            f"{path}: not readable as a plain tar file ({error}); unpack a compressed one"
        ) from error
    if not images:
        raise UserError(f"{path}: no images in it")
    return images, texts


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
    if isinstance(held, str):
        return held, None
    fields: Sequence[str] = _TEXT_FIELDS if isinstance(held, dict) else ()
    found = next((held[key] for key in fields if isinstance(held.get(key), str)), None)
    return found or "", None if found else f"its JSON has none of {', '.join(_TEXT_FIELDS)}"
