"""Reads scattered images from a mapped file without their surroundings.

By default the system reads megabytes around each requested image, even in the holes of a sparse
file: the 4,096 images of a fingerprint took half a minute and 10 GB of memory.
"""

from __future__ import annotations

import mmap
import os

import numpy as np

from captcha_ssl.data.images import Approximate, ImageArray, JoinedImages


def pick(images: ImageArray, places: np.ndarray) -> np.ndarray:
    """A copy of `images[places]`, for int64 places that are far apart.

    If images are decoded on demand, it returns nearby ones that are quick to find.
    """
    if isinstance(images, Approximate):
        return images.near(places)
    large = exceeds_memory(images)
    if not large:
        advise(images, "MADV_RANDOM")
    try:
        return np.array(images[places])
    finally:
        if not large:
            advise(images, "MADV_NORMAL")


def advise(images: ImageArray, how: str) -> None:
    """Pass the advice `how`, a constant of `mmap`, to the system; does nothing for other arrays."""
    advice = getattr(mmap, how, None)
    for part in images.parts if isinstance(images, JoinedImages) else [images]:
        mapped = getattr(part, "_mmap", None)
        if mapped is not None and advice is not None:
            mapped.madvise(advice)


def exceeds_memory(images: ImageArray, times: int = 1) -> bool:
    """Whether `times` copies of the images take more than half of the machine's memory.

    False if the system does not report its memory.
    """
    try:
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return False
    return times * images.nbytes > memory / 2
