"""The origin of a saved state: the data, and the arithmetic.

A state fits any data with the same tensor shapes. Without this check, a run resumed with other data
would silently replace a good model by a wrong one.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import PIL
import torch

from captcha_ssl.errors import UserError
from captcha_ssl.notice import warn

_DECODERS = ("opencv", "pillow")
_LIMITS = ("ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA", "MKL_CBWR")
"""Environment variables that make the libraries compute like an older processor."""


@dataclass(frozen=True)
class Origin:
    """Short texts by name that describe data and arithmetic.

    Empty ones, from a state of an earlier version, are not compared.
    """

    data: Mapping[str, str] = field(default_factory=dict)
    arithmetic: Mapping[str, str] = field(default_factory=dict)


def arithmetic(device: torch.device, precision: torch.dtype) -> dict[str, str]:
    """Everything that affects the bits of a result, except data and settings."""
    able: Mapping[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    features = sorted(name for name, has in able.items() if has is True)
    facts = {
        "torch": torch.__version__,
        "device": str(device),
        "precision": str(precision).removeprefix("torch."),
        "threads": str(torch.get_num_threads()),
        "processor": " ".join([torch.backends.cpu.get_cpu_capability(), *features]),
        "limits": " ".join(f"{name}={os.environ[name]}" for name in _LIMITS if name in os.environ),
        "opencv": cv2.__version__,
        "pillow": PIL.__version__,
        "numpy": np.__version__,
    }
    if device.type == "cuda":
        facts["device"] = f"{torch.cuda.get_device_name(device)}, CUDA {torch.version.cuda}"
    return facts


def check_origin(path: Path, saved: Origin, now: Origin) -> None:
    """Raise UserError when the data is not that of the saved run in `path`; it names what changed.

    Other arithmetic gives other bits, but a correct model: a warning names the change. The same
    holds for pixels that other library versions decoded.
    """
    if not saved.data:
        warn(f"{path}: saved by an earlier version; whether its data has changed is not known")
    changed = changes(saved.data, now.data) if saved.data else []
    computed = changes(saved.arithmetic, now.arithmetic) if saved.arithmetic else []
    only_pixels = all(name.endswith("pixels") for name in changed)
    if changed and not (only_pixels and set(computed) & set(_DECODERS)):
        refuse(path, changed)
    if changed or computed:
        told = ", ".join([*(_told(name, saved, now) for name in computed), *changed])
        warn(f"{path}: continues with other arithmetic ({told}); the last bits will differ")


def changes(begun: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """The names of the facts that differ, in order."""
    return [name for name in {**begun, **now} if begun.get(name) != now.get(name)]


def refuse(path: Path, changed: list[str]) -> None:
    """Raise the UserError for a run in `path` that started with other data."""
    raise UserError(
        f"{path}: started with other data (changed: {', '.join(changed)}); give the data it was "
        "started with, or choose a new --out"
    )


def _told(name: str, saved: Origin, now: Origin) -> str:
    before, after = saved.arithmetic.get(name, "none"), now.arithmetic.get(name, "none")
    return f"{name} {before} → {after}" if len(before + after) < 60 else name
