"""Benchmarks to look at: tiny ones that are run, and figures as they could come out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from captcha_ssl.benchmark.plan.config import BenchmarkConfig
from captcha_ssl.benchmark.report.results import Results
from captcha_ssl.benchmark.report.summary import summarize
from captcha_ssl.benchmark.run import run_benchmark
from captcha_ssl.benchmark.runs.progress import BenchmarkListener
from captcha_ssl.benchmark.runs.records import Row, Trial
from captcha_ssl.config import Given
from captcha_ssl.data.writers import open_writer


def configure(**given: Any) -> BenchmarkConfig:
    return BenchmarkConfig.read(Given(**given))


TINY = (
    "arms=scratch,pretrained",
    "label_counts=4,8",
    "seeds=2",
    "test=10",
    "device=cpu",
    "precision=fp32",
    "processes=1",
    "pretrain_steps=4",
    "pretrain_batch_size=8",
    "finetune_steps=3",
    "finetune_batch_size=4",
)

Figures = Mapping[tuple[str, int], Sequence[float]]


def make_row(arm: str, labels: int, seed: int, exact_match: float, converged: bool = True) -> Row:
    """A reported run of which only these figures matter."""
    return Row(
        arm=arm,
        labels=labels,
        seed=seed,
        exact_match=exact_match,
        cer=(1 - exact_match) / 3,
        converged=converged,
        seconds=31.0,
        lr=3e-3,
        final_loss=0.1,
        steps=600,
        pretrain_seed=None if arm.startswith(("scratch", "random")) else 0,
    )


def make_trials(figures: Figures) -> list[Trial]:
    """Two trials for each arm and label count; the higher rate is the better one."""
    return [
        Trial(
            arm=arm,
            labels=labels,
            lr=lr,
            exact_match=exact,
            cer=(1 - exact) / 3,
            converged=True,
            seconds=30.0,
            final_loss=0.1,
            steps=600,
        )
        for arm, labels in figures
        for lr, exact in ((1e-3, 0.2), (3e-3, 0.4))
    ]


@pytest.fixture
def results() -> Callable[..., Results]:
    """Results with the given exact matches by arm and label count, one for each seed."""

    def make(figures: Figures, *settings: str) -> Results:
        arms = ",".join(dict.fromkeys(arm for arm, _ in figures))
        counts = ",".join(str(labels) for labels in sorted({n for _, n in figures}))
        seeds = len(next(iter(figures.values())))
        assigned = (f"arms={arms}", f"label_counts={counts}", f"seeds={seeds}", *settings)
        configuration = configure(assignments=assigned)
        rows = [
            make_row(arm, labels, seed, value, converged=value > 0)
            for (arm, labels), values in figures.items()
            for seed, value in enumerate(values, start=1)
        ]
        return Results(
            configuration=configuration,
            rows=rows,
            entries=summarize(rows, configuration.arms),
            trials=make_trials(figures),
            pretrained=[],
            data={"source": "a", "pool": 8000, "pile": 0, "test": 2000, "copies_removed": 3},
            environment={"torch": "2", "at once": 1},
            command="captcha-ssl benchmark --out x",
        )

    return make


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60 distinct pictures, and a copy of each."""
    out = tmp_path_factory.mktemp("data") / "set"
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (60, 1, 32, 32), np.uint8)
    with open_writer(out, "packed", count=120, channels=1, height=32, width=32, about={}) as writer:
        for index in range(120):
            label = "".join(np.random.default_rng(index % 60).choice(list("ABC"), 2))
            writer.add(index, images[index % 60], label)
    return out


def tiny(data: Path, *assignments: str) -> BenchmarkConfig:
    return configure(assignments=[*TINY, *assignments], flags={"data": data})


@pytest.fixture(scope="session")
def run(data: Path) -> Callable[..., Results]:
    def start(out: Path, *assignments: str, resume: bool = False, **heard: Any) -> Results:
        listener, config = BenchmarkListener(**heard), tiny(data, *assignments)
        return run_benchmark(out, config, command="x", resume=resume, listener=listener)

    return start


@pytest.fixture(scope="session")
def uninterrupted(
    run: Callable[..., Results], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Results]:
    out = tmp_path_factory.mktemp("uninterrupted") / "out"
    return out, run(out, "arms=scratch,pretrained,pretrained-frozen")
