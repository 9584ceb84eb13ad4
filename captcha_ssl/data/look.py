"""A look at a sample of a source: its sizes, its ink, and the geometry that suits them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from captcha_ssl.data.choose_preparation import choose_height, choose_preparation, prepared_size
from captcha_ssl.data.geometry import Geometry
from captcha_ssl.data.image import ImageError
from captcha_ssl.data.ink_report import INK_SAMPLE, InkReport, measure
from captcha_ssl.data.ink_words import narrow_words
from captcha_ssl.data.preparation import Preparation
from captcha_ssl.data.sources import Source
from captcha_ssl.data.sources.packed import PackedSource
from captcha_ssl.data.spread import spread_places
from captcha_ssl.data.streamed import quick_indices
from captcha_ssl.data.usual_heights import DEFAULT_HEIGHT, HEIGHT_STEP
from captcha_ssl.errors import UserError

if TYPE_CHECKING:
    from captcha_ssl.data.pixel_settings import PixelSettings

SIZE_SAMPLE = 256


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

    def geometry(
        self,
        preparation: Preparation | None,
        usual: int,
        *,
        channels: int,
        height: int | None,
        width: int | None,
    ) -> Geometry:
        """The geometry of the images after a preparation: the given sizes, or those that fit.

        `usual` is the height of images whose text needs no other one.
        """
        rows = height or choose_height(self.ink, preparation, usual)
        sizes = self.sizes_after(preparation)
        found = Geometry.infer(sizes, channels=channels, height=rows, width=width)
        return replace(found, preparation=preparation)


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
    return look.geometry(preparation, usual, channels=channels, height=height, width=width)


def geometry_of_start(
    path: Path, source: Source, geometry: Geometry, pixels: PixelSettings
) -> tuple[Geometry, list[str]]:
    """The geometry of a start with the preparation that suits the images, unless it has one.

    And a note if it has too few rows for the characters, where labels show how many there are.
    Raises UserError when no image can be read.
    """
    if geometry.preparation is not None and source.labels is None:
        return geometry, []
    ink = look_at(path, source).ink
    if geometry.preparation is None:
        geometry = replace(geometry, preparation=choose_preparation(ink, pixels))
    narrow = narrow_words(ink, geometry) if ink else ""
    if not narrow:
        return geometry, []
    more = geometry.height + HEIGHT_STEP
    return geometry, [f"{narrow}: a start with --set height={more} may read better"]
