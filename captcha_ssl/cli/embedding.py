"""Embed images with the encoder of a run, for commands that compare images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from captcha_ssl.cli.loading import tell_notes
from captcha_ssl.cli.progress import progress_bar

if TYPE_CHECKING:
    from torch import Tensor

    from captcha_ssl.data.dataset import Dataset
    from captcha_ssl.data.sources import Paths


def embedded(
    data: Paths, init_from: Path, *, max_bad: float, device: str | None, quiet: bool
) -> tuple[Dataset, Tensor, Tensor | None]:
    """The images of `data`, without labels, their unit vectors `[N, D]` and uncertainties `[N]`.

    An encoder without a head gives no uncertainties. Raises UserError.
    """
    from captcha_ssl.data.dataset import load_dataset
    from captcha_ssl.recognition.similarity.embedder import Embedder
    from captcha_ssl.training.device import resolve_device

    embedder = Embedder(init_from, resolve_device(device or "auto"))
    with progress_bar("loading", quiet=quiet) as progress:
        images = load_dataset(
            data,
            labeled=False,
            geometry=embedder.geometry,
            max_bad=max_bad,
            progress=progress,
        )
    tell_notes(data, images, quiet=quiet)
    with progress_bar("looking", quiet=quiet) as progress:
        return images, *embedder(images.images, progress)
