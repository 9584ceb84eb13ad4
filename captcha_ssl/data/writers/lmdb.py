"""The LMDB format of text recognition: `image-%09d` (PNG), `label-%09d`, from 1, `num-samples`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import lmdb
import numpy as np

from captcha_ssl.data.geometry import Geometry
from captcha_ssl.data.writers.png import encode_png

# The map is address space, not disk: room for pixels that do not compress, pages and keys.
_ROOM_PER_IMAGE, _ROOM = 16_384, 1 << 26
_BATCH = 1_000


class LmdbStore:
    """`data.mdb` and `about.json` in `folder`."""

    shared = False
    any_size = True

    def __init__(self, folder: Path, count: int, geometry: Geometry) -> None:
        self._folder = folder
        pixels = geometry.channels * geometry.height * geometry.width
        size = _ROOM + count * (2 * pixels + _ROOM_PER_IMAGE)
        self._database = lmdb.open(str(folder), map_size=size, lock=False)
        self._count = count
        self._pending: list[tuple[bytes, bytes]] = []

    def put(self, first: int, images: np.ndarray, labels: Sequence[str | None]) -> None:
        for number, (image, label) in enumerate(zip(images, labels, strict=True), first + 1):
            self._pending.append((b"image-%09d" % number, encode_png(image)))
            if label is not None:
                self._pending.append((b"label-%09d" % number, label.encode()))
        if len(self._pending) >= _BATCH:
            self._commit()

    def finish(self, labels: Sequence[str] | None, about: Mapping[str, Any]) -> None:
        self._pending.append((b"num-samples", str(self._count).encode()))
        self._commit()
        text = json.dumps(dict(about), indent=2, ensure_ascii=False)
        (self._folder / "about.json").write_text(text + "\n", encoding="utf-8")

    def close(self) -> None:
        self._database.close()

    def _commit(self) -> None:
        with self._database.begin(write=True) as transaction:
            for key, value in self._pending:
                transaction.put(key, value)
        self._pending.clear()
