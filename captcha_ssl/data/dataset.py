"""A whole dataset in one geometry: uint8 pixels that fit on a device."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from captcha_ssl.data.fingerprint import Fingerprint, fingerprint
from captcha_ssl.data.geometry import WIDTH_STEP, Geometry
from captcha_ssl.data.images import ImageArray
from captcha_ssl.data.in_memory import mapped_images, read_all
from captcha_ssl.data.label_checks import check_frames
from captcha_ssl.data.label_doubts import conflict_notes, label_notes
from captcha_ssl.data.look import geometry_of_start, infer_geometry
from captcha_ssl.data.mapped import exceeds_memory
from captcha_ssl.data.rejected import Rejected, refuse_if_too_many
from captcha_ssl.data.sources import Paths, Source, listed, open_source
from captcha_ssl.data.sources.sampled import SampledSource
from captcha_ssl.data.streamed import StreamedImages
from captcha_ssl.data.sweep import Progress
from captcha_ssl.errors import UserError
from captcha_ssl.launch import local_ranks
from captcha_ssl.printable import shown

if TYPE_CHECKING:
    from captcha_ssl.data.pixel_settings import PixelSettings

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
    frames: Callable[[int], int] | None = None,
    progress: Progress | None = None,
) -> Dataset:
    """Read a dataset of any format, or several as one, into memory.

    A given `geometry` (a model's) wins; otherwise it has `channels`, and `height` and `width` or
    those inferred from the images. With `pixels`, an inferred geometry gets the preparation that
    these settings choose for the images. `labeled` requires labels and checks them against
    `frames` (a model's number of frames for a width in pixels). `progress(done, total)` is called
    from this thread. Raises UserError if more than the fraction `max_bad` of rows
    is unusable, a label cannot be learned, or the images do not fit into memory.
    """
    source, path = _opened(paths, labeled=labeled), listed(paths)
    open_width = geometry is None and width is None
    geometry, notes = _settled(path, source, geometry, channels, height, width, pixels)
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
    geometry, _ = _settled(path, source, geometry, channels, height, width, pixels)
    images = None
    if stream != "off":
        images = _streamed(path, source, geometry, max_bad=max_bad, always=stream == "on")
    if images is None:
        if most is not None and most < len(source) and mapped_images(source, geometry) is None:
            source = SampledSource(source, most)
        loaded = _in_memory(path, source, geometry, max_bad, progress)
        return replace(loaded, notes=[*loaded.notes, *_wide_ones(loaded)]) if open_width else loaded
    total = len(source) + len(source.rejected)
    refuse_if_too_many(path, source.rejected, total, max_bad=max_bad)
    notes = [*source.notes, _on_streaming(images)]
    return Dataset(images, None, source.names, geometry, source.rejected, notes=notes)


def _opened(paths: Paths, *, labeled: bool) -> Source:
    """The source, with an image at least. Raises UserError."""
    source, path = open_source(paths, want_labels=labeled), listed(paths)
    if not len(source):
        refuse_if_too_many(path, source.rejected, len(source.rejected), max_bad=0.0)
        raise UserError(f"{path}: holds no images")
    return source


def _settled(
    path: Path,
    source: Source,
    geometry: Geometry | None,
    channels: int,
    height: int | None,
    width: int | None,
    pixels: PixelSettings | None,
) -> tuple[Geometry, list[str]]:
    """The geometry that is given, or else the inferred one, and notes on it."""
    if geometry is None:
        inferred = infer_geometry(
            path, source, channels=channels, height=height, width=width, pixels=pixels
        )
        return inferred, []
    if pixels is None:
        return geometry, []
    return geometry_of_start(path, source, geometry, pixels)


def _in_memory(
    path: Path, source: Source, geometry: Geometry, max_bad: float, progress: Progress | None
) -> Dataset:
    read = read_all(source, geometry, progress)
    failures, cut_off = read.failures, read.cut_off
    rejected = source.rejected + [Rejected(source.names[i], failures[i]) for i in sorted(failures)]
    refuse_if_too_many(path, rejected, len(source) + len(source.rejected), max_bad=max_bad)
    labels = None if source.labels is None else _those_read(source.labels, failures)
    names = _those_read(source.names, failures)
    notes = list(source.notes)
    if cut_off:
        notes.append(
            f"{len(cut_off):,} images show nothing in the part that is kept, as "
            f"{shown(source.names[min(cut_off)])}; --set trim=none keeps all of each"
        )
    return Dataset(read.images, labels, names, geometry, rejected, sizes=read.sizes, notes=notes)


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


def _streamed(
    path: Path, source: Source, geometry: Geometry, *, max_bad: float, always: bool
) -> StreamedImages | None:
    """The images where they are; None if they fit into memory and it is not `always` wanted."""
    mapped = mapped_images(source, geometry)
    images = StreamedImages(str(path), source, geometry, mapped=mapped, max_bad=max_bad)
    # Every rank on this machine would decode all of them; a mapped file they share.
    times = 1 if mapped is not None else local_ranks()
    return images if always or exceeds_memory(images, times) else None


def _on_streaming(images: StreamedImages) -> str:
    return (
        f"streamed and shuffled within a buffer: all images take {images.nbytes / 1e9:,.1f} GB "
        "(--set stream=off keeps them in memory)"
    )


def _those_read(texts: Sequence[str], failures: dict[int, str]) -> Sequence[str]:
    """`texts` itself if nothing failed: those of a packed folder take no memory."""
    if not failures:
        return texts
    return [text for index, text in enumerate(texts) if index not in failures]
