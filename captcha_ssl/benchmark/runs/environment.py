"""The machine and the versions behind the figures."""

from __future__ import annotations

import platform
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch

import captcha_ssl
from captcha_ssl.training.device import resolve_device, resolve_precision


def environment(device_name: str, precision: str) -> dict[str, str | int]:
    """Versions, processors, arithmetic and the date (UTC), for the report."""
    device = resolve_device(device_name)
    facts: dict[str, str | int] = {
        "captcha_ssl": captcha_ssl.__version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "system": f"{platform.system()} {platform.machine()}",
        "cpu": _cpu_model(),
        "threads": torch.get_num_threads(),
        "device": str(device),
        "precision": str(resolve_precision(precision, device)).removeprefix("torch."),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    if device.type == "cuda":
        facts["gpu"] = torch.cuda.get_device_name(device)
    return facts


def _cpu_model() -> str:
    listed = Path("/proc/cpuinfo")
    lines = listed.read_text(encoding="utf-8").splitlines() if listed.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
