"""Fine-tunings side by side: small networks leave most of a machine idle one at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import torch

from captcha_ssl.benchmark.runs.job import Bench, Job
from captcha_ssl.benchmark.runs.records import Row, Trial
from captcha_ssl.processes import Say, Workers, available_cores, workers
from captcha_ssl.training.device import resolve_device

_MOST = 8


def process_count(processes: int, device: str) -> int:
    """How many processes `processes` (0: one a core, but one alone on a GPU) stands for."""
    if processes:
        return processes
    return min(_MOST, available_cores()) if resolve_device(device).type == "cpu" else 1


def training_workers(count: int) -> Workers:
    """Workers for `count` trainings at a time, which share out the cores."""
    return workers(
        count,
        setting="processes (--set processes=1)",
        prepare=partial(torch.set_num_threads, max(1, available_cores() // max(1, count))),
    )


def perform_all(bench: Bench, jobs: Sequence[Job]) -> Iterator[Trial | Row]:
    """The records of `jobs`, in order. Raises UserError as a job does, or when a process dies."""
    settings = bench.configuration.benchmark
    count = min(process_count(settings.processes, settings.device), len(jobs))
    yield from training_workers(count).each(partial(_perform, bench), jobs)


def _perform(bench: Bench, job: Job, _: Say) -> Trial | Row:
    return bench.perform(job)
