"""A labeled dataset of rendered pictures, whole or one shard of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from captcha_ssl.data.sheet import rgb, write_sheet
from captcha_ssl.data.writers import FORMATS, DatasetWriter, Store, open_writer
from captcha_ssl.errors import UserError
from captcha_ssl.processes import available_cores
from captcha_ssl.settings import setting
from captcha_ssl.synthesis.canvas import Pixels
from captcha_ssl.synthesis.pool import draw_chunk, put_chunks, split_chunks
from captcha_ssl.synthesis.render import PictureSettings, renderer

_PREVIEWED = 48
_WORTH_A_PROCESS = 2_000
"""Pictures that take about as long as a new process takes to start and fill its caches."""

Progress = Callable[[int, int], None]
"""Called with how many images are done, and of how many."""


@dataclass(frozen=True)
class GenerateSettings:
    """How many pictures to write and how; none of this changes a picture."""

    count: int | None = setting(None, "pictures in the whole dataset", low=1)
    format: str = setting("packed", "how the dataset is stored", choices=FORMATS)
    workers: int = setting(0, "processes that draw; 0 for as many as pay off", low=0, high=1024)
    shard: str = setting("1/1", "which part to write: 2/4 is the second of four")

    def indices(self) -> range:
        """The pictures of this shard: shards differ by at most one picture, in order.

        Raises UserError without a count, and for a shard that does not exist or is empty.
        """
        if self.count is None:
            raise UserError("count is missing: say how many pictures with --count N")
        match = re.fullmatch(r"(\d{1,9})/(\d{1,9})", self.shard.strip())
        part, parts = (int(match[1]), int(match[2])) if match else (0, 0)
        if not 1 <= part <= parts:
            raise UserError(f"shard = {self.shard!r}: write I/N with I from 1 to N, such as 2/4")
        if parts > self.count:
            raise UserError(f"shard = {self.shard!r}: {self.count} pictures make no {parts} shards")
        return range(self.count * (part - 1) // parts, self.count * part // parts)


def generate(
    out: Path,
    picture: PictureSettings,
    job: GenerateSettings,
    *,
    preview: Path | None = None,
    progress: Progress | None = None,
) -> range:
    """Render a dataset to `out`, which appears there only when it is complete.

    Returns the indices of the pictures in it. `preview` gets a sheet of the first of them.
    Raises UserError for settings that do not work, or when `out` exists or cannot be written.
    """
    indices = job.indices()
    renderer(picture)
    if preview is not None and out.resolve() in preview.resolve().parents:
        raise UserError(f"{preview}: the preview cannot lie inside the dataset; name another place")
    about = {**asdict(picture), "first": indices.start, "shard": job.shard}
    with open_writer(
        out,
        job.format,
        count=len(indices),
        channels=picture.channels,
        height=picture.height,
        width=picture.width,
        about=about,
    ) as writer:
        if preview is not None:
            _write_preview(preview, picture, indices[:_PREVIEWED])
        _fill(writer, picture, indices, job.workers or _processes(len(indices)), progress)
    return indices


def _fill(
    writer: DatasetWriter,
    picture: PictureSettings,
    indices: range,
    workers: int,
    progress: Progress | None,
) -> None:
    chunks, store = split_chunks(picture, indices), writer.store
    put = partial(_put, store, indices.start)
    workers = min(workers, len(chunks))
    with closing(
        put_chunks(picture, chunks, put, shared=store.shared, processes=workers)
    ) as put_texts:
        for chunk, texts in zip(chunks, put_texts, strict=True):
            writer.note(chunk.start - indices.start, texts)
            if progress is not None:
                progress(chunk.stop - indices.start, len(indices))


def _put(store: Store, start: int, first: int, images: Pixels, texts: list[str]) -> None:
    store.put(first - start, images, texts)


def _write_preview(path: Path, picture: PictureSettings, indices: range) -> None:
    images, texts = draw_chunk(picture, indices)
    tiles = list(zip(map(rgb, images), texts, strict=True))
    write_sheet(path, tiles, title=f"style {picture.style}, seed {picture.seed}")


def _processes(count: int) -> int:
    """As many as there are cores for this process, but none with next to nothing to do."""
    return min(available_cores(), 1 + count // _WORTH_A_PROCESS)
