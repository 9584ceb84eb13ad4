"""lightly's own step of SimCLR, with the same encoder, beside ours in the same run.

Its transform makes the views of each image separately, in processes of a DataLoader, as in its
tutorial. Ours is the row of the same batch size under throughput.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset

from benchmarks.gpu.record import Part, Parts
from benchmarks.gpu.sizes import HEIGHT, WIDTH, Sizes
from benchmarks.gpu.throughput import pictures
from captcha_ssl.models.encoder import build_encoder
from captcha_ssl.training.device import resolve_precision

_SECONDS = 15


class Pictures(Dataset[Any]):
    """Gray images uint8 `[N, 1, H, W]`, each as lightly's transform makes two views of it."""

    def __init__(self, images: np.ndarray, transform: Any) -> None:
        self.images, self.transform = images, transform

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, place: int) -> Any:
        return self.transform(Image.fromarray(self.images[place, 0]))


def parts(sizes: Sizes, scratch: Path) -> Parts:
    """One part, at the batch size in the middle."""
    batch = sizes.batches[len(sizes.batches) // 2]
    return {f"lightly's SimCLR, batch {batch:,}": partial(_measure, sizes, batch)}


def _measure(sizes: Sizes, batch: int) -> Part:
    absent = [name for name in ("lightly", "torchvision") if find_spec(name) is None]
    if absent:
        return Part({"skipped": (f"{' and '.join(absent)} not installed; add to WHEELS", "")})
    from lightly.loss import NTXentLoss
    from lightly.models.modules import SimCLRProjectionHead
    from lightly.transforms.simclr_transform import SimCLRTransform

    device = torch.device(sizes.device)
    precision = resolve_precision("auto", device)
    transform = SimCLRTransform(
        input_size=(HEIGHT, WIDTH), normalize={"mean": [0.5], "std": [0.25]}
    )
    loader = DataLoader(
        Pictures(pictures(sizes.pictures), transform),
        batch,
        shuffle=True,
        drop_last=True,
        num_workers=sizes.loaders,
        pin_memory=device.type == "cuda",
        persistent_workers=sizes.loaders > 0,
    )
    encoder = build_encoder(sizes.encoders[0], 1, HEIGHT).to(device)
    head = SimCLRProjectionHead(encoder.dim, 256, 128).to(device)
    criterion = NTXentLoss(temperature=0.1)
    optimizer = torch.optim.AdamW([*encoder.parameters(), *head.parameters()], lr=1e-3)

    def step(views: Any) -> None:
        with torch.autocast(device.type, precision, enabled=precision != torch.float32):
            one, other = (
                head(encoder(view.to(device, non_blocking=True)).mean(1)) for view in views[:2]
            )
        loss = criterion(one.float(), other.float())
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()

    views = _endless(loader)
    # The first batch waits for the processes, and is not timed.
    step(next(views))
    done, begun = 0, _now(device)
    while done < sizes.interval * sizes.intervals and time.perf_counter() - begun < _SECONDS:
        step(next(views))
        done += 1
    return Part(
        {"throughput": (done * batch / (_now(device) - begun), "images/s")},
        {"how": __doc__, "processes": sizes.loaders, "precision": str(precision)},
    )


def _endless(loader: Iterable[Any]) -> Iterator[Any]:
    while True:
        yield from loader


def _now(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()
