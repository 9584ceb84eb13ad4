"""Reading images here and there in a mapped file, without what lies around them.

Around each image that is asked for, the system reads megabytes ahead, of holes in a file too: the
4,096 images of a fingerprint had taken half a minute and 10 GB of memory.
"""

from __future__ import annotations

import mmap
import os

import numpy as np

from captcha_ssl.data.images import Approximate, ImageArray, JoinedImages


def pick(images: ImageArray, places: np.ndarray) -> np.ndarray:
    """`images[places]` of int64 places that lie far apart, as a copy.

    Of images that are decoded as they go, those that are quick to find near these places.
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
    """Tell the system by a name of `mmap` how a mapped file is read; nothing for other arrays."""
    advice = getattr(mmap, how, None)
    for part in images.parts if isinstance(images, JoinedImages) else [images]:
        mapped = getattr(part, "_mmap", None)
        if mapped is not None and advice is not None:
            mapped.madvise(advice)


def exceeds_memory(images: ImageArray, times: int = 1) -> bool:
    """Whether so many times the images take more than half of the machine's memory.

    No, where it does not say how much it has.
    """
    try:
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return False
    return times * images.nbytes > memory / 2
