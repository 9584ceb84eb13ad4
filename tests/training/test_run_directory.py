from __future__ import annotations

from pathlib import Path

import pytest
import torch

from captcha_ssl.errors import UserError
from captcha_ssl.training.checkpoint import load_state, save_state
from captcha_ssl.training.run_directory import RunDirectory, open_run


def test_a_run_never_starts_in_an_occupied_folder(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match="already holds something"):
        RunDirectory.create(tmp_path, "a = 1\n")
    assert [p.name for p in tmp_path.iterdir()] == ["notes.txt"]


def test_resuming_with_other_settings_is_refused_and_names_them(tmp_path: Path) -> None:
    RunDirectory.create(tmp_path / "run", "lr = 0.1\nsteps = 5\n")
    other = open_run(tmp_path / "run", "lr = 0.2\nsteps = 5\n", resume=True)
    with pytest.raises(UserError, match=r"other settings \(lr\)"), other:
        pass
    with open_run(tmp_path / "run", "lr = 0.1\nsteps = 5\n", resume=True) as run:
        assert run.path.name == "run"


def test_resuming_nothing_starts_a_run(tmp_path: Path) -> None:
    with open_run(tmp_path / "new", "lr = 0.1\n", resume=True) as run:
        assert (run.path / "config.toml").read_text() == "lr = 0.1\n"


def test_a_folder_in_use_is_refused_until_its_process_ends(tmp_path: Path) -> None:
    with open_run(tmp_path / "run", "", resume=False):
        second = open_run(tmp_path / "run", "", resume=True)
        with pytest.raises(UserError, match=r"run: another process uses .* another --out"):
            second.__enter__()
    with open_run(tmp_path / "run", "", resume=True) as run:
        assert run.path == tmp_path / "run"


def test_a_run_killed_while_it_was_created_is_started_by_resume(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / ".config.toml.0123abcd.partial").write_text("lr =")
    with open_run(tmp_path / "run", "lr = 0.1\n", resume=True) as run:
        assert [file.name for file in run.path.iterdir()] == ["config.toml"]


def test_a_truncated_line_of_metrics_is_dropped(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path / "run", "")
    run.metric(10, {"loss": 1.0})
    with (run.path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 20, "lo')
    assert [row["step"] for row in run.metrics()] == [10]
    run.forget_after(10)
    run.metric(20, {"loss": 0.5})
    assert [row["step"] for row in run.metrics()] == [10, 20]


def test_metrics_after_the_saved_step_are_dropped(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path / "run", "")
    for step in (10, 20, 30):
        run.metric(step, {"loss": 1 / step})
    run.forget_after(20)
    assert [row["step"] for row in run.metrics()] == [10, 20]


def test_a_damaged_state_is_named(tmp_path: Path) -> None:
    model = torch.nn.Linear(2, 2)
    optimizer = torch.optim.AdamW(model.parameters())
    path = tmp_path / "state.safetensors"
    save_state(path, 3, model, optimizer, {"count": torch.tensor(0)})
    assert load_state(path, model, optimizer)[0] == 3
    with pytest.raises(UserError, match="another architecture"):
        load_state(path, torch.nn.Linear(3, 2), optimizer)
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(UserError, match="damaged"):
        load_state(path, model, optimizer)
