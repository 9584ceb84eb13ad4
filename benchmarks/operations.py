"""The number of operations that a training step dispatches, by method and by part of the step.

    python -m benchmarks.operations [--methods simclr moco …] [--batch 16] [--kinds simclr]

On a GPU each of them is a kernel or more, and Python pays some microseconds for each; so the count,
which a CPU gives as well, shows how long the GPU waits. Views of memory, which compute nothing, are
not counted. What differs by device is counted as on a GPU. `--kinds` lists the operations of
one method.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from benchmarks.gpu.method_step import build, noise
from captcha_ssl.methods.registry import METHODS
from captcha_ssl.models.parameters import parameter_groups
from captcha_ssl.training.optimizer import build_optimizer
from captcha_ssl.views import thickness

PARTS = ("forward", "backward", "rest")
"""Views, encoder and loss; their gradients; clipping, the optimizer and what follows it."""

_WAITING = {
    "aten::_local_scalar_dense",
    "aten::nonzero",
    "aten::masked_select",
    "aten::item",
    "aten::unique_dim",
    "aten::_unique2",
    "aten::equal",
    "aten::is_nonzero",
    "aten::bincount",
    "aten::repeat_interleave.Tensor",
    "aten::histc",
    "aten::_linalg_check_errors",
}


_FREE = {
    "aten::detach",
    "aten::_unsafe_view",
    "aten::empty",
    "aten::empty_like",
    "aten::alias",
    "profiler::_record_function_enter_new",
    "profiler::_record_function_exit",
}
"""Operations that compute nothing."""


class HostWait(RuntimeError):
    """An operation for whose result Python would wait on a GPU."""


class Operations(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts dispatched operations by name, and refuses those that wait for the device.

    That is: a number read from a tensor, a shape that depends on the data, an index by booleans,
    and a new tensor of several numbers from Python. A single number travels with its kernel.
    """

    def __init__(self, *, refuse: bool = False) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.counts: Counter[str] = Counter()
        self.refuse = refuse

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        schema = func._schema
        if self.refuse:
            self._check(schema.name, args)
        if not func.is_view and schema.name not in _FREE:
            self.counts[schema.name] += 1
        return func(*args, **(kwargs or {}))

    def _check(self, name: str, args: tuple[Any, ...]) -> None:
        if name in _WAITING:
            raise HostWait(f"{name} waits for the device")
        if name == "aten::lift_fresh" and args[0].numel() > 1:
            raise HostWait("sending numbers of Python to the device waits for it")
        if name in ("aten::index", "aten::index_put", "aten::index_put_", "aten::_index_put_impl_"):
            for index in args[1]:
                if isinstance(index, Tensor) and index.dtype in (torch.bool, torch.uint8):
                    raise HostWait(f"{name} by booleans has a shape that depends on the data")

    @property
    def total(self) -> int:
        """All operations so far."""
        return sum(self.counts.values())


def step_operations(
    name: str, batch: int, *, refuse: bool = False, one_pass: bool = False
) -> dict[str, Counter[str]]:
    """The operations of each part of one training step of a method in bfloat16.

    Raises HostWait where the step would wait for a device.
    """
    method, images = build(name), noise(name, batch)
    if one_pass and hasattr(method, "one_pass"):
        cast(Any, method).one_pass = True
    optimizer = build_optimizer(parameter_groups(method, 1e-3, 0.05))
    with as_on_a_gpu():
        # The first step makes the state of the optimizer, and sends constants to the device.
        _step(method, images, optimizer, refuse=False)
        return _step(method, images, optimizer, refuse=refuse)


def _step(
    method: nn.Module, images: Tensor, optimizer: torch.optim.Optimizer, *, refuse: bool
) -> dict[str, Counter[str]]:
    task: Any = method
    parts = [Operations(refuse=refuse) for _ in PARTS]
    with parts[0], torch.autocast("cpu", torch.bfloat16):
        loss = task(images, 0.5)["loss"]
    optimizer.zero_grad(set_to_none=True)
    with parts[1]:
        loss.backward()
    with parts[2]:
        nn.utils.clip_grad_norm_(method.parameters(), 5.0)
        optimizer.step()
        task.after_step(0.5)
    return {part: counted.counts for part, counted in zip(PARTS, parts, strict=True)}


@contextmanager
def as_on_a_gpu() -> Iterator[None]:
    """InfoNCE in one tile, and pooling by torch."""
    infonce: Any = import_module("captcha_ssl.losses.infonce")
    before = infonce.tile_side, thickness.pools
    infonce.tile_side, thickness.pools = lambda device: 1 << 20, lambda device: True
    try:
        yield
    finally:
        infonce.tile_side, thickness.pools = before


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=METHODS)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--kinds", choices=METHODS)
    parser.add_argument("--one-pass", action="store_true", help="both views in one pass")
    asked = parser.parse_args()
    if asked.kinds:
        for part, kinds in step_operations(
            asked.kinds, asked.batch, one_pass=asked.one_pass
        ).items():
            print(f"{part}: {sum(kinds.values())}")
            for kind, count in kinds.most_common():
                print(f"  {count:4} {kind.removeprefix('aten::')}")
        return
    print("| method | " + " | ".join(PARTS) + " | all |")
    print("| --- |" + " ---: |" * (len(PARTS) + 1))
    for name in asked.methods:
        found = step_operations(name, asked.batch, one_pass=asked.one_pass)
        counts = [sum(part.values()) for part in found.values()]
        print(f"| {name} | " + " | ".join(map(str, [*counts, sum(counts)])) + " |", flush=True)


if __name__ == "__main__":
    main()
