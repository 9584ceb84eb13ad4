"""The state of a run in one file, from which training continues bit for bit.

It needs no random state: each step uses a generator seeded by (seed, step).
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from captcha_ssl.atomic import atomic_write_bytes
from captcha_ssl.errors import UserError
from captcha_ssl.models.ranks import world_size
from captcha_ssl.training.origin import Origin
from captcha_ssl.training.state_data import WORD, told_in
from captcha_ssl.utf8_path import utf8_path

_NO_NUMBER = RuntimeError, OverflowError
"""What int raises of a tensor that holds several numbers, or an infinite one; JSON that is nested
too deep is a RuntimeError too."""
_DAMAGE = (
    SafetensorError,
    OSError,
    KeyError,
    TypeError,
    ValueError,
    AttributeError,
    *_NO_NUMBER,
)


def save_state(
    path: Path,
    step: int,
    task: nn.Module,
    optimizer: torch.optim.Optimizer,
    running: dict[str, Tensor],
    origin: Origin | None = None,
) -> None:
    """Write the state after `step` finished steps: weights, buffers, optimizer, running sums.

    It contains `origin`, for `read_origin`. Raises OSError.
    """
    tensors = {f"task.{k}": v for k, v in task.state_dict().items()}
    tensors |= {f"running.{k}": v for k, v in running.items()}
    for index, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{k}": torch.as_tensor(v) for k, v in state.items()}
    tensors["ranks"] = torch.tensor(world_size())
    plain = {k: v.detach().cpu().contiguous().clone() for k, v in tensors.items()}
    told = {"step": step, **asdict(origin or Origin())}
    # One key: safetensors writes several keys in random order, and equal runs must give equal
    # bytes.
    atomic_write_bytes(path, save(plain, {WORD: json.dumps(told)}))


def read_origin(path: Path) -> Origin:
    """The origin of the state at `path`. Raises UserError if the file is damaged."""
    try:
        with utf8_path(path) as plain, safe_open(plain, framework="pt") as opened:
            told = told_in(opened.metadata())
        data, arithmetic = told.get("data", {}), told.get("arithmetic", {})
        for name, text in [*data.items(), *arithmetic.items()]:
            if not isinstance(name, str) or not isinstance(text, str):
                raise ValueError(f"{name} is not a text")
    except _DAMAGE as error:
        raise _damaged(path, error) from error
    return Origin(data, arithmetic)


def _damaged(path: Path, error: Exception) -> UserError:
    return UserError(f"{path}: the saved state is damaged ({error}); start again")


def load_state(
    path: Path, task: nn.Module, optimizer: torch.optim.Optimizer
) -> tuple[int, dict[str, Tensor]]:
    """Restore what `save_state` wrote; return the finished steps and the running sums.

    Raises UserError when the file is damaged or belongs to another architecture.
    """
    try:
        with utf8_path(path) as plain, safe_open(plain, framework="pt") as opened:
            step = int(told_in(opened.metadata())["step"])
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
        # An earlier version stored one scalar for all ranks.
        ranks = int(tensors.get("ranks", 1))
        running = _below("running.", tensors)
        sizes = {name: total.numel() for name, total in running.items()}
        if step < 0 or sizes.pop("count", 0) != 1 or set(sizes.values()) - {ranks}:
            raise ValueError("fields are missing")
    except _DAMAGE as error:
        raise _damaged(path, error) from error
    try:
        task.load_state_dict(_below("task.", tensors))
        _restore_optimizer(optimizer, _below("optimizer.", tensors))
    except (RuntimeError, ValueError, IndexError, KeyError) as error:
        raise UserError(f"{path}: the saved state is of another architecture") from error
    return step, running


def _restore_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        index, _, key = name.partition(".")
        state.setdefault(int(index), {})[key] = _laid_out_like(parameters[int(index)], tensor)
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": state, "param_groups": groups})


def _laid_out_like(parameter: Tensor, tensor: Tensor) -> Tensor:
    # The fused optimizer goes through raw memory: a channels_last weight needs channels_last
    # moments.
    return torch.empty_like(parameter).copy_(tensor) if tensor.ndim else tensor


def _below(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
