"""What is in a dataset: the report of `check-data`, from reading every image."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from captcha_ssl.data.choose_preparation import (
    choose_height,
    choose_preparation,
    prepared_size,
)
from captcha_ssl.data.geometry import Geometry
from captcha_ssl.data.image_files import find_images
from captcha_ssl.data.ink_report import InkReport
from captcha_ssl.data.ink_words import warnings
from captcha_ssl.data.label_doubts import label_notes
from captcha_ssl.data.label_report import LabelReport, report_labels
from captcha_ssl.data.look import look_at
from captcha_ssl.data.rejected import Rejected
from captcha_ssl.data.rgb import BLANK_RANGE, gray_range
from captcha_ssl.data.sheet import Tile, write_sheet
from captcha_ssl.data.sources import Paths, Source, listed, open_source
from captcha_ssl.data.sources.files import FileSource
from captcha_ssl.data.sources.table import TABLE_KIND, find_table
from captcha_ssl.data.spread import spread_places
from captcha_ssl.data.sweep import Progress, sweep
from captcha_ssl.data.usual_heights import TALLER_HEIGHT
from captcha_ssl.errors import UserError
from captcha_ssl.printable import shown

_DIGEST = 16
"""Bytes of a digest: long enough that equal digests mean equal pixels."""


@dataclass(frozen=True)
class DataReport:
    """Counts over the usable images; `labels` is None for unlabeled images.

    `sizes` holds (width, height, count), the most frequent first; `duplicates` counts the images
    that repeat the pixels of an earlier one; `blank` are the names of images that show nothing;
    `geometry` is the default geometry, including the preparation. `ink` has the measurements of the
    text (None if there is none), `warnings` says what makes it hard to read. `aside` lists skipped
    files, which are neither images nor tables; `notes` describe how the rest is read.
    """

    path: str
    kind: str
    images: int
    sizes: list[tuple[int, int, int]]
    duplicates: int
    blank: list[str]
    geometry: Geometry
    ink: InkReport | None
    warnings: list[str]
    labels: LabelReport | None
    rejected: list[Rejected]
    aside: list[Rejected]
    notes: list[str]

    def to_json(self) -> dict[str, Any]:
        """The report as plain values."""
        return dataclasses.asdict(self)


def inspect(
    paths: Paths, *, frames: Callable[[int], int], progress: Progress | None = None
) -> DataReport:
    """Read every image and label of the dataset at `paths`, or of several as one.

    `frames` maps a width in pixels to a model's number of frames. Raises UserError if nothing in
    the dataset is usable.
    """
    source, path = open_source(paths), listed(paths)
    # Arrays, not dictionaries: 26 bytes per image instead of 700.
    sizes = np.empty((len(source), 2), np.int32)
    digests = np.empty((len(source), _DIGEST), np.uint8)
    read, blank = np.zeros((2, len(source)), bool)

    def note(index: int, image: np.ndarray) -> None:
        sizes[index] = image.shape[:2]
        digest = blake2b(image.tobytes(), digest_size=_DIGEST).digest()
        digests[index] = np.frombuffer(digest, np.uint8)
        read[index], blank[index] = True, gray_range(image) <= BLANK_RANGE

    failures = sweep(source, note, progress)
    rejected = source.rejected + [Rejected(source.names[i], failures[i]) for i in sorted(failures)]
    usable = np.flatnonzero(read)
    if not len(usable):
        first = f", first {shown(rejected[0].row)}: {rejected[0].reason}" if rejected else ""
        raise UserError(f"{path}: no usable image{first}")
    counted = _counted_sizes(sizes[usable])
    geometry, ink = _measured(path, source, counted)
    equal = _equal_images(usable, sizes, digests)
    unlabeled, aside = _beside(path, source)
    notes = source.remarks if isinstance(source, FileSource) else source.notes
    doubts = label_notes(
        [source.labels[index] for index in usable.tolist()] if source.labels else ()
    )
    return DataReport(
        path=str(path),
        kind=source.kind,
        images=len(usable),
        sizes=[(w, h, n) for (h, w), n in counted.most_common()],
        duplicates=sum(len(group) - 1 for group in equal),
        blank=[source.names[index] for index in np.flatnonzero(blank).tolist()],
        geometry=geometry,
        ink=ink,
        warnings=list(warnings(ink, geometry)) if ink else [],
        labels=report_labels(source, usable.tolist(), equal, frames, geometry.width, unlabeled),
        rejected=rejected,
        aside=aside,
        notes=[*notes, *doubts],
    )


def _measured(
    path: Path, source: Source, sizes: Counter[tuple[int, int]]
) -> tuple[Geometry, InkReport | None]:
    """The geometry that training chooses for images of these sizes, and the ink of a sample."""
    look = look_at(path, source)
    ink = look.ink
    preparation = choose_preparation(ink)
    height = choose_height(ink, preparation, TALLER_HEIGHT)
    if preparation is not None and preparation.trim == "image":
        sizes = Counter(look.sizes_after(preparation))
    elif preparation is not None:
        prepared: Counter[tuple[int, int]] = Counter()
        for size, count in sizes.items():
            prepared[prepared_size(size, preparation, ink)] += count
        sizes = prepared
    geometry = Geometry.infer(sizes.elements(), channels=1, height=height, width=None)
    if ink is not None:
        used = [min(1.0, w * height / h / geometry.width) for h, w in sizes]
        mean = float(np.average(used, weights=list(sizes.values())))
        ink = dataclasses.replace(ink, padding=1 - mean)
    return dataclasses.replace(geometry, preparation=preparation), ink


def contact_sheet(source: Source, path: Path, *, count: int = 48, title: str = "") -> None:
    """Save a sheet of up to `count` images from all parts of the source, with their labels.

    Unreadable images are skipped. Raises UserError if the sheet cannot be written.
    """
    tiles: list[Tile] = []
    chosen = spread_places(len(source), count)
    for index in chosen.tolist():
        try:
            caption = source.names[index] if source.labels is None else source.labels[index]
            tiles.append((source.read(index), caption))
        except UserError:
            continue
    write_sheet(path, tiles, title=title or f"{len(tiles)} of {len(source):,} images")


def _counted_sizes(sizes: np.ndarray) -> Counter[tuple[int, int]]:
    """How many images have each (height, width), from int32 [N, 2]; by their first appearance."""
    different, first, counts = np.unique(sizes, axis=0, return_index=True, return_counts=True)
    order = np.argsort(first)
    pairs = ((int(height), int(width)) for height, width in different[order])
    return Counter(dict(zip(pairs, counts[order].tolist(), strict=True)))


def _equal_images(usable: np.ndarray, sizes: np.ndarray, digests: np.ndarray) -> list[np.ndarray]:
    """The `usable` indices in groups of two or more images of equal size and pixels.

    `sizes` int32 [N, 2] and `digests` uint8 [N, 16] are of all images. Groups are in the order of
    their first images, which are ascending in each.
    """
    parts = np.column_stack([digests[usable].view(np.int64), sizes[usable]])
    order = np.lexsort(parts.T)
    ends = np.any(np.diff(parts[order], axis=0), axis=1)
    starts = np.flatnonzero(np.concatenate([[True], ends, [True]]))
    repeated = np.flatnonzero(np.diff(starts) > 1)
    groups = [usable[order[starts[at] : starts[at + 1]]] for at in repeated]
    return sorted(groups, key=lambda group: int(group[0]))


def _beside(path: Path, source: Source) -> tuple[int, list[Rejected]]:
    """The number of other images beside those of the source, and the skipped files."""
    if not isinstance(source, FileSource) or not path.is_dir():
        return 0, []
    found, table = find_images(path), find_table(path)
    # A pile without labels contains every image, so it needs no set of names.
    every = found.names == source.names
    unlabeled = 0 if every else len(set(found.names).difference(source.names))
    # The unreadable folders of a pile are rejected; a table names what it needs.
    unread = found.unreadable if source.kind == TABLE_KIND else []
    own = "" if table is None else table.name
    return unlabeled, [*unread, *(entry for entry in found.aside if entry.row != own)]
