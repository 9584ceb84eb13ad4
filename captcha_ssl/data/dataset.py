"""A whole dataset at one geometry: uint8 pixels that a device can hold."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from captcha_ssl.atomic import atomic_write_text
from captcha_ssl.data.charset import Charset
from captcha_ssl.data.fingerprint import Fingerprint, fingerprint
from captcha_ssl.data.geometry import Geometry
from captcha_ssl.data.image import ImageError
from captcha_ssl.data.label_checks import check_charset, check_frames
from captcha_ssl.data.sources import Rejected, Source, open_source
from captcha_ssl.data.sources.packed import PackedSource
from captcha_ssl.data.sweep import Progress, sweep
from captcha_ssl.errors import UserError

SIZE_SAMPLE = 256


@dataclass
class Dataset:
    """Images uint8 [N, C, H, W] (read-only and mapped from the file where it can be).

    `labels` (None when unlabeled) and `names` have one entry for each image; `rejected` lists
    what was left out, and why.
    """

    images: np.ndarray
    labels: Sequence[str] | None
    names: Sequence[str]
    geometry: Geometry
    rejected: list[Rejected]
    sizes: np.ndarray | None = None
    """Heights and widths of the images before they had this geometry, int32 [N, 2]."""
    whole: Fingerprint | None = None
    """The fingerprint of the dataset that these images were taken from."""

    def __len__(self) -> int:
        return len(self.images)

    def fingerprint(self) -> Fingerprint:
        """What the dataset is, as `data.fingerprint` has it; of a part, what the whole is."""
        if self.whole is None:
            self.whole = fingerprint(
                self.images,
                self.geometry,
                names=self.names,
                labels=self.labels,
                sizes=self.sizes,
            )
        return self.whole

    def take(self, indices: Sequence[int] | np.ndarray) -> Dataset:
        """The images at `indices`, in that order, as a copy."""
        chosen = np.asarray(indices, np.int64)
        positions = chosen.tolist()
        return Dataset(
            images=self.images[chosen],
            labels=None if self.labels is None else [self.labels[i] for i in positions],
            names=[self.names[i] for i in positions],
            geometry=self.geometry,
            rejected=self.rejected,
            sizes=None if self.sizes is None else self.sizes[chosen],
            whole=self.fingerprint(),
        )


def load_dataset(
    path: Path,
    *,
    labeled: bool,
    geometry: Geometry | None = None,
    channels: int = 1,
    height: int = 32,
    width: int | None = None,
    max_bad: float = 0.01,
    charset: Charset | None = None,
    frames: Callable[[int], int] | None = None,
    progress: Progress | None = None,
) -> Dataset:
    """Read a dataset of any convention into memory.

    A given `geometry` (a model's) wins; otherwise it has `channels` and `height`, and `width`
    or one inferred from the images. `labeled` requires labels, and then `charset` and `frames`
    (frames a model makes of a width in pixels) are held against them. `progress(done, total)`
    is called from this thread. Raises UserError when more than the fraction `max_bad` of rows
    is unusable, or a label cannot be learned.
    """
    source = open_source(path, want_labels=labeled)
    if not len(source):
        _refuse_if_too_many(path, source.rejected, len(source.rejected), max_bad=0.0)
        raise UserError(f"{path}: holds no images")
    geometry = geometry or infer_geometry(
        path, source, channels=channels, height=height, width=width
    )
    if source.labels is not None and charset is not None:
        check_charset(path, source.names, source.labels, charset)
    if source.labels is not None and frames is not None:
        check_frames(path, source.names, source.labels, geometry.width, frames)
    images, sizes, failures = _read_all(source, geometry, progress)
    rejected = source.rejected + [Rejected(source.names[i], failures[i]) for i in sorted(failures)]
    _refuse_if_too_many(path, rejected, len(source) + len(source.rejected), max_bad=max_bad)
    labels = None if source.labels is None else _those_read(source.labels, failures)
    names = _those_read(source.names, failures)
    return Dataset(images, labels, names, geometry, rejected, sizes)


def infer_geometry(
    path: Path, source: Source, *, channels: int, height: int, width: int | None
) -> Geometry:
    """The geometry for a source, from up to 256 of its images spread over it.

    Raises UserError when none of those can be read.
    """
    if width is not None:
        return Geometry(channels, height, width)
    if isinstance(source, PackedSource):
        packed = source.images.shape[2:]
        return Geometry.infer([packed], channels=channels, height=height, width=None)
    chosen = np.linspace(0, len(source) - 1, min(len(source), SIZE_SAMPLE)).astype(int)
    sizes: list[tuple[int, int]] = []
    failures: list[ImageError] = []
    for index in chosen.tolist():
        try:
            sizes.append(source.read(index).shape[:2])
        except ImageError as error:
            failures.append(error)
    if not sizes:
        raise UserError(f"{path}: no image of {len(failures):,} can be read, first {failures[0]}")
    return Geometry.infer(sizes, channels=channels, height=height, width=None)


def write_rejected(path: Path, rejected: Sequence[Rejected]) -> None:
    """Write `row,reason` as CSV, whole or not at all. Raises UserError when it cannot."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(("row", "reason"))
    table.writerows((entry.row, entry.reason) for entry in rejected)
    try:
        atomic_write_text(path, text.getvalue())
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror})") from error


def _read_all(
    source: Source, geometry: Geometry, progress: Progress | None
) -> tuple[np.ndarray, np.ndarray | None, dict[int, str]]:
    """All readable images uint8 [N, C, H, W], their sizes, and the reason for each other index.

    The sizes are None where the images have the geometry as they are.
    """
    shape = (geometry.channels, geometry.height, geometry.width)
    if isinstance(source, PackedSource) and source.images.shape[1:] == shape:
        return source.pixels(), None, {}
    images = np.empty((len(source), *shape), np.uint8)
    sizes = np.empty((len(source), 2), np.int32)

    def fit(index: int, image: np.ndarray) -> None:
        sizes[index] = image.shape[:2]
        images[index] = geometry.fit(image)

    failures = sweep(source, fit, progress)
    return _without(images, failures), _without(sizes, failures), failures


def _those_read(texts: Sequence[str], failures: dict[int, str]) -> Sequence[str]:
    """`texts` itself when nothing failed: those of a packed pile take no memory."""
    if not failures:
        return texts
    return [text for index, text in enumerate(texts) if index not in failures]


def _without(images: np.ndarray, failures: dict[int, str]) -> np.ndarray:
    """Close the gaps in place: a copy could double the memory of a large pile."""
    if not failures:
        return images
    kept = [i for i in range(len(images)) if i not in failures]
    for target, origin in enumerate(kept):
        images[target] = images[origin]
    return images[: len(kept)]


def _refuse_if_too_many(
    path: Path, rejected: list[Rejected], total: int, *, max_bad: float
) -> None:
    if len(rejected) <= max_bad * total:
        return
    first = rejected[0]
    raise UserError(
        f"{path}: {len(rejected):,} of {total:,} rows cannot be used "
        f"({len(rejected) / total:.1%}, limit {max_bad:.1%}), first {first.row}: {first.reason}"
    )
