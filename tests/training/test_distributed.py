"""Several ranks learn what one does from the whole batch."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from captcha_ssl.data.writers import open_writer
from tests.training.ranks_script import CASES, ON_PIXELS

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
TORCHRUN = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")


def environment() -> dict[str, str]:
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "PATH": programs}


@pytest.fixture(scope="module")
def stepped(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """What two ranks came to, and what one process did."""
    two, one = tmp_path_factory.mktemp("two"), tmp_path_factory.mktemp("one")
    script = ("-m", "tests.training.ranks_script")
    for command in (
        [*TORCHRUN, *script, str(two)],
        [sys.executable, *script, str(one)],
    ):
        subprocess.run(command, cwd=ROOT, env=environment(), check=True)
    return two, one


@pytest.mark.parametrize(("size", "code"), [("2", 3), ("1", -signal.SIGABRT)])
def test_a_finished_rank_does_not_fail_at_interpreter_exit(size: str, code: int) -> None:
    """What the threads of a process group do to an interpreter that shuts down, made certain."""
    script = "import atexit, os; from captcha_ssl.launch import leave; atexit.register(os.abort)"
    done = subprocess.run(
        [sys.executable, "-c", f"{script}; print('read'); leave(3)"],
        env={**environment(), "TORCHELASTIC_RUN_ID": "1", "WORLD_SIZE": size},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert done.returncode == code
    if size == "2":
        assert done.stdout == "read\n"


@pytest.mark.parametrize("case", [*CASES, *ON_PIXELS])
def test_two_ranks_have_the_gradients_of_one_with_the_whole_batch(
    stepped: tuple[Path, Path], case: str
) -> None:
    two, one = stepped
    alone = load_file(one / f"{case}-0.safetensors")
    ranks = [load_file(two / f"{case}-{rank}.safetensors") for rank in (0, 1)]
    assert any(name.startswith("gradient") and ".encoder." in f".{name}" for name in alone)
    assert torch.stack([rank["loss"] for rank in ranks]).mean().item() == pytest.approx(
        alone["loss"].item(), rel=1e-5, abs=1e-6
    )
    # The losses compute in float32, whose rounding depends on the order of the sums.
    largest = max(t.abs().max() for name, t in alone.items() if name.startswith("gradient"))
    for rank in ranks:
        assert rank.keys() == alone.keys()
        for name, expected in alone.items():
            if name.startswith("gradient"):
                assert torch.allclose(rank[name], expected, rtol=1e-4, atol=1e-5 * largest), name
            elif name.startswith("buffer"):
                assert torch.allclose(rank[name], expected, rtol=1e-5, atol=1e-6), name


def test_keys_are_normalized_across_ranks_and_keep_their_order(
    stepped: tuple[Path, Path],
) -> None:
    found = [load_file(stepped[0] / f"shuffled-{rank}.safetensors") for rank in (0, 1)]
    drawn = torch.cat([rank["mine"] for rank in found]).flatten()
    assert sorted(drawn.tolist()) == list(range(8))
    assert any(value >= 4 for value in found[0]["mine"].flatten())
    for rank in found:
        assert rank["restored"].flatten().tolist() == [10.0 * row for row in range(8)]


def test_the_queue_is_the_same_on_all_ranks(stepped: tuple[Path, Path]) -> None:
    queues = [
        load_file(stepped[0] / f"moco-infonce-{rank}.safetensors")["buffer.queue"]
        for rank in (0, 1)
    ]
    assert torch.equal(*queues)


def test_an_interrupted_interval_is_logged_like_an_uninterrupted_one(
    stepped: tuple[Path, Path],
) -> None:
    """Means over the ranks are rounded once, however often the run was stopped."""
    for out in stepped:
        logged = [(out / run / "metrics.jsonl").read_text() for run in ("whole", "broken")]
        assert len(logged[0].splitlines()) == 2
        assert logged[0] == logged[1]


@pytest.fixture(scope="module")
def pile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("pile") / "pile"
    rng = np.random.default_rng(0)
    with open_writer(out, "packed", count=24, channels=1, height=32, width=48, about={}) as writer:
        for index in range(24):
            writer.add(index, rng.integers(0, 256, (1, 32, 48), np.uint8), "ab"[: 1 + index % 2])
    return out


def launched(pile: Path, out: Path, *more: str) -> list[str]:
    settings = ("--steps", "20", "--batch-size", "8", "--set", "checkpoint_every=5", *more)
    return [
        "bash",
        str(ROOT / "examples" / "torchrun.sh"),
        str(pile),
        str(out),
        "2",
        "--method",
        "moco",
        "--set",
        "queue=64",
        "--set",
        "log_every=5",
        *settings,
    ]


def files(run: Path) -> dict[str, bytes]:
    kept = ("model.safetensors", "metrics.jsonl", "state/state.safetensors", "config.toml")
    return {name: (run / name).read_bytes() for name in kept}


def test_a_stopped_run_of_two_ranks_continues_bit_for_bit(pile: Path, tmp_path: Path) -> None:
    whole = subprocess.run(
        launched(pile, tmp_path / "whole"), env=environment(), capture_output=True, text=True
    )
    assert whole.returncode == 0, whole.stderr
    assert whole.stdout == f"{tmp_path / 'whole' / 'model.safetensors'}\n"
    steps = [json.loads(line)["step"] for line in (tmp_path / "whole/metrics.jsonl").open()]
    assert steps == [5, 10, 15, 20]

    broken = tmp_path / "broken"
    process = subprocess.Popen(
        launched(pile, broken), env=environment(), stderr=subprocess.PIPE, start_new_session=True
    )
    while not (broken / "state" / "state.safetensors").exists():
        assert process.poll() is None
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGTERM)
    process.communicate(timeout=120)
    subprocess.run(launched(pile, broken, "--resume"), env=environment(), check=True)
    assert files(broken) == files(tmp_path / "whole")


def finetuning(pile: Path, out: Path) -> list[str]:
    """A self-training that holds its encoder still at first, and keeps its best weights."""
    return [
        "-m",
        "captcha_ssl",
        "finetune",
        str(pile),
        "--out",
        str(out),
        "--init-from",
        "none",
        "--unlabeled",
        str(pile),
        "--steps",
        "40",
        "--batch-size",
        "8",
        "--device",
        "cpu",
        "--validation",
        "0.25",
        "--patience",
        "50",
        "--encoder",
        "tiny",
        "--set",
        "freeze_first=0.2",
        "--set",
        "log_every=10",
        "--set",
        "checkpoint_every=10",
    ]


def free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port: int = bound.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def of_two_nodes(pile: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A fine-tuning that two nodes of one rank do together, and what each printed."""
    out = tmp_path_factory.mktemp("nodes") / "run"
    place = ("--rdzv-backend", "static", "--rdzv-endpoint", f"127.0.0.1:{free_port()}")
    nodes = [
        subprocess.Popen(
            [
                sys.executable,
                "-m",
                "torch.distributed.run",
                "--nnodes",
                "2",
                *place,
                "--node-rank",
                str(number),
                "--nproc-per-node",
                "1",
                *finetuning(pile, out),
            ],
            env=environment(),
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in (0, 1)
    ]
    printed = [node.communicate(timeout=300)[0] for node in nodes]
    assert [node.returncode for node in nodes] == [0, 0]
    return out, printed


def test_two_nodes_fine_tune_one_recognizer_and_one_of_them_writes_it(
    of_two_nodes: tuple[Path, list[str]],
) -> None:
    out, printed = of_two_nodes
    assert printed == [f"{out / 'model.safetensors'}\n", ""]
    assert (out / "model.onnx").exists()
    rows = [json.loads(line) for line in (out / "metrics.jsonl").open()]
    assert [row["step"] for row in rows] == list(range(10, 50, 10))
    assert all("held_out_cer" in row and "pile_loss" in row for row in rows)


@pytest.mark.skipif(not Path("/proc").exists(), reason="finds the rank to kill in /proc")
def test_a_killed_rank_is_restarted_and_all_continue_from_the_last_state(
    of_two_nodes: tuple[Path, list[str]], pile: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    launcher = subprocess.Popen(
        [*TORCHRUN, "--max-restarts", "1", *finetuning(pile, out)],
        env=environment(),
        stderr=subprocess.DEVNULL,
    )
    while not (out / "state" / "state.safetensors").exists():
        assert launcher.poll() is None
        time.sleep(0.005)
    os.kill(rank_of(launcher.pid, 1), signal.SIGKILL)
    assert launcher.wait(300) == 0
    began = re.findall(r"training from step (\d+)", (out / "log.txt").read_text())
    assert len(began) == 2 and began[0] == "0" and int(began[1]) >= 10
    assert files(out) == files(of_two_nodes[0])


def test_a_restart_does_not_change_what_the_first_attempt_refused(
    pile: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    few = ("--steps", "4", "--batch-size", "8", "--device", "cpu")
    one = [sys.executable, "-m", "captcha_ssl", "pretrain", str(pile), "--out", str(out), *few]
    assert subprocess.run(one, env=environment(), stderr=subprocess.DEVNULL).returncode == 0
    begun = files(out)
    again = [*TORCHRUN, "--max-restarts", "1", *one[1:]]
    failed = subprocess.run(again, env=environment(), capture_output=True, text=True)
    assert failed.returncode != 0
    assert failed.stderr.count("already holds something") >= 2
    assert files(out) == begun


def rank_of(launcher: int, number: int) -> int:
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            parent = process.joinpath("stat").read_text().rpartition(")")[2].split()[1]
            told = process.joinpath("environ").read_bytes().split(b"\0")
            if int(parent) == launcher and b"RANK=%d" % number in told:
                return int(process.name)
    raise AssertionError(f"no rank {number}")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--batch-size", "7"], "batch_size 7 cannot be divided among 2 ranks"),
        (["--method", "gan", "--set", "queue=64"], "unknown setting 'queue'"),
    ],
)
def test_an_error_on_every_rank_is_printed_once(
    pile: Path, tmp_path: Path, arguments: list[str], said: str
) -> None:
    command = launched(pile, tmp_path / "run", *arguments)
    failed = subprocess.run(command, env=environment(), capture_output=True, text=True)
    lines = re.findall(r"^captcha-ssl: error: .*$", failed.stderr, re.M)
    assert len(lines) == 1 and said in lines[0], failed.stderr
    assert not (tmp_path / "run").exists()


def test_commands_for_one_process_refuse_several_ranks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from captcha_ssl.cli.main import run

    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "0")
    assert run(["evaluate", "model", "data"]) == 2
    assert "start it without torchrun" in capsys.readouterr().err


def test_each_rank_renders_a_shard_in_its_own_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from captcha_ssl.cli.main import run

    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "1")
    assert run(["generate", str(tmp_path / "pile"), "--count", "5", "--style", "fast"]) == 0
    (written,) = tmp_path.iterdir()
    assert written.name == "pile-2-of-2"
    about = json.loads((written / "dataset.json").read_text())
    assert (about["first"], about["count"], about["shard"]) == (2, 3, "2/2")


def test_each_rank_has_its_own_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    from captcha_ssl.errors import UserError
    from captcha_ssl.training.device import resolve_device

    for name, value in (("TORCHELASTIC_RUN_ID", "1"), ("WORLD_SIZE", "3"), ("LOCAL_RANK", "1")):
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert resolve_device("cuda") == resolve_device("auto") == torch.device("cuda:1")
    with pytest.raises(UserError, match="give --device cuda"):
        resolve_device("cuda:0")
    monkeypatch.setenv("LOCAL_RANK", "2")
    with pytest.raises(UserError, match="2 CUDA devices here"):
        resolve_device("auto")


def test_variables_of_a_scheduler_are_not_those_of_torchrun(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from captcha_ssl.launch import ranks

    monkeypatch.delenv("TORCHELASTIC_RUN_ID", raising=False)
    monkeypatch.setenv("WORLD_SIZE", "8")
    assert ranks() == 1
