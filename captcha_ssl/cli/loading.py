"""Read a dataset for a training command, with a progress bar and a note on rejected rows."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from captcha_ssl.cli.progress import progress_bar
from captcha_ssl.printable import shown

if TYPE_CHECKING:
    from captcha_ssl.data.dataset import Dataset, Stream
    from captcha_ssl.data.geometry import Geometry
    from captcha_ssl.data.sources import Paths
    from captcha_ssl.training.settings import ModelSettings


def load(
    data: Paths,
    model: ModelSettings,
    *,
    labeled: bool,
    quiet: bool,
    geometry: Geometry | None = None,
    choose: bool = True,
    most: int | None = None,
    stream: Stream = "off",
) -> Dataset:
    """Read `data` at a given geometry or at the one of `model`. Raises UserError.

    With `choose`, the images decide their preparation if the geometry leaves it open. `stream`
    and `most`, for images without labels, as in `load_pile`.
    """
    from captcha_ssl.data.sources import listed
    from captcha_ssl.training.images import load_images

    with progress_bar("reading", quiet=quiet) as progress:
        loaded = load_images(
            data,
            model,
            labeled=labeled,
            geometry=geometry,
            choose=choose,
            most=most,
            progress=progress,
            stream=stream,
        )
    if not quiet:
        note = f"{len(loaded):,} images at {loaded.geometry}"
        left_out = f", {len(loaded.rejected):,} left out" if loaded.rejected else ""
        print(f"{shown(str(listed(data)))}: {note}{left_out}", file=sys.stderr)
        tell_notes(data, loaded, quiet=quiet)
        if loaded.geometry.preparation and choose:
            print(f"prepared: {loaded.geometry.preparation}", file=sys.stderr)
    return loaded


def tell_notes(data: Paths, loaded: Dataset, *, quiet: bool) -> None:
    """Print on stderr what a user should know about how `data` is read."""
    from captcha_ssl.data.sources import listed

    for remark in () if quiet else loaded.notes:
        print(f"{shown(str(listed(data)))}: {remark}", file=sys.stderr)
