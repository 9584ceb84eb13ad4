from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from captcha_ssl.errors import UserError
from captcha_ssl.training.checkpoint import load_state, save_state


def _trained() -> tuple[torch.nn.Module, torch.optim.Optimizer]:
    torch.manual_seed(0)
    model = torch.nn.Linear(2, 2)
    optimizer = torch.optim.AdamW(model.parameters())
    model(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    return model, optimizer


RUNNING = {"count": torch.tensor(3), "sum.loss": torch.tensor(1.5)}


def test_a_state_is_the_same_bytes_every_time_it_is_saved(tmp_path: Path) -> None:
    model, optimizer = _trained()
    files = [tmp_path / f"{index}" for index in range(32)]
    for file in files:
        save_state(file, 7, model, optimizer, RUNNING)
    assert len({file.read_bytes() for file in files}) == 1


def test_a_state_is_read_back_as_it_was_saved(tmp_path: Path) -> None:
    model, optimizer = _trained()
    save_state(tmp_path / "state", 7, model, optimizer, RUNNING)
    other = torch.nn.Linear(2, 2)
    others = torch.optim.AdamW(other.parameters())
    assert load_state(tmp_path / "state", other, others) == (7, RUNNING)
    save_state(tmp_path / "again", 7, other, others, RUNNING)
    assert (tmp_path / "again").read_bytes() == (tmp_path / "state").read_bytes()


@pytest.mark.parametrize("ranks", [torch.ones(2), torch.tensor(float("inf")), torch.tensor(2)])
def test_a_wrong_number_of_ranks_is_damage(tmp_path: Path, ranks: torch.Tensor) -> None:
    model, optimizer = _trained()
    save_state(tmp_path / "state", 7, model, optimizer, RUNNING)
    tensors = load_file(tmp_path / "state")
    save_file({**tensors, "ranks": ranks}, tmp_path / "state", {"step": "7"})
    with pytest.raises(UserError, match="damaged"):
        load_state(tmp_path / "state", model, optimizer)
