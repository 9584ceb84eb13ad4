"""Which images an encoder finds similar: the nearest neighbors of some images, side by side."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from captcha_ssl.data.column_sheet import write_columns
from captcha_ssl.data.images import ImageArray
from captcha_ssl.data.sheet import rgb
from captcha_ssl.errors import UserError

_CAPTIONS = ("image", "nearest", "2nd", "3rd", "4th", "5th", "6th", "7th", "8th")
MOST = len(_CAPTIONS) - 1


def nearest(vectors: Tensor, queries: Tensor, count: int) -> Tensor:
    """The `count` nearest other rows of unit vectors `[N, D]` to each row that `queries` names.

    int64 `[Q, count]`, nearest first, by cosine; of rows as near as each other the earlier one
    comes first. Raises UserError when there are not enough rows.
    """
    if count >= len(vectors):
        raise UserError(f"{len(vectors):,} images have no {count} neighbors each; ask for fewer")
    likeness = vectors[queries] @ vectors.T
    likeness[torch.arange(len(queries)), queries] = -torch.inf
    return likeness.sort(dim=1, descending=True, stable=True).indices[:, :count]


def write_neighbors(
    file: Path, images: ImageArray, vectors: Tensor, *, rows: int, count: int, seed: int
) -> None:
    """Draw `rows` random images of the uint8 [N, C, H, W], each before its `count` nearest.

    `vectors` are their unit vectors `[N, D]`. Raises UserError when there are too few images or
    `file` cannot be written.
    """
    drawn = np.random.default_rng(seed).permutation(len(images))[:rows]
    found = nearest(vectors, torch.from_numpy(drawn).to(vectors.device), count).cpu().numpy()
    chosen = np.column_stack([drawn, found]).T
    columns = {
        caption: [rgb(images[index]) for index in column]
        for caption, column in zip(_CAPTIONS, chosen, strict=False)
    }
    write_columns(file, columns, title=f"nearest of {len(images):,} images, seed {seed}")
