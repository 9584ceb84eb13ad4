"""WebDataset's tar shards: `000000000.png` and `000000000.txt`, 10,000 images a shard.

`sizes.json` beside them has the number of images of each: readers need not count them.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from captcha_ssl.data.geometry import Geometry
from captcha_ssl.data.sources.tar_shard import SIZES
from captcha_ssl.data.writers.in_order import InOrder
from captcha_ssl.data.writers.png import encode_png

_PER_SHARD = 10_000


class WebDatasetStore:
    """`shard-000000.tar` and so on in `folder`, `about.json` beside them."""

    shared = False
    any_size = True

    def __init__(self, folder: Path, count: int, geometry: Geometry) -> None:
        self._folder = folder
        self._shards: dict[int, tarfile.TarFile] = {}
        self._in_order = InOrder()
        self._sizes: dict[str, int] = {}

    def put(self, first: int, images: np.ndarray, labels: Sequence[str | None]) -> None:
        for index, image, label in self._in_order(first, images, labels):
            shard = self._shard(index // _PER_SHARD)
            _add(shard, f"{index:09d}.png", encode_png(image))
            name = _name(index // _PER_SHARD)
            self._sizes[name] = self._sizes.get(name, 0) + 1
            if label is not None:
                _add(shard, f"{index:09d}.txt", label.encode())

    def finish(self, labels: Sequence[str] | None, about: Mapping[str, Any]) -> None:
        self.close()
        text = json.dumps(dict(about), indent=2, ensure_ascii=False)
        (self._folder / "about.json").write_text(text + "\n", encoding="utf-8")
        sizes = json.dumps(self._sizes, indent=2)
        (self._folder / SIZES).write_text(sizes + "\n", encoding="utf-8")

    def close(self) -> None:
        for shard in self._shards.values():
            shard.close()
        self._shards.clear()

    def _shard(self, number: int) -> tarfile.TarFile:
        if number not in self._shards:
            self.close()
            path = self._folder / _name(number)
            self._shards[number] = tarfile.open(path, "a", format=tarfile.USTAR_FORMAT)  # noqa: SIM115
        return self._shards[number]


def _name(number: int) -> str:
    return f"shard-{number:06d}.tar"


def _add(shard: tarfile.TarFile, name: str, data: bytes) -> None:
    # Without time and owner, so that equal images give equal bytes.
    member = tarfile.TarInfo(name)
    member.size = len(data)
    shard.addfile(member, io.BytesIO(data))
    shard.members = []  # type: ignore[attr-defined]
