"""Which images are labeled, pooled and tested: drawn from a seed, nested, free of duplicates."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np

from captcha_ssl.data.images import ImageArray, joined_images
from captcha_ssl.errors import UserError

# Separates the draws of test set and label subset if both use the same seed.
_SUBSET, _TEST = 1, 2
_DIGEST = 16
"""Bytes of a digest: long enough that equal digests mean equal pixels."""


@dataclass(frozen=True)
class Split:
    """Sorted int64 indices of the pool and the test set.

    `removed` counts the images in neither: exact copies of a test image.
    """

    pool: np.ndarray
    test: np.ndarray
    removed: int


def nested_subset(count_total: int, size: int, seed: int) -> np.ndarray:
    """`size` distinct int64 indices below `count_total`.

    For one seed and total a smaller subset is a prefix of every larger one.
    Raises UserError when there are fewer than `size`.
    """
    if not 0 <= size <= count_total:
        raise UserError(f"cannot draw {size:,} images out of {count_total:,}; ask for fewer")
    order = np.random.default_rng([seed, _SUBSET]).permutation(count_total)
    return order[:size].astype(np.int64)


def split_benchmark(
    images: ImageArray, labels: Sequence[str] | None, *, test: int, seed: int
) -> Split:
    """Part images uint8 [N, …] into a test set of exactly `test` images and the pool.

    No two test images are equal, and no copy of one is in the pool. An image whose copies have
    different labels is never a test image, because its true label is unknown. Raises UserError if
    nothing is left for the pool.
    """
    copies = duplicate_groups(images)
    eligible = [
        group[0] for group in copies if labels is None or len({labels[i] for i in group}) == 1
    ]
    if test >= len(eligible):
        raise UserError(
            f"a test set of {test:,} leaves no training images: there are {len(eligible):,} "
            "distinct ones; ask for fewer"
        )
    drawn = np.random.default_rng([seed, _TEST]).choice(len(eligible), size=test, replace=False)
    chosen = {eligible[i] for i in drawn}
    pool = [i for group in copies if group[0] not in chosen for i in group]
    return Split(
        pool=np.array(sorted(pool), np.int64),
        test=np.array(sorted(chosen), np.int64),
        removed=len(images) - len(pool) - len(chosen),
    )


def duplicate_groups(images: ImageArray) -> list[list[int]]:
    """Indices of uint8 [N, …] grouped by equal bytes, in order of first appearance."""
    groups: defaultdict[int, list[int]] = defaultdict(list)
    for index, number in enumerate(equal_images(images).tolist()):
        groups[number].append(index)
    return list(groups.values())


def copies_among(images: ImageArray, *others: ImageArray) -> list[np.ndarray]:
    """For each of the `others`, whether each of the images has an equal one there: bool [N]."""
    number = equal_images(joined_images([images, *others]))
    own, *theirs = np.split(number, np.cumsum([len(images), *map(len, others[:-1])]))
    return [np.isin(own, their) for their in theirs]


def equal_images(images: ImageArray) -> np.ndarray:
    """A number for each of the images uint8 [N, …], int64 [N]: the same for equal bytes."""
    digests = np.empty((len(images), _DIGEST), np.uint8)
    for index in range(len(images)):
        digest = blake2b(images[index].tobytes(), digest_size=_DIGEST).digest()
        digests[index] = np.frombuffer(digest, np.uint8)
    _, numbers = np.unique(digests.view(f"V{_DIGEST}").ravel(), return_inverse=True)
    return np.asarray(numbers, np.int64)
