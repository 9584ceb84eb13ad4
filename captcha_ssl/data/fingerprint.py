"""A fingerprint of a dataset: a few short texts with which a saved run recognizes its data."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from itertools import islice

import numpy as np

from captcha_ssl.data.geometry import Geometry
from captcha_ssl.data.images import ImageArray
from captcha_ssl.data.mapped import pick
from captcha_ssl.data.sources.joined import JoinedNames
from captcha_ssl.data.sources.packed import PackedNames
from captcha_ssl.data.sources.tar_shard import TarNames
from captcha_ssl.data.spread import spread_places
from captcha_ssl.data.streamed import StreamedImages

Fingerprint = dict[str, str]
"""`geometry`, `images` (the count), and digests: `names`, `labels`, `sizes`, `pixels`."""

WHOLE = 256 * 2**20
"""Up to this number of bytes, all pixels are read."""
SAMPLE = 4096
"""The number of images whose pixels are read in a larger dataset."""
_CHUNK = 10_000


def fingerprint(
    images: ImageArray,
    geometry: Geometry,
    *,
    names: Sequence[str] | None = None,
    labels: Sequence[str] | None = None,
    sizes: np.ndarray | None = None,
) -> Fingerprint:
    """Describe uint8 images `[N, C, H, W]`; equal data gives equal texts on every machine.

    `sizes` are the original heights and widths of the images, int `[N, 2]`. Arguments that are None
    are left out.
    """
    found = {"geometry": str(geometry), "images": str(len(images))}
    if isinstance(images, StreamedImages):
        # They come in another order than from memory.
        found["order"] = "streamed"
    if geometry.preparation is not None:
        found["preparation"] = str(geometry.preparation)
    if names is not None:
        found["names"] = _names(names)
    if labels is not None:
        found["labels"] = _texts(labels)
    if sizes is not None:
        found["sizes"] = _digest([np.ascontiguousarray(sizes, "<i4").tobytes()])
    return found | {"pixels": _pixels(images)}


def _names(names: Sequence[str]) -> str:
    # The names of many millions of images are created on demand.
    if isinstance(names, PackedNames | TarNames):
        return names.digest()
    if isinstance(names, JoinedNames):
        return _texts(text for title, part in names.parts() for text in (title, _names(part)))
    return _texts(names)


def _texts(texts: Iterable[str]) -> str:
    remaining = iter(texts)
    # The length comes first, so that one text cannot be confused with two.
    chunks = iter(lambda: list(islice(remaining, _CHUNK)), [])
    return _digest(
        "".join(f"{len(text)}:{text}" for text in chunk).encode("utf-8", "surrogatepass")
        for chunk in chunks
    )


def _pixels(images: ImageArray) -> str:
    step = max(1, 2**24 // max(1, images[:1].nbytes))
    if images.nbytes <= WHOLE and not isinstance(images, StreamedImages):
        parts = (images[at : at + step] for at in range(0, len(images), step))
    else:
        chosen = spread_places(len(images), SAMPLE)
        parts = (pick(images, chosen[at : at + step]) for at in range(0, len(chosen), step))
    return _digest(np.ascontiguousarray(part).tobytes() for part in parts)


def _digest(parts: Iterable[bytes]) -> str:
    digest = blake2b(digest_size=8)
    for part in parts:
        digest.update(part)
    return digest.hexdigest()
