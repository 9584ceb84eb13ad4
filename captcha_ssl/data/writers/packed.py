"""The packed format: see `captcha_ssl.data.sources.packed`, which reads it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from captcha_ssl.data.geometry import Geometry
from captcha_ssl.data.sources.packed import DESCRIPTION, FORMAT, LABELS, PIXELS, VERSION
from captcha_ssl.data.writers.labels_csv import write_labels


class PackedStore:
    """`images.npy`, `labels.csv` and `dataset.json` in `folder`."""

    shared = True
    any_size = False

    def __init__(self, folder: Path, count: int, geometry: Geometry) -> None:
        self._folder = folder
        self._shape = (count, geometry.channels, geometry.height, geometry.width)
        with (folder / PIXELS).open("wb") as file:
            header = {"descr": "|u1", "fortran_order": False, "shape": self._shape}
            np.lib.format.write_array_header_1_0(file, header)
            self._start = file.tell()

    def put(self, first: int, images: np.ndarray, labels: Sequence[str | None]) -> None:
        # Written, not memory-mapped: a full disk then raises OSError instead of a fatal signal.
        with (self._folder / PIXELS).open("r+b", buffering=0) as file:
            file.seek(self._start + first * images[0].size)
            unwritten = np.ascontiguousarray(images).data.cast("B")
            while unwritten:
                unwritten = unwritten[file.write(unwritten) :]

    def finish(self, labels: Sequence[str] | None, about: Mapping[str, Any]) -> None:
        if labels is not None:
            write_labels(self._folder / LABELS, "index", enumerate(labels))
        sizes = dict(zip(("count", "channels", "height", "width"), self._shape, strict=True))
        described = {"format": FORMAT, "version": VERSION, **sizes, **about}
        text = json.dumps(described, indent=2, ensure_ascii=False)
        (self._folder / DESCRIPTION).write_text(text + "\n", encoding="utf-8")

    def close(self) -> None:
        """Nothing is open."""
