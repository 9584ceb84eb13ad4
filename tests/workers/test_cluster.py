"""Jobs on a Dask cluster give what they give on this machine, also when a worker is killed."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from captcha_ssl.cli.main import run
from captcha_ssl.errors import UserError
from captcha_ssl.notice import Say
from captcha_ssl.workers.choice import choose_workers
from captcha_ssl.workers.cluster import on_cluster

distributed = pytest.importorskip("distributed", reason="the extra cluster is not installed")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """The address of a cluster of two worker processes on this machine."""
    from distributed import LocalCluster

    # Jobs of this module are looked up by its name.
    os.environ["PYTHONPATH"] = str(Path(__file__).parents[2])
    with LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        host="127.0.0.1",
        dashboard_address=None,
        memory_limit=0,
    ) as cluster:
        cluster.wait_for_workers(2)
        yield cluster.scheduler_address


def _squared(number: int, say: Say) -> int:
    say(f"at {number}")
    return number * number


def _die_once(folder: Path, number: int, say: Say) -> int:
    """Kill the worker at the third task, the first time it runs."""
    mark = folder / "died"
    if number == 3 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number * number


def _refuse(number: int, say: Say) -> int:
    raise UserError("three is too many")


def test_results_and_lines_are_those_of_this_process(address: str) -> None:
    said: list[str] = []
    with on_cluster(address):
        crew = choose_workers(1, setting="workers", prepare=int)
        assert list(crew.each(_squared, range(9), say=said.append)) == [n * n for n in range(9)]
        found = list(crew.each(_squared, range(9), ordered=False))
        assert sorted(found) == [n * n for n in range(9)]
        # Lines travel beside the results.
        until = time.monotonic() + 20
        while len(said) < 9 and time.monotonic() < until:
            list(crew.each(_squared, range(2), say=said.append))
    assert {f"at {n}" for n in range(9)} >= set(said) and said


def test_the_task_of_a_killed_worker_runs_again(address: str, tmp_path: Path) -> None:
    from functools import partial

    with on_cluster(address):
        crew = choose_workers(1, setting="workers", prepare=int)
        found = list(crew.each(partial(_die_once, tmp_path), range(8)))
    assert (tmp_path / "died").exists()
    assert found == [n * n for n in range(8)]


def test_an_error_of_a_task_is_raised_here(address: str) -> None:
    with on_cluster(address), pytest.raises(UserError, match="three is too many"):
        list(choose_workers(1, setting="workers", prepare=int).each(_refuse, range(3)))


def test_a_cluster_renders_the_same_bytes_as_this_machine(address: str, tmp_path: Path) -> None:
    ask = ("--count", "200", "--style", "fast", "--workers", "1", "--quiet")
    assert run(["generate", str(tmp_path / "here"), *ask]) == 0
    assert run(["generate", str(tmp_path / "there"), *ask, "--cluster", address]) == 0
    here, there = (
        {f.name: f.read_bytes() for f in (tmp_path / name).iterdir()} for name in ("here", "there")
    )
    assert here == there


def test_a_cluster_reads_the_same_texts_as_this_machine(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pile = tmp_path / "pile"
    ask = ("--count", "50", "--style", "fast", "--format", "folder", "--quiet", "--workers", "1")
    assert run(["generate", str(pile), *ask]) == 0
    (pile / "damaged.png").write_bytes(b"no picture")
    monkeypatch.setattr("captcha_ssl.recognition.reading.parts._PART", 2)
    monkeypatch.chdir(tmp_path)
    Path("list.txt").write_text("pile/damaged.png\npile\n")
    read = ("predict", "pile", "@list.txt", "--batch-size", "4", "-q")
    assert run([*read, "--out", "here.jsonl"]) == 1
    assert run([*read, "--out", "there.jsonl", "--cluster", address]) == 1
    assert Path("there.jsonl").read_bytes() == Path("here.jsonl").read_bytes()


def test_a_benchmark_on_a_cluster_trains_the_same_models_as_on_this_machine(
    address: str, tmp_path: Path
) -> None:
    sizes = ("unlabeled=160", "test=40", "finetune_steps=3", "pretrain_steps=2", "style=fast")
    more = ("pretrain_batch_size=16", "encoder=tiny", "precision=fp32", "processes=2")
    ask = ("benchmark", "--arms", "scratch,simclr", "--label-counts", "20", "--seeds", "1", "-q")
    ask += ("--device", "cpu", *(word for pair in (*sizes, *more) for word in ("--set", pair)))
    assert run([*ask, "--out", str(tmp_path / "here")]) == 0
    assert run([*ask, "--out", str(tmp_path / "there"), "--cluster", address]) == 0
    here, there = (
        {f.relative_to(tmp_path / out): f.read_bytes() for f in (tmp_path / out).rglob("model.*")}
        for out in ("here", "there")
    )
    assert len(here) == 3 and here == there


def test_an_address_without_a_scheduler_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("captcha_ssl.workers.cluster._PATIENCE", 1)
    ask = ("--count", "2", "--cluster", "tcp://127.0.0.1:9")
    assert run(["generate", str(tmp_path / "pile"), *ask]) == 2
    assert "no Dask scheduler answers there" in capsys.readouterr().err
    assert not (tmp_path / "pile").exists()


def test_a_reading_that_was_broken_off_is_continued_on_a_cluster(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = ("--count", "30", "--style", "fast", "--format", "folder", "--quiet", "--workers", "1")
    assert run(["generate", str(tmp_path / "pile"), *ask]) == 0
    monkeypatch.setattr("captcha_ssl.recognition.reading.parts._PART", 2)
    monkeypatch.chdir(tmp_path)
    read = ("predict", "pile", "--batch-size", "4", "--no-adapt", "-q")
    assert run([*read, "--out", "here.jsonl"]) == 0
    whole = Path("here.jsonl").read_bytes()
    rows = whole.splitlines(keepends=True)
    Path("there.jsonl").write_bytes(b"".join(rows[:13]) + rows[13][:9])
    # What has a row already would be an error if it were read again.
    for image in sorted(Path("pile").rglob("*.png"))[:13]:
        image.write_bytes(b"no picture")
    assert run([*read, "--out", "there.jsonl", "--resume", "--cluster", address]) == 0
    assert Path("there.jsonl").read_bytes() == whole
    # Nothing is left to read, and that is no error either.
    assert run([*read, "--out", "there.jsonl", "--resume", "--cluster", address]) == 0
    assert Path("there.jsonl").read_bytes() == whole


def test_a_search_on_a_cluster_scores_recipes_as_on_this_machine(
    address: str, tmp_path: Path
) -> None:
    pytest.importorskip("optuna", reason="needs the extra tune")
    from captcha_ssl.tuning.study import JOURNAL

    ask = ("--count", "40", "--length", "2", "--charset", "ABC", "--channels", "1", "--quiet")
    assert run(["generate", str(tmp_path / "pile"), *ask, "--workers", "1"]) == 0
    tiny = ("--methods", "simclr", "--only", "finetune.lr", "--device", "cpu", "--trials", "2")
    more = ("--pretrain-steps", "2", "--finetune-steps", "2", "--set", "rungs=1", "--quiet")
    search = ("tune", str(tmp_path / "pile"), *tiny, *more, "--set", "folds=1", "--jobs", "2")

    def scores(out: Path, *where: str) -> list[tuple[int, list[int]]]:
        assert run([*search, "--out", str(out), *where]) == 0
        rows = [json.loads(line).get("user_attr", {}) for line in (out / JOURNAL).open()]
        values = [value for row in rows for value in row.values()]
        found = [value for value in values if isinstance(value, dict) and "errors" in value]
        return sorted((outcome["number"], outcome["errors"]) for outcome in found)

    there = scores(tmp_path / "there", "--cluster", address)
    assert len(there) == 2 and there == scores(tmp_path / "here")
