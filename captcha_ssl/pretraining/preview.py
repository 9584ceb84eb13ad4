"""A picture of what a method sees, without training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from captcha_ssl.data.column_sheet import write_columns
from captcha_ssl.data.dataset import Dataset
from captcha_ssl.data.images import ImageArray
from captcha_ssl.data.mapped import pick
from captcha_ssl.data.sheet import rgb
from captcha_ssl.methods.instances import Crops
from captcha_ssl.methods.method import Method
from captcha_ssl.pretraining.config import PretrainConfig
from captcha_ssl.pretraining.pretrain import build_method
from captcha_ssl.training.batches import BatchOrder, step_seed
from captcha_ssl.training.device import resolve_device
from captcha_ssl.views.ink import measured_inks
from captcha_ssl.views.judge import added_over_text, fine_detail

ROWS = 8
_JUDGED, _TOLERATED, _MOST_ADDED = 128, 0.15, 2.0
_EMPTY = 0.05
"""A crop with less fine detail than this, in image deviations, shows nothing."""
_GAP, _HIDDEN = (90, 140, 215), (176, 190, 212)


def write_preview(file: Path, config: PretrainConfig, data: Dataset) -> list[str]:
    """Draw what the method sees in the first step, for a few of the uint8 `[N, C, H, W]`.

    It uses the seed of that step: a batch as small as the sheet would give the same pixels. Returns
    warnings on the views: columns in which text is lost. Raises UserError if the method cannot
    learn from the images, or `file` cannot be written.
    """
    method, columns = _drawn(config, data, ROWS)
    count = f"{len(columns['image'])} of {len(data):,} images at {data.geometry}"
    seed = config.loop.seed
    write_columns(file, columns, title=f"{config.pretrain.method}: {count}, seed {seed}")
    return lost_text(method, data.images, seed, resolve_device(config.loop.device))


def drawn(config: PretrainConfig, data: Dataset, rows: int = ROWS) -> dict[str, list[np.ndarray]]:
    """Caption → RGB uint8 pictures [H, W, 3] of a few images, as `write_preview` draws them.

    Raises UserError when the method cannot learn from the images.
    """
    return _drawn(config, data, rows)[1]


def _drawn(
    config: PretrainConfig, data: Dataset, rows: int
) -> tuple[Method, dict[str, list[np.ndarray]]]:
    images, loop = data.images, config.loop
    device = resolve_device(loop.device)
    method = build_method(config, images, data.geometry).to(device)
    chosen = BatchOrder(len(images), min(rows, len(images)), loop.seed)(0)
    batch = torch.from_numpy(pick(images, chosen.numpy()))
    torch.manual_seed(step_seed(loop.seed, 0))
    with torch.no_grad():
        pictures = method.preview(batch.to(device))
    columns = {"image": list(map(rgb, batch.numpy()))}
    for caption, picture in pictures.items():
        columns[caption] = list(map(rgb, to_uint8(picture.cpu(), batch).numpy()))
    return method, columns


def lost_text(method: Method, images: ImageArray, seed: int, device: torch.device) -> list[str]:
    """Warnings on views in which the text of many of the uint8 `[N, C, H, W]` is lost.

    Text counts as lost if the clutter or noise over it is more than twice as strong as the text
    that was measured in the images.
    """
    instances, inks = getattr(method, "instances", None), measured_inks(images)
    if not isinstance(instances, Crops) or not inks:
        return []
    contrast = float(np.median([ink.contrast / deviation for ink, deviation in inks]))
    chosen = BatchOrder(len(images), min(_JUDGED, len(images)), seed)(0)
    batch = torch.from_numpy(pick(images, chosen.numpy())).to(device)
    torch.manual_seed(step_seed(seed, 1))
    with torch.no_grad():
        crops = instances.cut(batch)
        added = added_over_text(crops, instances.view_settings, contrast, instances.width)
        empty = (fine_detail(instances.plain(crops)) < _EMPTY).float().mean()
    lost = float((added > _MOST_ADDED).float().mean())
    words = []
    if lost > _TOLERATED:
        words.append(
            f"{lost:.0%} of the views lose the text under noise and clutter; lower noise, "
            "strokes, dots or lines (--set noise=0.05 …), or set ink_contrast"
        )
    if float(empty) > _TOLERATED:
        words.append(f"{float(empty):.0%} of the crops show nothing; raise crop_width")
    return words


def to_uint8(pictures: Tensor, originals: Tensor) -> Tensor:
    """Standardized `[B, C, H', W']` as pixels `[B, 3, H', W']`, in the tones of their originals.

    Mean and deviation are those of uint8 `[B, C, H, W]`, so that paper and ink look as they do
    there. Hidden parts (exactly 0) and gaps (NaN) are two shades of blue: the mean of a picture
    with little ink is almost paper.
    """
    pixels = originals.float()
    mean = pixels.mean((1, 2, 3), keepdim=True)
    deviation = pixels.std((1, 2, 3), keepdim=True, correction=0).clamp_min(2.0)
    shown = (pictures * deviation + mean).round().clamp(0, 255).expand(-1, 3, -1, -1)
    gap, hidden = torch.tensor([_GAP, _HIDDEN], dtype=shown.dtype).view(2, 3, 1, 1)
    shown = torch.where((pictures == 0).all(1, keepdim=True), hidden, shown)
    return torch.where(shown.isnan(), gap, shown).to(torch.uint8)
