"""Advice for a step that does not fit into memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from captcha_ssl.errors import UserError

_ON_A_CPU = ("can't allocate memory", "not enough memory")
"""How torch's allocator for the CPU says it, in an error of no class of its own."""


@contextmanager
def advice_on_memory(batch_size: int) -> Iterator[None]:
    """Raises UserError with a batch size to try instead of an out-of-memory error."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and not _lacks_memory(error):
            raise
        advice = f"try --batch-size {batch_size // 2}" if batch_size > 1 else "use smaller images"
        raise UserError(f"out of memory with {batch_size} images per step; {advice}") from error


def _lacks_memory(error: RuntimeError) -> bool:
    told = str(error)
    return isinstance(error, torch.OutOfMemoryError) or any(sign in told for sign in _ON_A_CPU)
