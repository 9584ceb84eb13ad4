"""The measurements for a GPU, as far as a CPU can take them."""

from __future__ import annotations

import copy
import importlib.util
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from benchmarks.gpu.correctness import agrees, compare
from benchmarks.gpu.method_step import build, method_errors, noise
from benchmarks.gpu.random_numbers import RandomOnTheCpu
from benchmarks.gpu.record import Part, Record
from benchmarks.gpu.sizes import SMALL
from benchmarks.gpu.steps import CASE, STEPS, measure, run_limited
from captcha_ssl.methods.registry import METHODS

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


def gpu_sh(out: Path, *arguments: str, python: str = sys.executable) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of `bash benchmarks/gpu.sh`."""
    environment = {**os.environ, "OUT": str(out), "PYTHON": python, "VENV": str(out / "venv")}
    command = ["bash", "benchmarks/gpu.sh", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder and the table of a run with --small.

    The script measures what is missing: one step, in its own process as on a GPU. The others
    are measured here, without seven imports of torch.
    """
    out, scratch = tmp_path_factory.mktemp("gpu"), tmp_path_factory.mktemp("scratch")
    for step in [step for step in STEPS if step != "throughput"]:
        measure(step, SMALL, Record.open(out / f"{step}-small.json"), scratch)
    code, table, said = gpu_sh(out, "--small")
    code_of_case, case, said_of_case = gpu_sh(out, "--small", "--case")
    assert code_of_case == 0, said_of_case + case
    assert "gain" in case
    assert code == 0, said + table
    return out, table


def test_every_step_leaves_its_figures(small: tuple[Path, str]) -> None:
    out, _ = small
    assert {file.name for file in out.iterdir()} == {
        *(f"{step}-small.json" for step in {**STEPS, **CASE}),
        "log.txt",
        "benchmark",
    }
    for step in STEPS:
        content = json.loads((out / f"{step}-small.json").read_text())
        assert content["finished"]
        assert not content["failed"]
        assert all(part["figures"] for part in content["parts"].values())


def test_the_table_has_one_row_for_each_figure(small: tuple[Path, str]) -> None:
    out, table = small
    header, *rows = table.splitlines()
    assert header.split() == ["what", "figure", "value", "unit"]
    parts = {
        name: part
        for step in STEPS
        for name, part in json.loads((out / f"{step}-small.json").read_text())["parts"].items()
    }
    assert len(rows) == sum(len(part["figures"]) for part in parts.values())
    throughput = next(row for row in rows if re.search("fp32, eager +throughput", row))
    assert throughput.endswith("images/s")


def test_all_methods_and_losses_agree_between_kernels_of_the_cpu(small: tuple[Path, str]) -> None:
    agreed = [row.split()[-3:] for row in small[1].splitlines() if "agree with" in row]
    assert len(agreed) == 2
    assert all(count == total for count, _, total in agreed)


def test_finished_steps_are_not_repeated(small: tuple[Path, str]) -> None:
    out, table = small
    before = {file: file.stat().st_mtime_ns for file in out.iterdir()}
    code, again, said = gpu_sh(out, "--small")
    assert (code, again) == (0, table)
    assert said.count("was done before") == len(STEPS)
    assert {file: file.stat().st_mtime_ns for file in out.iterdir()} == before


def test_missing_packages_are_one_line(tmp_path: Path) -> None:
    bare = tmp_path / "python"
    bare.write_text(f'#!/bin/sh\n[ "$1" = -m ] && exit 1\nexec {sys.executable} -S "$@"\n')
    bare.chmod(0o755)
    code, table, said = gpu_sh(tmp_path / "out", "--small", python=str(bare))
    assert code == 2
    assert table == ""
    last = said.splitlines()[-1]
    assert last.startswith("gpu.sh: missing: ")
    assert " torch " in last


def test_a_folder_without_wheels_is_one_line(tmp_path: Path) -> None:
    bare = tmp_path / "python"
    bare.write_text(f'#!/bin/sh\nexec {sys.executable} -S "$@"\n')
    bare.chmod(0o755)
    environment = {**os.environ, "WHEELS": str(tmp_path), "PYTHON": str(bare)}
    command = ["bash", "benchmarks/gpu.sh", "--small"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith(f"gpu.sh: no wheels in {tmp_path}; missing: ")


def test_without_lightly_its_step_is_skipped_in_one_line(small: tuple[Path, str]) -> None:
    (row,) = (row for row in small[1].splitlines() if row.startswith("lightly"))
    if importlib.util.find_spec("lightly") is None:
        assert "skipped" in row and "not installed" in row
    else:
        assert row.endswith("images/s")


def test_the_limits_fit_a_short_lease() -> None:
    assert sum(STEPS.values()) < 300
    assert sum(CASE.values()) < 540


def test_a_step_that_takes_too_long_is_ended_with_its_children(tmp_path: Path) -> None:
    alive = tmp_path / "alive"
    command = ["bash", "-c", f"(while sleep 0.05; do touch {alive}; done) & wait"]
    assert run_limited(command, 0.3, tmp_path / "log.txt") == "not done within 0.3 s"
    alive.unlink(missing_ok=True)
    time.sleep(0.2)
    assert not alive.exists()


def test_a_failing_step_reports_its_last_line(tmp_path: Path) -> None:
    said = run_limited(["bash", "-c", "echo no memory; exit 3"], 5, tmp_path / "log.txt")
    assert said == "ended with 3: no memory"


def test_a_failing_part_stops_no_other_and_is_retried(tmp_path: Path) -> None:
    def fail() -> Part:
        raise MemoryError("too large")

    measured: list[int] = []

    def measure() -> Part:
        measured.append(1)
        return Part({"speed": (float("nan"), "images/s")})

    file = tmp_path / "step.json"
    Record.open(file).complete({"one": fail, "two": measure})
    stored = Record.open(file)
    assert not stored.finished
    assert stored.rows() == [
        ("two", "speed", "nan", "images/s"),
        ("one", "failed", "MemoryError: too large", ""),
    ]
    stored.complete({"one": measure, "two": measure})
    assert Record.open(file).finished
    assert len(measured) == 2


@pytest.mark.filterwarnings("ignore:TF32 acceleration")  # of switching oneDNN off and on
def test_a_weight_that_is_off_by_a_hundredth_is_noticed() -> None:
    method, images = build("simclr"), noise("simclr", 4)
    other = copy.deepcopy(method)
    other.encoder.fold.weight.data[..., 0] *= 1.01
    errors = method_errors(method, other, images)
    assert errors["gradients"] > 1e-3
    assert not agrees(errors)


def test_nan_and_an_exception_count_as_disagreement() -> None:
    def errors(name: str) -> dict[str, float]:
        if name == "broken":
            raise RuntimeError("no kernel")
        return {"loss": 0.0, "gradients": float("nan") if name == "nan" else 1e-6}

    part = compare(["good", "nan", "broken"], errors)
    assert part.figures["agree with the CPU"][0] == "1 of 3, not nan, not broken"
    assert part.details["errors"]["broken"] == {"why": "RuntimeError: no kernel"}


class _Draws(TorchDispatchMode):
    """Notes the random operations that are not drawn for every device."""

    def __init__(self, common: RandomOnTheCpu) -> None:
        super().__init__()
        self.common, self.own = common, set[str]()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if torch.Tag.nondeterministic_seeded in func.tags and not self.common.drawing:
            self.own.add(func._schema.name)
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("name", METHODS)
def test_every_random_number_of_a_step_is_drawn_on_the_cpu(name: str) -> None:
    method, images = build(name), noise(name, 4)
    with RandomOnTheCpu() as common, _Draws(common) as draws:
        method(images, 0.25)["loss"].backward()
    assert not draws.own


def test_random_numbers_for_a_device_are_those_of_the_cpu() -> None:
    like = torch.empty(3, dtype=torch.float64)

    def draw(device: str | None) -> list[torch.Tensor]:
        torch.manual_seed(0)
        return [
            torch.rand(3, device=device),
            torch.randn(2, 2, device=device),
            torch.randint(9, (4,), device=device),
            torch.randperm(5, device=device),
            torch.empty(3, device=device).uniform_(-1, 1),
            torch.empty(3, device=device).normal_(0, 2),
        ]

    plain = draw(None)
    with RandomOnTheCpu():
        assert all(map(torch.equal, draw("cpu"), plain))
        assert all(map(torch.equal, draw(None), plain))
        assert [drawn.device.type for drawn in draw("meta")] == ["meta"] * 6
        assert torch.randn_like(like).dtype == torch.float64
        assert torch.randn_like(like.to("meta")).device.type == "meta"
    # Nothing was drawn by a generator of that device: the next number is the CPU's.
    torch.manual_seed(0)
    with RandomOnTheCpu():
        torch.rand(3, device="meta")
        following = torch.rand(1)
    torch.manual_seed(0)
    torch.rand(3)
    assert torch.equal(following, torch.rand(1))
