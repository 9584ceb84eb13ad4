"""The device and the precision of a run."""

from __future__ import annotations

import torch

from captcha_ssl.errors import UserError
from captcha_ssl.launch import local_rank, ranks


def resolve_device(name: str) -> torch.device:
    """The device that `auto`, `cpu`, `cuda[:n]` or `mps` stands for.

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
    """torch.bfloat16 or torch.float32: `auto` takes bf16 where the processor computes in it."""
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
