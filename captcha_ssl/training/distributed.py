"""Data parallelism: one training on all ranks that torchrun started."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from captcha_ssl import launch
from captcha_ssl.errors import UserError
from captcha_ssl.models.ranks import world_size
from captcha_ssl.models.synced_norm import synchronize_norms
from captcha_ssl.models.task import Task

Begun = TypeVar("Begun")


@contextmanager
def rank_group() -> Iterator[None]:
    """Join the other ranks, if there are any and this process has not joined them already.

    Raises UserError when one of them dies.
    """
    if launch.ranks() == 1 or world_size() > 1:
        yield
        return
    if launch.local_rank() < torch.cuda.device_count():
        torch.cuda.set_device(launch.local_rank())
    # Gloo beside NCCL: agreements between steps need not wait for a GPU.
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    try:
        store, rank, size = next(dist.rendezvous("env://"))  # type: ignore[attr-defined]
        # After a restart the launcher's store still has the addresses of the lost processes.
        store = dist.PrefixStore(launch.attempt(), store)  # type: ignore[attr-defined]
        dist.init_process_group(backend, store=store, rank=rank, world_size=size)
        yield
    except RuntimeError as error:
        if not _lost(error):
            raise
        raise UserError("another rank has died; start all of them again with --resume") from error
    finally:
        if dist.is_initialized():
            dist.destroy_process_group()


def _lost(error: RuntimeError) -> bool:
    told = str(error)
    return any(sign in told for sign in ("Connection closed", "Connection reset", "gloo", "NCCL"))


def begin_together(first: Callable[[], Begun], others: Callable[[], Begun]) -> Begun:
    """`first()` on the first rank, then `others()` on the rest.

    Raises the exception of `first` there, and UserError on the rest.
    """
    if world_size() == 1:
        return first()
    if dist.get_rank():
        if not _told_by_the_first():
            raise UserError("the first rank could not start")
        return others()
    try:
        begun = first()
    except BaseException:
        _told_by_the_first(False)
        raise
    _told_by_the_first(True)
    return begun


def _told_by_the_first(said: bool = False) -> bool:
    word = torch.tensor(int(said))
    dist.broadcast(word, 0)
    return bool(word)


def shared(task: Task, device: torch.device) -> Any:
    """`task` as every rank calls it: its gradients are averaged over them."""
    if world_size() == 1:
        return task
    on_gpu = [device.index or 0] if device.type == "cuda" else None
    with warnings.catch_warnings():
        # Later versions renamed it.
        warnings.simplefilter("ignore", FutureWarning)
        # Buffers are equal already: norms are synchronized and keys are gathered.
        return DistributedDataParallel(
            task,
            device_ids=on_gpu,
            broadcast_buffers=False,
            find_unused_parameters=task.rests_parts,
        )


def spread_norms(module: nn.Module, device: torch.device) -> None:
    """Synchronize batch normalization over all ranks, if there are several."""
    if world_size() > 1:
        synchronize_norms(module, device)


def check_shareable(count: int, what: str = "", advice: str = "use a multiple") -> None:
    """Raise UserError for a count that the ranks cannot share equally: of a batch, or of `what`."""
    if count % world_size():
        named = what or f"batch_size {count}"
        raise UserError(f"{named} cannot be divided among {world_size()} ranks; {advice}")


def own_share(batch_size: int) -> slice:
    """This rank's part of a batch. Raises UserError like `check_shareable`."""
    check_shareable(batch_size)
    each, at = batch_size // world_size(), dist.get_rank() if world_size() > 1 else 0
    return slice(at * each, (at + 1) * each)


def any_rank(asked: bool) -> bool:
    """Whether any rank should stop: all of them stop at the same step."""
    if world_size() == 1:
        return asked
    word = torch.tensor(int(asked))
    dist.all_reduce(word, dist.ReduceOp.MAX)
    return bool(word)


def averaged(figures: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Scalar figures as means over the ranks."""
    if world_size() == 1 or not figures:
        return dict(figures)
    values = torch.stack([figure.float() for figure in figures.values()])
    dist.all_reduce(values)
    return dict(zip(figures, values / world_size(), strict=True))


def of_every_rank(figures: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Scalar figures as `[ranks]`, the same on all of them; as they are on a single one."""
    if world_size() == 1 or not figures:
        return dict(figures)
    own = torch.stack([figure.float() for figure in figures.values()])
    gathered = [torch.empty_like(own) for _ in range(world_size())]
    dist.all_gather(gathered, own)
    return dict(zip(figures, torch.stack(gathered, 1), strict=True))


def own_of(figures: Tensor) -> Tensor:
    """This rank's value from `of_every_rank`; the mean if it comes from another number of ranks."""
    if not figures.dim():
        return figures
    return figures[dist.get_rank()] if len(figures) == world_size() > 1 else figures.mean()
