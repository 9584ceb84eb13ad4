"""All images of a source in one geometry and in memory, or mapped from their files."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import chain

import numpy as np

from captcha_ssl.data.geometry import Geometry
from captcha_ssl.data.images import ImageArray, JoinedImages
from captcha_ssl.data.rgb import BLANK_RANGE, gray_range
from captcha_ssl.data.sources import Source
from captcha_ssl.data.sources.joined import JoinedSource
from captcha_ssl.data.sources.packed import PackedSource
from captcha_ssl.data.sweep import Progress, sweep
from captcha_ssl.errors import UserError


@dataclass(frozen=True)
class Fitted:
    """The readable images of a source, uint8 [N, C, H, W].

    `sizes` are their heights and widths before resizing, int32 [N, 2]; None if the images had the
    geometry already. `failures` has the reason for each index that cannot be read. `cut_off` are
    the indices of images that show something, but not in the part to which all are cut.
    """

    images: ImageArray
    sizes: np.ndarray | None = None
    failures: dict[int, str] = field(default_factory=dict)
    cut_off: list[int] = field(default_factory=list)


def read_all(source: Source, geometry: Geometry, progress: Progress | None) -> Fitted:
    """Read all images of a source. Raises UserError if they do not fit into memory."""
    mapped = mapped_images(source, geometry)
    if mapped is not None:
        return Fitted(mapped)
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
    return Fitted(_without(images, failures), _without(sizes, failures), failures, cut_off)


def mapped_images(source: Source, geometry: Geometry) -> ImageArray | None:
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


def _without(images: np.ndarray, failures: dict[int, str]) -> np.ndarray:
    """Close the gaps in place: a copy could double the memory of a large pile."""
    if not failures:
        return images
    kept = [i for i in range(len(images)) if i not in failures]
    for target, origin in enumerate(kept):
        images[target] = images[origin]
    return images[: len(kept)]
