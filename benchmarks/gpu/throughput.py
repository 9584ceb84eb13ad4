"""Images per second of the loop of `captcha-ssl pretrain`, for simclr with its defaults.

Each step is run by Python, or replayed as one CUDA graph.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache, partial
from itertools import product
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.gpu.record import Part, Parts
from benchmarks.gpu.sizes import HEIGHT, WIDTH, Sizes
from benchmarks.gpu.speed import product_rate, seconds_of
from captcha_ssl.benchmark.runs.environment import environment
from captcha_ssl.data.geometry import Geometry
from captcha_ssl.methods.method import Method
from captcha_ssl.models.parameters import parameter_groups
from captcha_ssl.pretraining.config import PretrainConfig
from captcha_ssl.pretraining.pretrain import build_method
from captcha_ssl.synthesis.pool import draw_chunk
from captcha_ssl.synthesis.settings import PictureSettings
from captcha_ssl.training.batches import BatchOrder
from captcha_ssl.training.loop import train
from captcha_ssl.training.meter import StepReport
from captcha_ssl.training.settings import LoopSettings, ModelSettings
from captcha_ssl.training.store import image_fetcher

PILE = 860_000
"""Images of the published case study, over which an epoch is extrapolated."""
MODES = {"auto": "graph", "off": "eager"}
"""The setting `compile`, and what it stands for on a GPU."""
HOW = (
    "The loop with its own settings, without looks at the encoder and saved states, on rendered "
    "images that are kept where pretrain keeps them. Throughput: from the second interval on. "
    "Fetching: choosing a batch and bringing it to the device, timed while the device is idle; the "
    "most that a step can wait for it. FLOPs: what torch counts in a step, products and "
    "convolutions; utilization: of the bf16 product measured here."
)


def parts(sizes: Sizes, scratch: Path) -> Parts:
    """Every encoder at every batch size in every arithmetic, with and without a graph."""
    grid = product(sizes.encoders, sizes.batches, sizes.precisions, MODES)
    return {
        "device": partial(_device, sizes),
        **{
            f"simclr, {encoder}, batch {batch:,}, {precision}, {MODES[mode]}": partial(
                measure, sizes, encoder, batch, precision, mode
            )
            for encoder, batch, precision, mode in grid
        },
    }


def _device(sizes: Sizes) -> Part:
    rate = product_rate(torch.device(sizes.device), sizes.product)
    found = {"side": sizes.product, "environment": environment(sizes.device, "auto")}
    return Part({"matrix product, bf16": (rate / 1e12, "TFLOP/s")}, found)


def measure(sizes: Sizes, encoder: str, batch: int, precision: str, mode: str) -> Part:
    """The loop at a batch size, with `compile` at `mode`."""
    device, images = torch.device(sizes.device), pictures(sizes.pictures)
    loop = LoopSettings(
        lr=3e-3,
        batch_size=batch,
        log_every=sizes.interval,
        device=sizes.device,
        precision=precision,
        compile=mode,
    )
    peak = product_rate(device, sizes.product)
    _forget_peak_memory(device)
    method = simclr(images, loop, encoder).to(device)
    fetch = image_fetcher(images, device)
    intervals: list[float] = []

    def observe(progress: StepReport) -> None:
        intervals.append(sizes.interval * batch / progress.images_per_second)

    groups = parameter_groups(method, loop.lr, loop.weight_decay)
    steps = sizes.interval * sizes.intervals
    train(method, groups, fetch, len(images), steps, loop, observe=observe)
    memory = _peak_memory(device)

    step_seconds = fmean(intervals[1:]) / sizes.interval
    order = BatchOrder(len(images), batch, loop.seed)
    fetching = seconds_of(lambda step: fetch(order(step)), device)
    flops = _flops(method, fetch(order(0)))
    return Part(
        {
            "throughput": (batch / step_seconds, "images/s"),
            "fetching": (100 * fetching / step_seconds, "% of a step"),
            "model FLOP utilization": (100 * flops / step_seconds / peak, "% of the product"),
            **memory,
            f"an epoch over {PILE:,}, extrapolated": (PILE * step_seconds / batch, "s"),
        },
        {
            "how": HOW,
            "seconds_per_step": step_seconds,
            "seconds_per_interval": intervals,
            "flops_per_step": flops,
            "tf32": {
                "convolutions": torch.backends.cudnn.allow_tf32,
                "products": torch.backends.cuda.matmul.allow_tf32,
            },
        },
    )


@cache
def pictures(count: int) -> np.ndarray:
    """Rendered gray images uint8 `[count, 1, HEIGHT, WIDTH]`."""
    settings = PictureSettings(style="fast", height=HEIGHT, width=WIDTH, channels=1)
    return draw_chunk(settings, range(count))[0]


def simclr(images: np.ndarray, loop: LoopSettings, encoder: str) -> Method:
    """SimCLR as `pretrain` builds it for the images, on the CPU."""
    start = PretrainConfig.of("simclr")
    config = replace(start, loop=loop, model=ModelSettings(encoder=encoder))
    return build_method(config, images, Geometry(1, HEIGHT, WIDTH))


def _flops(method: Method, images: Tensor) -> int:
    with FlopCounterMode(display=False) as counter:
        method(images, 0.0)["loss"].backward()
    return counter.get_total_flops()


def _forget_peak_memory(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)


def _peak_memory(device: torch.device) -> dict[str, Any]:
    """On a GPU alone: a process on the CPU shares its memory with all that ran in it before."""
    if device.type != "cuda":
        return {}
    return {"peak memory": (torch.cuda.max_memory_allocated(device) / 2**30, "GiB")}
