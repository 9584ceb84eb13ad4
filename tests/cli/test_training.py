"""pretrain and finetune as a user runs them."""

from __future__ import annotations

import json
import subprocess
import tomllib
from pathlib import Path

import pytest

from tests.warm.program import run_warm as run

pytestmark = pytest.mark.slow

FAST = ("--device", "cpu", "--quiet")


def error_line(done: subprocess.CompletedProcess[str]) -> str:
    """The one line of a usage error, checked to be that."""
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("captcha-ssl: error: ")
    return line


@pytest.fixture(scope="module")
def pile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("data") / "pile"
    done = run("generate", out, "--count", 40, "--style", "fast", "--charset", "0123456789", "-q")
    assert done.returncode == 0, done.stderr
    return out


@pytest.fixture(scope="module")
def pretrained(pile: Path) -> Path:
    out = pile.parent / "pretrained"
    short = ("--steps", 3, "--batch-size", 8, *FAST)
    # From scratch: one that starts from the shipped model reads after three steps.
    done = run("pretrain", pile, "--out", out, "--init-from", "none", *short)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(out / "model.safetensors")
    assert done.stderr == ""
    return out


def test_a_run_directory_is_readable_by_a_person(pretrained: Path) -> None:
    config = tomllib.loads((pretrained / "config.toml").read_text())
    assert (config["method"], config["steps"], config["temperature"]) == ("simclr", 3, 0.1)
    (row,) = map(json.loads, (pretrained / "metrics.jsonl").read_text().splitlines())
    assert row["step"] == 3
    assert row["loss"] > 0


def test_an_encoder_is_monitored_and_probed_on_the_labels(pile: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    done = run(
        "pretrain",
        pile,
        "--out",
        out,
        "--steps",
        4,
        "--batch-size",
        8,
        "--probe",
        pile,
        "--set",
        "log_every=1",
        "--set",
        "monitor_every=2",
        "--device",
        "cpu",
        "--encoder",
        "tiny",
    )
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    looked = [row["step"] for row in rows if "effective_rank" in row and "probe_cer" in row]
    assert looked == [2, 4]
    assert "starts from scratch: the shipped model has encoder small" in done.stderr
    assert "encoder: effective rank" in done.stderr.splitlines()[-1]
    assert "frozen, it reads" in done.stderr.splitlines()[-1]


def test_finetune_starts_from_a_pretrained_run_and_evaluate_and_predict_use_the_result(
    pile: Path, pretrained: Path, tmp_path: Path
) -> None:
    out = tmp_path / "reader"
    done = run(
        "finetune",
        pile,
        "--init-from",
        pretrained,
        "--out",
        out,
        "--steps",
        3,
        "--labels",
        20,
        "--validation",
        0.25,
        "--device",
        "cpu",
    )
    assert done.returncode == 0, done.stderr
    assert "never left the CTC plateau" in done.stderr
    assert "trained on 20 labels" in done.stderr
    assert "on 10 held out" in done.stderr
    judged = run("evaluate", out, pile, "--format", "json", *FAST)
    assert json.loads(judged.stdout)["n"] == 40


def test_finetune_self_trains_on_a_pile_and_resumes(pile: Path, tmp_path: Path) -> None:
    out = tmp_path / "reader"
    asked = ("finetune", pile, "--out", out, "--labels", 20, "--unlabeled", pile, "--steps", 3)
    asked += ("--init-from", "none")
    done = run(*asked, "--set", "confidence=0", *FAST)
    assert done.returncode == 0, done.stderr
    (row,) = map(json.loads, (out / "metrics.jsonl").read_text().splitlines())
    assert 0 < row["accepted"] <= 1
    assert row["loss"] >= row["labeled_loss"] > 0
    before = (out / "model.safetensors").read_bytes()
    assert "started with other settings (confidence)" in error_line(run(*asked, "--resume", *FAST))
    assert run(*asked, "--set", "confidence=0", "--resume", *FAST).returncode == 0
    assert (out / "model.safetensors").read_bytes() == before
    lost = run(*asked[:3], tmp_path / "other", "--unlabeled", tmp_path / "none", *FAST)
    assert "none: no such file or folder" in error_line(lost)
    assert not (tmp_path / "other").exists()


def test_a_pile_that_has_taught_nothing_is_named(pile: Path, tmp_path: Path) -> None:
    asked = ("finetune", pile, "--unlabeled", pile, "--init-from", "shipped", "--steps", 2, *FAST)
    said = run(*asked, "--out", tmp_path / "none", "--set", "confidence=1").stderr
    assert "warning: at the end 0% of the unlabeled images were read surely" in said
    done = run(*asked, "--out", tmp_path / "all", "--set", "confidence=0")
    assert (done.returncode, done.stderr) == (0, "")


def test_the_printed_configuration_is_read_back_to_the_same(tmp_path: Path) -> None:
    for command in ("pretrain", "finetune"):
        printed = run(command, "data", "--print-config", "--steps", 7, "--set", "rotation=5")
        assert printed.returncode == 0, printed.stderr
        file = tmp_path / f"{command}.toml"
        file.write_text(printed.stdout)
        again = run(command, "data", "--print-config", "--config", file)
        assert again.stdout == printed.stdout
        assert "rotation = 5.0" in printed.stdout


def test_flags_win_over_set_and_set_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text("lr = 0.1\nseed = 5\nbatch_size = 7\n")
    done = run(
        "finetune",
        "data",
        "--print-config",
        "--config",
        file,
        "--set",
        "lr=0.2",
        "--set",
        "seed=6",
        "--lr",
        "0.3",
    )
    config = tomllib.loads(done.stdout)
    assert (config["lr"], config["seed"], config["batch_size"]) == (0.3, 6, 7)


def test_resuming_a_finished_run_leaves_its_model_as_it_is(pile: Path, pretrained: Path) -> None:
    before = (pretrained / "model.safetensors").read_bytes()
    same = ("pretrain", pile, "--out", pretrained, "--steps", 3, "--batch-size", 8)
    assert "already holds something" in error_line(run(*same, *FAST))
    assert run(*same, "--resume", *FAST).returncode == 0
    assert (pretrained / "model.safetensors").read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--method", "simlcr"), "did you mean 'simclr'"),
        (("--set", "temprature=1"), "did you mean 'temperature'"),
        (("--set", "temperature=cold"), "expected a number"),
        (("--set", "temperature"), "key=value"),
        (("--set", "temperature=nan"), "expected a finite number"),
        (("--config", "absent.toml"), "absent.toml: cannot be read"),
        (("--instances", "crops"), "did you mean 'crop'"),
        (("--device", "cuda:77"), "CUDA devices here"),
        (("--device", "cuad"), "--device: device = 'cuad' is not known; did you mean 'cuda'?"),
        (("--batch-size", "4000"), "do not fill a batch"),
        (("--init-from", "absent"), "no model here"),
    ],
)
def test_mistakes_are_one_line_and_leave_nothing(
    pile: Path, tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    out = tmp_path / "run"
    few = ("--batch-size", 8)
    assert said in error_line(run("pretrain", pile, "--out", out, "-q", *few, *arguments))
    assert not out.exists()


def test_finetune_needs_labels_and_an_encoder_that_fits(
    pile: Path, pretrained: Path, tmp_path: Path
) -> None:
    out = ("--out", tmp_path / "run", "-q")
    assert "missing option --out" in error_line(run("finetune", pile))
    assert "no such" in error_line(run("finetune", tmp_path / "none", *out)).lower()
    small = run("finetune", pile, "--init-from", pretrained, "--encoder", "small", *out)
    assert "not 'small'" in error_line(small)
    high = run("finetune", pile, "--init-from", pretrained, "--set", "height=64", *out)
    assert "not with height 64; leave height out" in error_line(high)
    tiny = run("finetune", pile, "--init-from", "shipped", "--encoder", "tiny", *out)
    assert "the shipped model has encoder small, not tiny" in error_line(tiny)
    few = run("finetune", pile, "--labels", 500, *out)
    assert "500" in error_line(few)


def test_a_folder_in_use_is_refused_before_any_start_is_tried(pile: Path, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "file").touch()
    # One line, also without --quiet: nothing was compared or loaded.
    line = error_line(run("finetune", pile, "--out", tmp_path / "run", "--device", "cpu"))
    assert line.endswith("already holds something; choose another --out or --resume it")
