"""WebDataset's tar shards: `key.png` beside `key.txt` or `key.json`, read in place."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np

from captcha_ssl.data.image import read_image
from captcha_ssl.data.label_text import form_note, is_respelled, read_label, text_in_json
from captcha_ssl.data.patterns import files_called
from captcha_ssl.data.rejected import Rejected
from captcha_ssl.data.sources.tar_members import Place, member_bytes, samples
from captcha_ssl.data.sources.tar_shard import TarShard, counted
from captcha_ssl.documents import loaded_json
from captcha_ssl.text_file import open_regular_file

TAR = ".tar"
_TEXT_FIELDS = ("text", "label", "transcription")
_MOST_TEXT = 1 << 16


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
            member_bytes(self._file, self._lock, (self.names[index], *self.places[index])),
            name=self.names[index],
        )


def find_tars(folder: Path) -> list[Path]:
    """The tar files in `folder`, sorted."""
    return files_called(folder, f"*{TAR}")


def open_tar(path: Path, want_labels: bool | None) -> TarSource | TarShard:
    """Open one shard. Samples without a usable text are rejected unless `want_labels` is False.

    Without any text the images are unlabeled. Raises UserError for a file that is not a plain tar.
    """
    if want_labels is False:
        return TarShard(path, *counted(path))
    images, texts, notes = samples(path)
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


def _text(file: BinaryIO, place: Place | None) -> tuple[str, str | None]:
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
