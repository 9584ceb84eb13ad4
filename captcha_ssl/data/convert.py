"""Writes a dataset in another format."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from captcha_ssl.data.geometry import Geometry
from captcha_ssl.data.image import ImageError
from captcha_ssl.data.rejected import Rejected
from captcha_ssl.data.sources import Paths, Source, listed, open_source
from captcha_ssl.data.sweep import Progress, sweep
from captcha_ssl.data.writers.writer import STORES, open_writer
from captcha_ssl.errors import UserError

_AHEAD = 64


@dataclass(frozen=True)
class Converted:
    """What is written, what is left out, and notes on how the source is read."""

    images: int
    labeled: bool
    geometry: Geometry | None
    rejected: list[Rejected]
    notes: Sequence[str]


def convert(
    paths: Paths,
    out: Path,
    format: str,
    *,
    labels: bool | None = None,
    channels: int = 3,
    height: int | None = None,
    width: int | None = None,
    max_bad: float = 0.01,
    progress: Progress | None = None,
) -> Converted:
    """Write the images of a dataset, or of several as one, to a new dataset at `out`.

    Every image keeps its size if the format allows that. Otherwise, and with a given `height` or
    `width`, all get one geometry. `labels` True requires them, False ignores them, None uses them
    where they are evident. Every image is read twice, the first time to check that it is readable.
    Raises UserError when more than the share `max_bad` of rows cannot be used, or `out` cannot be
    written.
    """
    if channels not in (1, 3):
        raise UserError(f"--channels {channels}: 1 for gray or 3 for color")
    source = open_source(paths, want_labels=labels)
    sizes: dict[int, tuple[int, int]] = {}

    def note(index: int, image: np.ndarray) -> None:
        sizes[index] = image.shape[:2]

    failures = sweep(source, note, progress)
    rejected = source.rejected + [Rejected(source.names[i], failures[i]) for i in sorted(failures)]
    _refuse(listed(paths), rejected, len(source) + len(source.rejected), sizes, max_bad)
    fitted = height is not None or width is not None or not _any_size(format)
    rows = height or int(np.median([size[0] for size in sizes.values()]))
    geometry = Geometry.infer(sizes.values(), channels=channels, height=rows, width=width)
    tallest, widest = (max(size[axis] for size in sizes.values()) for axis in (0, 1))
    room = geometry if fitted else Geometry(3, tallest, widest)
    texts = source.labels
    about = {"converted_from": source.kind, "count": len(sizes)}
    with open_writer(
        out,
        format,
        count=len(sizes),
        channels=room.channels,
        height=room.height,
        width=room.width,
        about=about,
    ) as writer:
        indices = sorted(sizes)
        for place, (index, image) in enumerate(_in_order(source, indices)):
            pixels = geometry.fit(image) if fitted else _plain(image)
            writer.add(place, pixels, None if texts is None else texts[index])
            if progress is not None:
                progress(place + 1, len(indices))
    return Converted(
        len(sizes), texts is not None, geometry if fitted else None, rejected, source.notes
    )


def _any_size(format: str) -> bool:
    store = STORES.get(format)
    return store is not None and bool(getattr(store, "any_size", False))


def _refuse(
    path: Path,
    rejected: Sequence[Rejected],
    total: int,
    sizes: dict[int, tuple[int, int]],
    max_bad: float,
) -> None:
    if sizes and len(rejected) <= max_bad * total:
        return
    if not rejected:
        raise UserError(f"{path}: holds no images")
    first = rejected[0]
    raise UserError(
        f"{path}: {len(rejected):,} of {total:,} rows cannot be used (limit {max_bad:.1%}), "
        f"first {first.row}: {first.reason}"
    )


def _plain(image: np.ndarray) -> np.ndarray:
    """RGB uint8 [H, W, 3] as [C, H, W]; gray where its three channels are equal."""
    gray = np.array_equal(image[..., 0], image[..., 1]) and np.array_equal(
        image[..., 0], image[..., 2]
    )
    return np.ascontiguousarray((image[..., :1] if gray else image).transpose(2, 0, 1))


def _in_order(source: Source, indices: Sequence[int]) -> Iterator[tuple[int, np.ndarray]]:
    """The images in order; threads read some of them ahead."""
    waiting: deque[tuple[int, Future[np.ndarray]]] = deque()
    with ThreadPoolExecutor() as pool:
        try:
            for index in indices:
                waiting.append((index, pool.submit(source.read, index)))
                if len(waiting) > _AHEAD:
                    first, read = waiting.popleft()
                    yield first, _result(read)
            while waiting:
                first, read = waiting.popleft()
                yield first, _result(read)
        finally:
            pool.shutdown(cancel_futures=True)


def _result(read: Future[np.ndarray]) -> np.ndarray:
    try:
        return read.result()
    except ImageError as error:
        raise UserError(f"{error}; it was readable a moment ago") from error
