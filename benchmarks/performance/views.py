"""Random views of whole images, a batch at a time, beside one image after the other."""

from __future__ import annotations

import torch
from PIL import Image

from benchmarks.performance.peer_views import peer_view
from benchmarks.performance.pictures import pictures
from benchmarks.performance.ratio import Ratio, rates
from captcha_ssl.models.encoder import standardise
from captcha_ssl.views.settings import ViewSettings
from captcha_ssl.views.view import random_view

BATCH = 256


def measure(small: bool) -> list[Ratio]:
    """One thread each: a loader runs a process on every core."""
    torch.set_num_threads(1)
    images = torch.from_numpy(pictures(8 if small else BATCH))
    singles = [Image.fromarray(image[0].numpy()) for image in images]

    def ours(count: int) -> None:
        for _ in range(count // len(images)):
            random_view(standardise(images), ViewSettings())

    def peer(count: int) -> None:
        for _ in range(count // len(singles)):
            torch.stack([peer_view(picture) for picture in singles])

    count = len(images) * (1 if small else 8)
    found = rates(ours, peer, (count, count))
    return [
        Ratio("views 32×88, one core", *found, "views/s", "Pillow, image by image, fewer steps")
    ]
