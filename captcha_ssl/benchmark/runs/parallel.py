"""Fine-tunings side by side: small networks leave most of a machine idle one at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch

from captcha_ssl.benchmark.runs.job import Bench, Job
from captcha_ssl.benchmark.runs.records import Row, Trial
from captcha_ssl.processes import available_cores, in_processes
from captcha_ssl.training.device import resolve_device

_MOST = 8
_bench: list[Bench] = []
"""In a worker process: the one bench it works at."""


def process_count(processes: int, device: str) -> int:
    """How many processes `processes` (0: one a core, but one alone on a GPU) stands for."""
    if processes:
        return processes
    return min(_MOST, available_cores()) if resolve_device(device).type == "cpu" else 1


def perform_all(bench: Bench, jobs: Sequence[Job]) -> Iterator[Trial | Row]:
    """The records of `jobs`, in order. Raises UserError as a job does, or when a process dies."""
    settings = bench.configuration.benchmark
    processes = min(process_count(settings.processes, settings.device), len(jobs))
    if processes <= 1:
        yield from map(bench.perform, jobs)
        return
    threads = max(1, available_cores() // processes)
    yield from in_processes(
        *(_perform, jobs),
        processes=processes,
        setting="processes (--set processes=1)",
        begin=_begin,
        begin_with=(bench, threads),
    )


def _begin(bench: Bench, threads: int) -> None:
    torch.set_num_threads(threads)
    _bench[:] = [bench]


def _perform(job: Job) -> Trial | Row:
    return _bench[0].perform(job)
