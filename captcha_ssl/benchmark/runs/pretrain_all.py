"""All pretrainings of a benchmark, side by side where there are cores for it."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple

import torch

from captcha_ssl.benchmark.plan.configuration import Configuration
from captcha_ssl.benchmark.plan.plan import pretrainings
from captcha_ssl.benchmark.runs.material import Material
from captcha_ssl.benchmark.runs.parallel import process_count
from captcha_ssl.benchmark.runs.pretraining import Pretrained, pretrain_one
from captcha_ssl.processes import available_cores, in_processes

_PATIENCE = 1.0
"""Seconds to wait for the last lines of a worker that was ended."""


class _Work(NamedTuple):
    """In a worker process: what every pretraining needs, and how to be heard."""

    out: Path
    configuration: Configuration
    material: Material
    say: Callable[[str], None]


_work: list[_Work] = []


def pretrain_all(
    out: Path, configuration: Configuration, material: Material, say: Callable[[str], None]
) -> dict[tuple[str, int], Pretrained]:
    """Pretrain what the arms ask for, by method and seed; unfinished runs go on.

    Runs lie in `out`/METHOD, or METHOD-SEED when there are several. One whose loss is not finite
    has no file. Raises KeyboardInterrupt with the state saved.
    """
    work = _Work(out, configuration, material, say)
    asked = pretrainings(configuration.arms, configuration.benchmark)
    processes = pretraining_processes(configuration)
    if processes <= 1:
        return {one: pretrain_one(*work, *one) for one in asked}
    return dict(zip(asked, _side_by_side(work, asked, processes), strict=True))


def pretraining_processes(configuration: Configuration) -> int:
    """How many pretrainings run at once, and so the share of the machine that each one has.

    It does not depend on how many are done already: the number of threads would, and with it
    the last bits of the result.
    """
    settings = configuration.benchmark
    asked = pretrainings(configuration.arms, settings)
    return min(process_count(settings.processes, settings.device), len(asked))


def _side_by_side(
    work: _Work, asked: Sequence[tuple[str, int]], processes: int
) -> Iterator[Pretrained]:
    threads = max(1, available_cores() // processes)
    with _heard(work.say) as lines:
        yield from in_processes(
            *(_perform, asked),
            processes=processes,
            setting="processes (--set processes=1)",
            begin=_begin,
            begin_with=(*work[:3], lines, threads),
        )


@contextmanager
def _heard(say: Callable[[str], None]) -> Iterator[Any]:
    """A queue; every line that a worker puts there is said here."""
    lines = multiprocessing.get_context("spawn").Queue()

    def listen() -> None:
        for line in iter(lines.get, None):
            say(line)

    listener = Thread(target=listen, daemon=True)
    listener.start()
    try:
        yield lines
    finally:
        lines.put(None)
        # One that was ended amid a line keeps the queue locked.
        listener.join(_PATIENCE)


def _begin(
    out: Path, configuration: Configuration, material: Material, lines: Any, threads: int
) -> None:
    torch.set_num_threads(threads)
    _work[:] = [_Work(out, configuration, material, lines.put)]


def _perform(asked: tuple[str, int]) -> Pretrained:
    return pretrain_one(*_work[0], *asked)
