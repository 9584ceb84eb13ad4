"""Batches by index from memory-mapped pixels, beside a DataLoader that decodes PNG files."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from benchmarks.performance.pictures import pictures
from benchmarks.performance.ratio import Ratio, rates
from captcha_ssl.training.batches import BatchOrder
from captcha_ssl.training.store import image_fetcher
from captcha_ssl.workers.choice import available_cores

BATCH = 128


class Files(Dataset[Tensor]):
    """PNG files, decoded on access."""

    def __init__(self, folder: Path) -> None:
        self.files = sorted(folder.glob("*.png"))

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> Tensor:
        return torch.from_numpy(np.array(Image.open(self.files[index])))


def measure(small: bool) -> list[Ratio]:
    """Gray images 32×88 in shuffled batches; the files are in the cache of the system."""
    images = pictures(256 if small else 8192)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        np.save(folder / "images.npy", images)
        for index, image in enumerate(images):
            Image.fromarray(image[0]).save(folder / f"{index:05d}.png")
        fetch = image_fetcher(np.load(folder / "images.npy", mmap_mode="r"), torch.device("cpu"))
        order = BatchOrder(len(images), BATCH, 0)
        workers = 0 if small else available_cores()
        loader: DataLoader[Tensor] = DataLoader(
            Files(folder), BATCH, True, num_workers=workers, persistent_workers=workers > 0
        )

        def ours(count: int) -> None:
            for step in range(count // BATCH):
                fetch(order(step))

        def peer(count: int) -> None:
            for _ in loader:
                pass

        counts = (len(images) * (1 if small else 8), len(images))
        found = rates(ours, peer, counts, 1 if small else 3)
    return [Ratio(f"batches of {BATCH} by index", *found, "images/s", "DataLoader over PNG files")]
