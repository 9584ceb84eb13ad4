"""A labeled dataset of rendered pictures, whole or one shard of it."""

from __future__ import annotations

from contextlib import closing
from functools import partial
from pathlib import Path

from captcha_ssl.data.sheet import rgb, write_sheet
from captcha_ssl.data.sweep import Progress
from captcha_ssl.data.writers import DatasetWriter, Store, open_writer
from captcha_ssl.errors import UserError
from captcha_ssl.synthesis.canvas import Pixels
from captcha_ssl.synthesis.pool import draw_chunk, put_chunks, split_chunks
from captcha_ssl.synthesis.render import renderer
from captcha_ssl.synthesis.settings import GenerateSettings, PictureSettings
from captcha_ssl.workers.choice import available_cores

_PREVIEWED = 48
_WORTH_A_PROCESS = 2_000
"""Drawing this many pictures takes about as long as starting a process and filling its caches."""


def generate(
    out: Path,
    picture: PictureSettings,
    job: GenerateSettings,
    *,
    preview: Path | None = None,
    progress: Progress | None = None,
) -> range:
    """Render a dataset to `out`, which appears only when it is complete.

    Returns the indices of its pictures. `preview` gets a sheet of the first pictures. Raises
    UserError for invalid settings, or if `out` exists or cannot be written.
    """
    indices = job.indices()
    renderer(picture)
    if preview is not None and out.resolve() in preview.resolve().parents:
        raise UserError(f"{preview}: the preview cannot lie inside the dataset; name another place")
    about = {**picture.model_dump(), "first": indices.start, "shard": job.shard}
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
    """One per core of this process, but no process with almost nothing to do."""
    return min(available_cores(), 1 + count // _WORTH_A_PROCESS)
