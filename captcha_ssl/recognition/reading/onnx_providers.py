"""The execution providers of onnxruntime, by the names of --device."""

from __future__ import annotations

from typing import Any

from captcha_ssl.errors import UserError

CPU = "CPUExecutionProvider"
PROVIDERS = {
    "cpu": (CPU, "onnxruntime"),
    "cuda": ("CUDAExecutionProvider", "onnxruntime-gpu"),
    "coreml": ("CoreMLExecutionProvider", "onnxruntime on macOS"),
    "openvino": ("OpenVINOExecutionProvider", "onnxruntime-openvino"),
    "directml": ("DmlExecutionProvider", "onnxruntime-directml on Windows"),
}
"""The provider of each device, and its package."""


def provider_of(device: str) -> tuple[str, dict[str, Any]]:
    """The provider for a device such as `cuda:1`, and its options.

    Raises UserError when no provider is called so, or this onnxruntime does not have it.
    """
    import onnxruntime

    name, _, number = device.partition(":")
    if name == "auto":
        name = "cpu"
    if name not in PROVIDERS:
        known = ", ".join(PROVIDERS)
        raise UserError(
            f"--device {device}: not for an ONNX file, which takes {known}; "
            "give the .safetensors file instead"
        )
    provider, package = PROVIDERS[name]
    if provider not in onnxruntime.get_available_providers():
        raise UserError(
            f"--device {device}: this onnxruntime has no {provider}, which comes with "
            f"{package}; use --device cpu"
        )
    return provider, {"device_id": int(number)} if number else {}
