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

    def __init__(self, folder: Path, count: int, geometry: Geometry) -> None:
        self._folder = folder
        self._shape = (count, geometry.channels, geometry.height, geometry.width)
        # Written, not mapped: a full disk is then an OSError and not a fatal signal.
        self._file = (folder / PIXELS).open("wb")
        header = {"descr": "|u1", "fortran_order": False, "shape": self._shape}
        np.lib.format.write_array_header_1_0(self._file, header)
        self._start = self._file.tell()

    def put(self, index: int, image: np.ndarray, label: str | None) -> None:
        self._file.seek(self._start + index * image.size)
        self._file.write(image.tobytes())

    def finish(self, labels: Sequence[str] | None, about: Mapping[str, Any]) -> None:
        self._file.close()
        if labels is not None:
            write_labels(self._folder / LABELS, "index", enumerate(labels))
        sizes = dict(zip(("count", "channels", "height", "width"), self._shape, strict=True))
        described = {"format": FORMAT, "version": VERSION, **sizes, **about}
        text = json.dumps(described, indent=2, ensure_ascii=False)
        (self._folder / DESCRIPTION).write_text(text + "\n", encoding="utf-8")

    def close(self) -> None:
        self._file.close()
