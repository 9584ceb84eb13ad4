"""bfloat16 beside float32: the same steps, faster, with about the same loss."""

from __future__ import annotations

from statistics import fmean

from benchmarks.performance.own_step import own_step
from benchmarks.performance.pictures import pictures
from benchmarks.performance.ratio import Ratio, rates
from captcha_ssl.training.settings import LoopSettings

SEEDS = 3


def measure(small: bool) -> list[Ratio]:
    """SimCLR as `pretrain` runs it; the loss is the mean of the last tenth of the steps."""
    batch, steps, seeds = (8, 10, 1) if small else (32, 500, SEEDS)
    images = pictures(2 * batch if small else 8192)
    loop = LoopSettings(lr=3e-3, batch_size=batch, device="cpu", log_every=max(1, steps // 10))

    def run(precision: str, count: int, seed: int = 0) -> float:
        changed = loop.replace(precision=precision, seed=seed)
        return own_step(images, "tiny", count // batch, changed, "crop")[-1]["loss"]

    count = batch * (1 if small else 30)
    speed = rates(
        lambda n: run("bf16", n), lambda n: run("fp32", n), (count, count), 1 if small else 3
    )
    losses = [
        fmean(run(precision, steps * batch, seed) for seed in range(seeds))
        for precision in ("bf16", "fp32")
    ]
    return [
        Ratio(f"SimCLR step in bf16, batch {batch}", *speed, "images/s", "the same in fp32"),
        Ratio(
            f"loss after {steps} steps in bf16, mean of {seeds}",
            losses[0],
            losses[1],
            "nats",
            "the same in fp32",
            more_is_better=False,
        ),
    ]
