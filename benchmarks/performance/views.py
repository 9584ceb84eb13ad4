"""Random views of whole images, a batch at a time, beside one image after the other."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from PIL import Image

from benchmarks.performance.opencv_views import opencv_view
from benchmarks.performance.peer_views import peer_view
from benchmarks.performance.pictures import pictures
from benchmarks.performance.ratio import Ratio, in_batches, rates
from captcha_ssl.models.encoder import standardize
from captcha_ssl.views.settings import ViewSettings
from captcha_ssl.views.view import random_view

BATCH = 256


def measure(small: bool) -> list[Ratio]:
    """One thread each: a loader runs a process on every core."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    images = torch.from_numpy(pictures(8 if small else BATCH))
    singles = [Image.fromarray(image[0].numpy()) for image in images]
    rng = np.random.default_rng(0)

    def ours() -> None:
        random_view(standardize(images), ViewSettings())

    def opencv() -> None:
        plain = standardize(images)[:, 0].numpy()
        views = [opencv_view(picture, rng, ViewSettings()) for picture in plain]
        torch.from_numpy(np.stack(views))

    def pillow() -> None:
        torch.stack([peer_view(picture) for picture in singles])

    batch = len(images)
    count = batch * (1 if small else 8)
    return [
        Ratio(
            "views 32×88, one core",
            *rates(in_batches(ours, batch), in_batches(peer, batch), (count, count)),
            "views/s",
            beside,
        )
        for peer, beside in (
            (opencv, "OpenCV, image by image, the same steps"),
            (pillow, "Pillow, image by image, fewer steps"),
        )
    ]
