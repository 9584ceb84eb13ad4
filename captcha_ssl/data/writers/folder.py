"""The folder format: `images/00000.png` … and a `labels.csv` (`filename,label`)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from captcha_ssl.data.geometry import Geometry
from captcha_ssl.data.writers.labels_csv import write_labels
from captcha_ssl.data.writers.png import encode_png


class FolderStore:
    """PNG files in `folder/images`, a table and `about.json` beside them."""

    shared = True
    any_size = True

    def __init__(self, folder: Path, count: int, geometry: Geometry) -> None:
        self._folder = folder
        self._digits = max(5, len(str(count - 1)))
        (folder / "images").mkdir()

    def put(self, first: int, images: np.ndarray, labels: Sequence[str | None]) -> None:
        for index, image in enumerate(images, first):
            (self._folder / "images" / self._name(index)).write_bytes(encode_png(image))

    def finish(self, labels: Sequence[str] | None, about: Mapping[str, Any]) -> None:
        if labels is not None:
            names = [self._name(index) for index in range(len(labels))]
            self._write_labels(self._folder, names, labels)
        text = json.dumps(dict(about), indent=2, ensure_ascii=False)
        (self._folder / "about.json").write_text(text + "\n", encoding="utf-8")

    def close(self) -> None:
        """Nothing is open."""

    def _write_labels(self, folder: Path, names: Sequence[str], labels: Sequence[str]) -> None:
        """Write the table that gives the text of each file in `images/`."""
        write_labels(folder / "labels.csv", "filename", zip(names, labels, strict=True))

    def _name(self, index: int) -> str:
        return f"{index:0{self._digits}d}.png"
