"""Whole steps of SimCLR on whole images, beside a step as tutorials write it."""

from __future__ import annotations

from benchmarks.performance.own_step import own_step
from benchmarks.performance.peer_step import PeerStep
from benchmarks.performance.pictures import pictures
from benchmarks.performance.ratio import Ratio, rates
from captcha_ssl.training.settings import LoopSettings
from captcha_ssl.workers.choice import available_cores

PEER = "plain PyTorch after lightly's tutorial"


def measure(small: bool) -> list[Ratio]:
    """The same encoder and projector on both sides, on all cores."""
    batch, encoders = (8, ("tiny",)) if small else (128, ("tiny", "small"))
    return [_measure(encoder, batch, small) for encoder in encoders]


def _measure(encoder: str, batch: int, small: bool) -> Ratio:
    images = pictures(2 * batch if small else 4096)
    loop = LoopSettings(lr=3e-3, batch_size=batch, device="cpu")
    peer = PeerStep(images, encoder, batch, 0 if small else available_cores())

    def ours(count: int) -> None:
        own_step(images, encoder, count // batch, loop, "image")

    count = batch * (1 if small else 16)
    found = rates(ours, peer, (count, count), 1 if small else 3)
    return Ratio(f"SimCLR step, {encoder}, batch {batch}", *found, "images/s", PEER, goal=2.7)
