"""Writes a dataset that appears under its name only when it is complete."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import lmdb
import numpy as np

from captcha_ssl.atomic import atomic_folder
from captcha_ssl.data.geometry import Geometry
from captcha_ssl.data.writers.doctr import DoctrStore
from captcha_ssl.data.writers.folder import FolderStore
from captcha_ssl.data.writers.huggingface import HuggingFaceStore
from captcha_ssl.data.writers.lmdb import LmdbStore
from captcha_ssl.data.writers.packed import PackedStore
from captcha_ssl.data.writers.paddle import PaddleStore
from captcha_ssl.data.writers.parquet import ParquetStore
from captcha_ssl.data.writers.webdataset import WebDatasetStore
from captcha_ssl.errors import UserError


class Store(Protocol):
    """The storage of images in one format."""

    shared: bool
    """Whether copies of the store in other processes may also put images."""
    any_size: bool
    """Whether images may differ in size, and in channels."""

    def put(self, first: int, images: np.ndarray, labels: Sequence[str | None]) -> None:
        """Store uint8 [N, C, H, W] as the images from `first` on."""
        ...

    def finish(self, labels: Sequence[str] | None, about: Mapping[str, Any]) -> None: ...

    def close(self) -> None: ...


STORES: Mapping[str, Callable[[Path, int, Geometry], Store]] = {
    "packed": PackedStore,
    "folder": FolderStore,
    "lmdb": LmdbStore,
    "webdataset": WebDatasetStore,
    "parquet": ParquetStore,
    "huggingface": HuggingFaceStore,
    "doctr": DoctrStore,
    "paddleocr": PaddleStore,
}
FORMATS = tuple(STORES)


class DatasetWriter:
    """Accepts each image of a dataset once, in any order; all labeled or none."""

    def __init__(self, store: Store, count: int, geometry: Geometry) -> None:
        self.store = store
        self._shape = (geometry.channels, geometry.height, geometry.width)
        self._labels: list[str | None] = [None] * count
        self._written = np.zeros(count, bool)

    def add(self, index: int, image: np.ndarray, label: str | None) -> None:
        """Write uint8 [C, H, W] as image `index`.

        Raises ValueError for an image that is already written, or that has another shape in a
        format with one shape.
        """
        fits = image.ndim == 3 if self.store.any_size else image.shape == self._shape
        if image.dtype != np.uint8 or not fits:
            raise ValueError(f"expected uint8 {self._shape}, got {image.dtype} {image.shape}")
        if not 0 <= index < len(self._written) or self._written[index]:
            raise ValueError(f"image {index} is out of range or already written")
        self.store.put(index, image[None], [label])
        self.note(index, [label])

    def note(self, first: int, labels: Sequence[str | None]) -> None:
        """Mark the images from `first` on as written: they are already in the store."""
        end = first + len(labels)
        self._labels[first:end] = labels
        self._written[first:end] = True

    def finish(self, about: Mapping[str, Any]) -> None:
        """Write the files beside the images. Raises ValueError if an image is missing."""
        missing = np.flatnonzero(~self._written)
        if missing.size:
            raise ValueError(f"{missing.size} images were never added, the first is {missing[0]}")
        labels = [label for label in self._labels if label is not None]
        if labels and len(labels) != len(self._labels):
            raise ValueError("either every image has a label or none has")
        self.store.finish(labels or None, about)


@contextmanager
def open_writer(
    out: Path,
    format: str,
    *,
    count: int,
    channels: int,
    height: int,
    width: int,
    about: Mapping[str, Any],
) -> Iterator[DatasetWriter]:
    """Write `count` images to a new dataset at `out`; a failure leaves nothing there.

    `format` is one of FORMATS; `about` (style, seed, …) is stored as JSON beside the images. Raises
    UserError if `out` is not empty or cannot be written.
    """
    if format not in STORES:
        raise UserError(f"format {format!r} is not known; choose from {', '.join(FORMATS)}")
    _refuse_existing(out)
    geometry = Geometry(channels, height, width)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with atomic_folder(out) as temporary:
            store = STORES[format](temporary, count, geometry)
            try:
                writer = DatasetWriter(store, count, geometry)
                yield writer
                writer.finish(about)
            finally:
                store.close()
    except (OSError, lmdb.Error) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"{out}: cannot be written ({reason})") from error


def _refuse_existing(out: Path) -> None:
    try:
        occupied = out.exists() and (not out.is_dir() or any(out.iterdir()))
    except OSError as error:
        raise UserError(f"{out}: cannot be written ({error.strerror})") from error
    if occupied:
        raise UserError(f"{out}: already exists; choose another name or remove it")
