"""Fine-tunings in parallel: one small network leaves most of a machine idle."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache, partial

import torch

from captcha_ssl.benchmark.runs.job import Bench, Job
from captcha_ssl.benchmark.runs.records import Row, Trial
from captcha_ssl.notice import Say
from captcha_ssl.training.device import resolve_device
from captcha_ssl.workers.choice import available_cores, choose_workers
from captcha_ssl.workers.contract import Workers

_MOST = 8
_BYTES_A_PROCESS = 8 * 2**30
"""GPU memory of a process: libraries, pile, and a step of 1,024 images with its largest tiles."""


def process_count(processes: int, device: str) -> int:
    """The number of processes; 0 means one per core, or as many as fit on a GPU.

    Recorded steps of several processes take turns on a GPU, and are together no faster than one
    (docs/results/gpu.md); but while one starts, reads or evaluates, another one trains.
    """
    if processes:
        return processes
    used = resolve_device(device)
    if used.type == "cuda":
        # A process computes on its own core, and the copies of its loader need part of another
        # core.
        return max(1, min(_MOST, available_cores() // 2, _free_bytes(used) // _BYTES_A_PROCESS))
    return min(_MOST, available_cores()) if used.type == "cpu" else 1


@lru_cache(maxsize=8)
def _free_bytes(device: torch.device) -> int:
    """Free memory of a GPU before the first process starts there: measured once for the run."""
    return int(torch.cuda.mem_get_info(device)[0])


def training_workers(count: int) -> Workers:
    """Workers for `count` trainings at a time, which share the cores."""
    # A single training keeps the threads of this process, also on a cluster: their number
    # affects the last bits of the result.
    threads = torch.get_num_threads() if count <= 1 else max(1, available_cores() // count)
    return choose_workers(
        count,
        setting="processes (--set processes=1)",
        prepare=partial(torch.set_num_threads, threads),
    )


def perform_all(bench: Bench, jobs: Sequence[Job]) -> Iterator[Trial | Row]:
    """The records of `jobs`, in order. Raises UserError if a job fails or a process dies."""
    settings = bench.configuration.benchmark
    count = min(process_count(settings.processes, settings.device), len(jobs))
    yield from training_workers(count).each(partial(_perform, bench), jobs)


def _perform(bench: Bench, job: Job, _: Say) -> Trial | Row:
    return bench.perform(job)
