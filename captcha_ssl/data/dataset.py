"""A whole dataset in one geometry: uint8 pixels that fit on a device."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from captcha_ssl.atomic import atomic_write_text
from captcha_ssl.data.charset import Charset
from captcha_ssl.data.choose_preparation import (
    choose_height,
    choose_preparation,
    prepared_size,
)
from captcha_ssl.data.fingerprint import Fingerprint, fingerprint
from captcha_ssl.data.geometry import WIDTH_STEP, Geometry
from captcha_ssl.data.image import ImageError
from captcha_ssl.data.images import ImageArray, JoinedImages
from captcha_ssl.data.ink import INK_SAMPLE, InkReport, measure
from captcha_ssl.data.ink_words import narrow_words
from captcha_ssl.data.label_checks import check_charset, check_frames
from captcha_ssl.data.label_doubts import conflict_notes, label_notes
from captcha_ssl.data.mapped import exceeds_memory
from captcha_ssl.data.preparation import Preparation
from captcha_ssl.data.rejected import Rejected
from captcha_ssl.data.rgb import BLANK_RANGE, gray_range
from captcha_ssl.data.sources import Paths, Source, listed, open_source
from captcha_ssl.data.sources.joined import JoinedSource
from captcha_ssl.data.sources.packed import PackedSource
from captcha_ssl.data.sources.sampled import SampledSource
from captcha_ssl.data.spread import spread_places
from captcha_ssl.data.streamed import StreamedImages, quick_indices
from captcha_ssl.data.sweep import Progress, sweep
from captcha_ssl.data.usual_heights import DEFAULT_HEIGHT
from captcha_ssl.errors import UserError
from captcha_ssl.launch import local_ranks
from captcha_ssl.printable import printable, shown
from captcha_ssl.spreadsheet import spreadsheet

if TYPE_CHECKING:
    from captcha_ssl.data.pixel_settings import PixelSettings

SIZE_SAMPLE = 256
_USUAL = 0.95
"""The share of images that are not unusually wide."""
Stream = Literal["auto", "on", "off"]


@dataclass
class Dataset:
    """Images uint8 [N, C, H, W] (read-only and mapped from their files where that can be).

    `labels` (None if unlabeled) and `names` have one entry per image. `rejected` lists rejected
    rows with their reasons; `notes` are remarks for the user on how the dataset is read.
    """

    images: ImageArray
    labels: Sequence[str] | None
    names: Sequence[str]
    geometry: Geometry
    rejected: list[Rejected]
    sizes: np.ndarray | None = None
    """Heights and widths of the images before resizing, int32 [N, 2]."""
    whole: Fingerprint | None = None
    """The fingerprint of the dataset that these images are a part of."""
    notes: Sequence[str] = ()

    def __len__(self) -> int:
        return len(self.images)

    def fingerprint(self) -> Fingerprint:
        """The fingerprint of the dataset, see `data.fingerprint`; a part has that of the whole."""
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
            notes=self.notes,
        )


def load_dataset(
    paths: Paths,
    *,
    labeled: bool,
    geometry: Geometry | None = None,
    channels: int = 1,
    height: int | None = 32,
    width: int | None = None,
    pixels: PixelSettings | None = None,
    max_bad: float = 0.01,
    charset: Charset | None = None,
    frames: Callable[[int], int] | None = None,
    progress: Progress | None = None,
) -> Dataset:
    """Read a dataset of any format, or several as one, into memory.

    A given `geometry` (a model's) wins; otherwise it has `channels`, and `height` and `width` or
    those inferred from the images. With `pixels`, an inferred geometry gets the preparation that
    these settings choose for the images. `labeled` requires labels and checks them against
    `charset` and `frames` (a model's number of frames for a width in pixels). `progress(done,
    total)` is called from this thread. Raises UserError if more than the fraction `max_bad` of rows
    is unusable, a label cannot be learned, or the images do not fit into memory.
    """
    source, path = _opened(paths, labeled=labeled), listed(paths)
    notes: list[str] = []
    open_width = geometry is None and width is None
    if geometry is None:
        geometry = infer_geometry(
            path, source, channels=channels, height=height, width=width, pixels=pixels
        )
    elif pixels is not None:
        geometry, notes = _of_start(path, source, geometry, pixels)
    if source.labels is not None and charset is not None:
        check_charset(path, source.names, source.labels, charset)
    if source.labels is not None and frames is not None:
        check_frames(path, source.names, source.labels, geometry.width, frames)
    loaded = _in_memory(path, source, geometry, max_bad, progress)
    if open_width:
        notes += _wide_ones(loaded)
    if loaded.labels is not None:
        notes = [
            *label_notes(loaded.labels),
            *conflict_notes(loaded.images, loaded.labels, loaded.names),
            *notes,
        ]
    return replace(loaded, notes=[*loaded.notes, *notes])


def load_pile(
    paths: Paths,
    stream: Stream,
    *,
    geometry: Geometry | None = None,
    channels: int = 1,
    height: int | None = 32,
    width: int | None = None,
    pixels: PixelSettings | None = None,
    max_bad: float = 0.01,
    most: int | None = None,
    progress: Progress | None = None,
) -> Dataset:
    """Read images without labels like `load_dataset`, or leave them where they are.

    With `stream` `on` they are decoded when they are used (see `data.streamed`), with `auto` if all
    of them would take more than half of the memory. At most `most` of them are read into memory,
    spread evenly over the pile. Raises UserError like `load_dataset`.
    """
    source, path = _opened(paths, labeled=False), listed(paths)
    open_width = geometry is None and width is None
    if geometry is None:
        geometry = infer_geometry(
            path, source, channels=channels, height=height, width=width, pixels=pixels
        )
    elif pixels is not None:
        geometry, _ = _of_start(path, source, geometry, pixels)
    images = None
    if stream != "off":
        images = _streamed(path, source, geometry, max_bad=max_bad, always=stream == "on")
    if images is None:
        if most is not None and most < len(source) and _mapped(source, geometry) is None:
            source = SampledSource(source, most)
        loaded = _in_memory(path, source, geometry, max_bad, progress)
        return replace(loaded, notes=[*loaded.notes, *_wide_ones(loaded)]) if open_width else loaded
    total = len(source) + len(source.rejected)
    _refuse_if_too_many(path, source.rejected, total, max_bad=max_bad)
    notes = [*source.notes, _on_streaming(images)]
    return Dataset(images, None, source.names, geometry, source.rejected, notes=notes)


def _opened(paths: Paths, *, labeled: bool) -> Source:
    """The source, with an image at least. Raises UserError."""
    source, path = open_source(paths, want_labels=labeled), listed(paths)
    if not len(source):
        _refuse_if_too_many(path, source.rejected, len(source.rejected), max_bad=0.0)
        raise UserError(f"{path}: holds no images")
    return source


def _of_start(
    path: Path, source: Source, geometry: Geometry, pixels: PixelSettings
) -> tuple[Geometry, list[str]]:
    """The geometry of a start with the preparation that suits the images, unless it has one.

    And a note if it has too few rows for the characters, where labels show how many there are.
    """
    if geometry.preparation is not None and source.labels is None:
        return geometry, []
    ink = look_at(path, source).ink
    if geometry.preparation is None:
        geometry = replace(geometry, preparation=choose_preparation(ink, pixels))
    narrow = narrow_words(ink, geometry) if ink else ""
    if not narrow:
        return geometry, []
    more = geometry.height + 16
    return geometry, [f"{narrow}: a start with --set height={more} may read better"]


def _in_memory(
    path: Path, source: Source, geometry: Geometry, max_bad: float, progress: Progress | None
) -> Dataset:
    images, sizes, failures, cut_off = _read_all(source, geometry, progress)
    rejected = source.rejected + [Rejected(source.names[i], failures[i]) for i in sorted(failures)]
    _refuse_if_too_many(path, rejected, len(source) + len(source.rejected), max_bad=max_bad)
    labels = None if source.labels is None else _those_read(source.labels, failures)
    names = _those_read(source.names, failures)
    notes = list(source.notes)
    if cut_off:
        notes.append(
            f"{len(cut_off):,} images show nothing in the part that is kept, as "
            f"{shown(source.names[min(cut_off)])}; --set trim=none keeps all of each"
        )
    return Dataset(images, labels, names, geometry, rejected, sizes=sizes, notes=notes)


@dataclass(frozen=True)
class Look:
    """A sample of a source: the size of every image in it, and the ink of some, `measured`."""

    sizes: list[tuple[int, int]]
    ink: InkReport | None
    measured: Sequence[np.ndarray] = ()

    def sizes_after(self, preparation: Preparation | None) -> list[tuple[int, int]]:
        """The sizes after a preparation.

        Images that are cut to their own ink are prepared, because their texts differ in length and
        take another share of each canvas. For others the size is known without that.
        """
        if preparation is None:
            return self.sizes
        if preparation.trim == "image" and self.measured:
            return [preparation.apply(image).shape[:2] for image in self.measured]
        return [prepared_size(size, preparation, self.ink) for size in self.sizes]


def look_at(path: Path, source: Source, *, measured: bool = True) -> Look:
    """Look at up to 256 images spread over a source, and at the ink of some of them if `measured`.

    Raises UserError if none can be read.
    """
    packed = isinstance(source, PackedSource)
    count = INK_SAMPLE if packed else SIZE_SAMPLE
    chosen = spread_places(len(source), count).tolist()
    chosen = quick_indices(source, chosen)
    every = max(1, len(chosen) // INK_SAMPLE)
    sizes: list[tuple[int, int]] = []
    seen: list[tuple[int, np.ndarray]] = []
    failures: list[ImageError] = []
    for place, index in enumerate(chosen):
        try:
            image = source.read(index)
        except ImageError as error:
            failures.append(error)
            continue
        sizes.append(image.shape[:2])
        if measured and place % every == 0:
            seen.append((index, image))
    if not sizes:
        raise UserError(f"{path}: no image of {len(failures):,} can be read, first {failures[0]}")
    labels = source.labels
    lengths = None if labels is None else [len(labels[index]) for index, _ in seen]
    images = [image for _, image in seen]
    return Look(sizes, measure(images, lengths=lengths), images)


def infer_geometry(
    path: Path,
    source: Source,
    *,
    channels: int,
    height: int | None,
    width: int | None,
    pixels: PixelSettings | None = None,
) -> Geometry:
    """The geometry for a source, from up to 256 of its images spread over it.

    Without `pixels` the images get no preparation, and 32 rows if no `height` is given. Raises
    UserError when none of them can be read.
    """
    if pixels is None and width is not None:
        return Geometry(channels, height or DEFAULT_HEIGHT, width)
    if pixels is None and isinstance(source, PackedSource):
        look = Look([source.images.shape[2:]], None)
    else:
        look = look_at(path, source, measured=pixels is not None)
    preparation = choose_preparation(look.ink, pixels) if pixels else None
    usual = pixels.usual_height if pixels else DEFAULT_HEIGHT
    rows = height or choose_height(look.ink, preparation, usual)
    sizes = look.sizes_after(preparation)
    found = Geometry.infer(sizes, channels=channels, height=rows, width=width)
    return replace(found, preparation=preparation)


def _wide_ones(loaded: Dataset) -> list[str]:
    """A note if a few wide images decide the width of all others."""
    geometry, sizes = loaded.geometry, loaded.sizes
    trims = geometry.preparation is not None and geometry.preparation.trim != "none"
    if sizes is None or trims:
        return []
    aspects = sizes[:, 1] / sizes[:, 0]
    usual = float(np.quantile(aspects, _USUAL)) * geometry.height
    enough = int(np.ceil(usual / WIDTH_STEP)) * WIDTH_STEP
    if 2 * enough > geometry.width:
        return []
    widest = loaded.names[int(np.argmax(aspects))]
    return [
        f"{_USUAL:.0%} of the images fit into {enough} pixels, but all take {geometry.width} for "
        f"a few like {shown(widest)}: remove those, or squeeze them with --set width={enough}"
    ]


def write_rejected(path: Path, rejected: Sequence[Rejected]) -> None:
    """Write `row,reason` as CSV, atomically. Raises UserError if it cannot be written."""
    rows = ((printable(entry.row), printable(entry.reason)) for entry in rejected)
    try:
        atomic_write_text(path, spreadsheet(("row", "reason"), rows))
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror})") from error


def _read_all(
    source: Source, geometry: Geometry, progress: Progress | None
) -> tuple[ImageArray, np.ndarray | None, dict[int, str], list[int]]:
    """All readable images uint8 [N, C, H, W], their sizes, and the reason for each other index.

    The sizes are None if the images already have the geometry. Last come the indices of images that
    show something, but not in the part to which all are cut.
    """
    mapped = _mapped(source, geometry)
    if mapped is not None:
        return mapped, None, {}, []
    one_part = geometry.preparation is not None and geometry.preparation.trim == "box"
    cut_off: list[int] = []
    images = _room(source, (geometry.channels, geometry.height, geometry.width))
    sizes = np.empty((len(source), 2), np.int32)

    def fit(index: int, image: np.ndarray) -> None:
        sizes[index] = image.shape[:2]
        images[index] = geometry.fit(image)
        if one_part and np.ptp(images[index]) <= BLANK_RANGE < gray_range(image):
            cut_off.append(index)

    failures = sweep(source, fit, progress)
    return _without(images, failures), _without(sizes, failures), failures, cut_off


def _streamed(
    path: Path, source: Source, geometry: Geometry, *, max_bad: float, always: bool
) -> StreamedImages | None:
    """The images where they are; None if they fit into memory and it is not `always` wanted."""
    mapped = _mapped(source, geometry)
    images = StreamedImages(str(path), source, geometry, mapped=mapped, max_bad=max_bad)
    # Every rank on this machine would decode all of them; a mapped file they share.
    times = 1 if mapped is not None else local_ranks()
    return images if always or exceeds_memory(images, times) else None


def _on_streaming(images: StreamedImages) -> str:
    return (
        f"streamed and shuffled within a buffer: all images take {images.nbytes / 1e9:,.1f} GB "
        "(--set stream=off keeps them in memory)"
    )


def _mapped(source: Source, geometry: Geometry) -> ImageArray | None:
    """The images in their packed files if they already have the geometry; else None."""
    if geometry.preparation:
        return None
    arrays = _packed_arrays(source, (geometry.channels, geometry.height, geometry.width))
    if arrays is None:
        return None
    return arrays[0] if len(arrays) == 1 else JoinedImages(arrays)


def _packed_arrays(source: Source, shape: tuple[int, int, int]) -> list[np.ndarray] | None:
    """The arrays of a source whose packed parts all have this shape; else None."""
    if isinstance(source, PackedSource):
        return [source.pixels()] if source.images.shape[1:] == shape else None
    if not isinstance(source, JoinedSource):
        return None
    parts = [_packed_arrays(part, shape) for part in source.parts]
    found = [part for part in parts if part is not None]
    return list(chain.from_iterable(found)) if len(found) == len(parts) else None


def _room(source: Source, shape: tuple[int, int, int]) -> np.ndarray:
    try:
        return np.empty((len(source), *shape), np.uint8)
    except (MemoryError, ValueError) as error:
        needed = len(source) * shape[0] * shape[1] * shape[2] / 2**30
        raise UserError(
            f"{len(source):,} images of {shape[2]}×{shape[1]} pixels take {needed:,.1f} GiB of "
            "memory; use fewer images, a smaller height or width, or more memory"
        ) from error


def _those_read(texts: Sequence[str], failures: dict[int, str]) -> Sequence[str]:
    """`texts` itself if nothing failed: those of a packed folder take no memory."""
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
        f"({len(rejected) / total:.1%}, limit {max_bad:.1%}), "
        f"first {shown(first.row)}: {shown(first.reason)}"
    )
