"""Byte-identical results from the same seed on a GPU too."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def determinism(asked: bool) -> Iterator[None]:
    """Let torch use deterministic algorithms only, if asked to; it may take longer.

    On a CPU nothing changes, for there they all are. Where torch knows no such algorithm it
    raises RuntimeError; the CTC loss, which has none on CUDA, is computed on the CPU instead.
    """
    if not asked:
        yield
        return
    # Read by cuBLAS when it is first used.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)
