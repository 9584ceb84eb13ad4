"""A benchmark that is interrupted loses the run at hand and nothing else."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from captcha_ssl.benchmark.report.results import Results
from captcha_ssl.benchmark.run import run_benchmark
from captcha_ssl.benchmark.runs import job, pretraining
from captcha_ssl.benchmark.runs.encoders import of_method, source
from captcha_ssl.benchmark.runs.records import Row
from captcha_ssl.errors import UserError
from captcha_ssl.training.settings import LoopSettings
from tests.benchmark.conftest import tiny

pytestmark = pytest.mark.slow

Run = Callable[..., Results]


def untimed(rows: list[Row]) -> list[dict[str, Any]]:
    return [{k: v for k, v in asdict(row).items() if k != "seconds"} for row in rows]


def interrupted_at(line: int) -> Callable[[str], None]:
    """Something to tell lines to, that is pressed Ctrl-C at one of them."""

    def countdown() -> Iterator[None]:
        yield from [None] * line
        raise KeyboardInterrupt

    told = countdown()
    return lambda text: next(told)


@pytest.mark.parametrize("line", [5, 19])
def test_a_resumed_benchmark_equals_an_uninterrupted_one(
    run: Run, uninterrupted: tuple[Path, Results], tmp_path: Path, line: int
):
    arms = "arms=scratch,pretrained,pretrained-frozen"
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "out", arms, say=interrupted_at(line))
    kept = (tmp_path / "out").glob("tuning/*.json" if line == 5 else "cells/*.json")
    finished = {f: f.read_bytes() for f in kept}
    resumed = run(tmp_path / "out", arms, resume=True)
    assert untimed(resumed.rows) == untimed(uninterrupted[1].rows)
    assert finished
    assert all(file.read_bytes() == content for file, content in finished.items())


def test_finished_runs_are_not_repeated(
    run: Run, uninterrupted: tuple[Path, Results], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delattr(job, "Finetuning")
    monkeypatch.delattr(of_method, "Pretraining")
    again = run(uninterrupted[0], "arms=scratch,pretrained,pretrained-frozen", resume=True)
    assert again.rows == uninterrupted[1].rows
    assert again.trials == uninterrupted[1].trials


def test_pretraining_continues_from_its_saved_state(
    run: Run, uninterrupted: tuple[Path, Results], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    often = partial(LoopSettings, log_every=1, checkpoint_every=1)
    monkeypatch.setattr(source, "LoopSettings", often)
    monkeypatch.setattr(pretraining, "_SECONDS_BETWEEN_LINES", 0)
    arms = "arms=scratch,pretrained,pretrained-frozen"
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "out", arms, say=interrupted_at(3))
    resumed = run(tmp_path / "out", arms, resume=True)
    log = (tmp_path / "out" / "pretrained" / "simclr" / "log.txt").read_text()
    assert "training from step 2 to 4" in log
    assert untimed(resumed.rows) == untimed(uninterrupted[1].rows)


def test_other_settings_are_refused_on_resume(run: Run, uninterrupted: tuple[Path, Results]):
    with pytest.raises(UserError, match="started with other settings"):
        run(uninterrupted[0], "arms=scratch,pretrained,pretrained-frozen", "seeds=3", resume=True)


def test_a_folder_in_use_is_refused_without_resume(run: Run, uninterrupted: tuple[Path, Results]):
    with pytest.raises(UserError, match="already holds something"):
        run(uninterrupted[0], "arms=scratch,pretrained,pretrained-frozen")


def test_parallel_processes_give_the_results_of_one(
    run: Run, uninterrupted: tuple[Path, Results], tmp_path: Path
):
    arms = "arms=scratch,pretrained,pretrained-frozen"
    lines: list[str] = []
    shared = run(tmp_path / "out", arms, "processes=2", say=lines.append)
    assert untimed(shared.rows) == untimed(uninterrupted[1].rows)
    assert sum(line.startswith("[") for line in lines) == len(shared.rows) + len(shared.trials)


def test_parallel_pretrainings_give_the_results_of_sequential_ones(run: Run, tmp_path: Path):
    arms = ("arms=pretrained", "methods=simclr,simsiam", "label_counts=4", "seeds=1")
    lines: list[str] = []
    one = run(tmp_path / "one", *arms)
    two = run(tmp_path / "two", *arms, "processes=2", say=lines.append)
    assert untimed(two.rows) == untimed(one.rows)
    assert [(p.method, p.figures) for p in two.pretrained] == [
        (p.method, p.figures) for p in one.pretrained
    ]
    assert sum(line.startswith("pretraining sim") for line in lines) == 2


def test_other_data_is_refused_and_no_record_changes(data: Path, tmp_path: Path):
    own, out = tmp_path / "set", tmp_path / "out"
    shutil.copytree(data, own)
    asked = tiny(own, "arms=scratch", "label_counts=4", "seeds=1")
    begun = run_benchmark(out, asked, command="x")
    assert run_benchmark(out, asked, command="x", resume=True).rows == begun.rows
    before = {f: f.read_bytes() for f in out.rglob("*") if f.is_file()}
    labels = (own / "labels.csv").read_text()
    (own / "labels.csv").write_text(labels.replace("A", "Z"))
    with pytest.raises(UserError, match=r"started with other data \(changed: labels, charset\)"):
        run_benchmark(out, asked, command="x", resume=True)
    (own / "labels.csv").write_text(labels)
    pixels = np.load(own / "images.npy")
    np.save(own / "images.npy", 255 - pixels)
    with pytest.raises(UserError, match=r"started with other data \(changed: pixels\)"):
        run_benchmark(out, asked, command="x", resume=True)
    assert {f: f.read_bytes() for f in out.rglob("*") if f.is_file()} == before
