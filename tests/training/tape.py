"""A recorder of steps for the CPU, as strict as a CUDA graph."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from benchmarks.operations import HostWait, Operations
from captcha_ssl.training import captured_step
from captcha_ssl.training.captured_step import Work


class Waits(Operations):
    """Notes the last operation that waits for the device, and goes on, as a GPU does."""

    why = ""

    def __init__(self) -> None:
        super().__init__(refuse=True)

    def _check(self, name: str, args: tuple[Any, ...]) -> None:
        try:
            super()._check(name, args)
        except HostWait as error:
            self.why = str(error)


class Tape(Operations):
    """Takes down every operation with its arguments, and does them again without Python.

    As of a graph: every number that Python passed is frozen, what was recorded had no effect yet,
    tensors from outside are read and written where they are, and an operation for whose result
    Python would wait is refused.
    """

    def __init__(self) -> None:
        super().__init__(refuse=True)
        self.log: list[tuple[Any, Any, Any, Any]] = []
        self.made: set[int] = set()
        self.before: dict[int, tuple[Tensor, Tensor]] = {}
        self.rehearsals = self.replays = 0
        self.result: Tensor | None = None

    def rehearse(self, work: Work) -> tuple[Tensor, str]:
        self.rehearsals += 1
        with Waits() as waits:
            return work(), waits.why

    def record(self, work: Work) -> Tensor:
        random = torch.get_rng_state()
        with self:
            self.result = work()
        for tensor, value in self.before.values():
            tensor.data.copy_(value)
        self.before = {}
        torch.set_rng_state(random)
        return self.result

    def replay(self) -> None:
        self.replays += 1
        now: dict[int, Tensor] = {}

        def current(value: Any) -> Any:
            return now.get(id(value), value) if isinstance(value, Tensor) else value

        with torch.no_grad():
            for function, args, kwargs, made in self.log:
                results = function(
                    *pytree.tree_map(current, args), **pytree.tree_map(current, kwargs)
                )
                old, new = pytree.tree_leaves(made), pytree.tree_leaves(results)
                for before, after in zip(old, new, strict=True):
                    if isinstance(before, Tensor) and id(before) in self.made:
                        now[id(before)] = after
            assert self.result is not None
            # A graph writes its results to the memory they had.
            self.result.copy_(now[id(self.result)])

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        for given, declared in zip(args, func._schema.arguments, strict=False):
            # Batch normalization does not declare what it writes.
            writes = declared.alias_info is not None and declared.alias_info.is_write
            if writes or declared.name in ("running_mean", "running_var"):
                for tensor in pytree.tree_leaves(given):
                    self._keep(tensor)
        made = super().__torch_dispatch__(func, types, args, kwargs)
        # Held, so that no later tensor gets the identity of one that is gone.
        self.log.append((func, args, kwargs, made))
        given_ids = {id(t) for t in pytree.tree_leaves((args, kwargs))}
        self.made |= {id(t) for t in pytree.tree_leaves(made) if id(t) not in given_ids}
        return made

    def _keep(self, tensor: Any) -> None:
        if isinstance(tensor, Tensor) and id(tensor) not in self.made | self.before.keys():
            self.before[id(tensor)] = (tensor, tensor.detach().clone())


def taped(monkeypatch: pytest.MonkeyPatch) -> list[Tape]:
    """A fixture: steps are recorded on tapes, as they are in graphs on a GPU. Those tapes."""
    made: list[Tape] = []

    def recorder_for(device: torch.device) -> Tape:
        made.append(Tape())
        return made[-1]

    monkeypatch.setattr(captured_step, "recorder_for", recorder_for)
    return made
