"""The device of a run, its precision and determinism, and advice when memory runs out."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from captcha_ssl.errors import UserError
from captcha_ssl.launch import local_rank, ranks
from captcha_ssl.memory import lacks_memory


def resolve_device(name: str) -> torch.device:
    """The device for `auto`, `cpu`, `cuda[:n]` or `mps`.

    `auto` takes CUDA, then MPS, then the CPU; under torchrun CUDA is the rank's own. Raises
    UserError for an absent or unknown device.
    """
    try:
        device = torch.device(_best() if name == "auto" else name)
    except RuntimeError:
        raise UserError(f"--device {name}: use auto, cpu, cuda, cuda:N or mps") from None
    if device.type not in ("cpu", "cuda", "mps"):
        raise UserError(f"--device {name}: use auto, cpu, cuda, cuda:N or mps")
    if device.type == "cuda" and ranks() > 1:
        if device.index is not None:
            raise UserError(f"--device {name}: every rank has its own; give --device cuda")
        device = torch.device("cuda", local_rank())
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise UserError(f"--device {name}: {torch.cuda.device_count()} CUDA devices here; use cpu")
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise UserError("--device mps: not available here; use cpu")
    return device


def resolve_precision(name: str, device: torch.device) -> torch.dtype:
    """torch.bfloat16 or torch.float32: `auto` uses bf16 if the hardware supports it."""
    if name == "fp32":
        return torch.float32
    if name == "bf16":
        return torch.bfloat16
    return torch.bfloat16 if _computes_bf16(device) else torch.float32


def _best() -> str:
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _computes_bf16(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type != "cpu":
        return False
    able = torch.cpu.get_capabilities()
    return bool(able.get("avx512_bf16") or able.get("amx_bf16"))


@contextmanager
def determinism(asked: bool) -> Iterator[None]:
    """Make torch use only deterministic algorithms, if asked; this may be slower.

    On a CPU nothing changes, because all algorithms are deterministic there. If torch has no such
    algorithm, it raises RuntimeError; the CTC loss, which has none on CUDA, runs on the CPU
    instead.
    """
    if not asked:
        yield
        return
    # cuBLAS reads this when it is first used.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)


@contextmanager
def advice_on_memory(batch_size: int) -> Iterator[None]:
    """Raises UserError with a batch size to try instead of an out-of-memory error."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not lacks_memory(error):
            raise
        advice = f"try --batch-size {batch_size // 2}" if batch_size > 1 else "use smaller images"
        raise UserError(f"out of memory with {batch_size} images per step; {advice}") from error
