"""What is in a dataset, found by reading all of it."""

from __future__ import annotations

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from captcha_ssl.data.charset import frames_needed
from captcha_ssl.data.geometry import Geometry
from captcha_ssl.data.label_checks import width_for
from captcha_ssl.data.rejected import Rejected
from captcha_ssl.data.sheet import Tile, write_sheet
from captcha_ssl.data.sources import Source, open_source
from captcha_ssl.data.sources.files import FileSource
from captcha_ssl.data.sweep import Progress, sweep
from captcha_ssl.errors import UserError

_Key = TypeVar("_Key", int, str)


@dataclass(frozen=True)
class FramesCheck:
    """Whether CTC can spell the labels: the most frames one needs, and those a model has."""

    needed: int
    available: int
    labels_too_long: int
    width_that_would_do: int


@dataclass(frozen=True)
class LabelReport:
    """Counts over the labels of the usable images.

    `conflicts` groups equal images whose labels differ; `unlabeled` counts the images that lie
    in the same folder without a usable label.
    """

    charset: str
    characters: dict[str, int]
    lengths: dict[int, int]
    frames: FramesCheck
    conflicts: list[list[str]]
    unlabeled: int


@dataclass(frozen=True)
class DataReport:
    """Counts over the usable images; `labels` is None for an unlabeled pile.

    `sizes` holds (width, height, count), the most frequent first; `duplicates` counts the images
    that repeat the pixels of an earlier one; `geometry` is the one to be used by default.
    """

    path: str
    kind: str
    images: int
    sizes: list[tuple[int, int, int]]
    duplicates: int
    geometry: Geometry
    labels: LabelReport | None
    rejected: list[Rejected]

    def to_json(self) -> dict[str, Any]:
        """The report as plain values."""
        return dataclasses.asdict(self)


def inspect(
    path: Path, *, frames: Callable[[int], int], progress: Progress | None = None
) -> DataReport:
    """Read every image and label of the dataset at `path`.

    `frames` maps a width in pixels to the frames a model makes of it.
    Raises UserError when nothing in the dataset is usable.
    """
    source = open_source(path)
    sizes: dict[int, tuple[int, int]] = {}
    digests: dict[int, bytes] = {}

    def note(index: int, image: np.ndarray) -> None:
        sizes[index] = image.shape[:2]
        digests[index] = blake2b(image.tobytes(), digest_size=16).digest()

    failures = sweep(source, note, progress)
    rejected = source.rejected + [Rejected(source.names[i], failures[i]) for i in sorted(failures)]
    if not sizes:
        first = f", first {rejected[0].row}: {rejected[0].reason}" if rejected else ""
        raise UserError(f"{path}: no usable image{first}")
    geometry = Geometry.infer(sizes.values(), channels=1, height=32, width=None)
    equal = _equal_images(sizes, digests)
    return DataReport(
        path=str(path),
        kind=source.kind,
        images=len(sizes),
        sizes=[(w, h, n) for (h, w), n in Counter(sizes.values()).most_common()],
        duplicates=sum(len(group) - 1 for group in equal),
        geometry=geometry,
        labels=_inspect_labels(path, source, sorted(sizes), equal, frames, geometry.width),
        rejected=rejected,
    )


def contact_sheet(source: Source, path: Path, *, count: int = 48, title: str = "") -> None:
    """Save a picture of up to `count` images spread over the source, labels under them.

    Images that cannot be read are passed over. Raises UserError when it cannot be written.
    """
    tiles: list[Tile] = []
    chosen = np.linspace(0, max(0, len(source) - 1), min(count, len(source))).astype(int)
    for index in chosen.tolist():
        try:
            caption = source.names[index] if source.labels is None else source.labels[index]
            tiles.append((source.read(index), caption))
        except UserError:
            continue
    write_sheet(path, tiles, title=title or f"{len(tiles)} of {len(source):,} images")


def _equal_images(sizes: dict[int, tuple[int, int]], digests: dict[int, bytes]) -> list[list[int]]:
    groups: defaultdict[tuple[tuple[int, int], bytes], list[int]] = defaultdict(list)
    for index in sorted(sizes):
        groups[sizes[index], digests[index]].append(index)
    return [group for group in groups.values() if len(group) > 1]


def _inspect_labels(
    path: Path,
    source: Source,
    usable: Sequence[int],
    equal: Sequence[Sequence[int]],
    frames: Callable[[int], int],
    width: int,
) -> LabelReport | None:
    if source.labels is None:
        return None
    texts, names = source.labels, source.names
    labels = [texts[i] for i in usable]
    characters = _counts(character for label in labels for character in label)
    disputed = [group for group in equal if len({texts[i] for i in group}) > 1]
    return LabelReport(
        charset="".join(characters),
        characters=characters,
        lengths=_counts(map(len, labels)),
        frames=_check_frames(labels, width, frames),
        conflicts=[[f"{names[i]}: {texts[i]}" for i in group] for group in disputed],
        unlabeled=_unlabeled(path, source),
    )


def _unlabeled(path: Path, source: Source) -> int:
    if not isinstance(source, FileSource):
        return 0
    return len(set(open_source(path, want_labels=False).names).difference(source.names))


def _counts(values: Iterable[_Key]) -> dict[_Key, int]:
    return dict(sorted(Counter(values).items()))


def _check_frames(labels: Sequence[str], width: int, frames: Callable[[int], int]) -> FramesCheck:
    needs, available = [frames_needed(label) for label in labels], frames(width)
    return FramesCheck(
        needed=max(needs),
        available=available,
        labels_too_long=sum(need > available for need in needs),
        width_that_would_do=width_for(max(needs), width, frames),
    )
