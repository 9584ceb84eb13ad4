"""`captcha-ssl info`: what a bug report needs to know about this machine."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from typing import TYPE_CHECKING

import typer

from captcha_ssl import __version__
from captcha_ssl.cli.options import Device

if TYPE_CHECKING:
    import torch

LIBRARIES = (
    "torch",
    "onnxruntime",
    "onnx",
    "numpy",
    "opencv-python",
    "pillow",
    "captcha",
    "lmdb",
    "safetensors",
)


def info_command(device: Device = None) -> None:
    """Print versions, devices and what --device auto resolves to.

    Example: captcha-ssl info --device cuda
    """
    from captcha_ssl.training.device import resolve_device, resolve_precision

    name = device or "auto"
    resolved = resolve_device(name)
    precision = resolve_precision("auto", resolved)
    rows = [
        *_versions(),
        *(("device", line) for line in _devices()),
        (f"--device {name}", str(resolved)),
        ("precision", f"{str(precision).removeprefix('torch.')} on {resolved}"),
    ]
    width = max(len(key) for key, _ in rows) + 2
    for key, value in rows:
        typer.echo(f"{key:<{width}}{value}")


def _versions() -> Iterator[tuple[str, str]]:
    from importlib import metadata

    yield "captcha-ssl", __version__
    yield "python", f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    for library in LIBRARIES:
        try:
            yield library, metadata.version(library)
        except metadata.PackageNotFoundError:
            yield library, "not installed under this name"


def _devices() -> Iterator[str]:
    import torch

    threads = torch.get_num_threads()
    yield f"cpu, {threads} threads, {torch.backends.cpu.get_cpu_capability()}"
    for index in range(torch.cuda.device_count()):
        yield _describe(index, torch.cuda.get_device_properties(index))
    if torch.backends.mps.is_available():
        yield "mps"


def _describe(index: int, gpu: torch._C._CudaDeviceProperties) -> str:
    return f"cuda:{index}, {gpu.name}, {gpu.total_memory / 2**30:.0f} GiB"
