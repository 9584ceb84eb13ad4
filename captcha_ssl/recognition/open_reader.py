"""The reader for what a user calls a model: ONNX where there is one, else torch."""

from __future__ import annotations

from pathlib import Path

from captcha_ssl.errors import UserError
from captcha_ssl.models.shipped import FOLDER, is_shipped
from captcha_ssl.recognition.onnx_reader import FILE_NAME, OnnxReader
from captcha_ssl.recognition.reading import Reader

SHIPPED = FOLDER / FILE_NAME
_ANY_CPU = ("auto", "cpu")


def open_reader(model: Path | None, device: str = "auto") -> Reader:
    """Open a run directory, an .onnx or a .safetensors file, or (None) the shipped model.

    ONNX is read on the CPU; a run directory with another `device` is read by torch there.
    Raises UserError when there is no recognizer, or the device does not fit.
    """
    file = _shipped() if model is None or is_shipped(model) else model
    if file.is_dir() and device in _ANY_CPU and (file / FILE_NAME).is_file():
        file = file / FILE_NAME
    if file.suffix.lower() != ".onnx":
        # torch takes seconds to import: only here.
        from captcha_ssl.recognition.recognizer import Recognizer
        from captcha_ssl.training.device import resolve_device

        return Recognizer.load(file, resolve_device(device))
    if device not in _ANY_CPU:
        raise UserError(
            f"--device {device}: ONNX is read on the CPU; give the .safetensors file instead"
        )
    return OnnxReader(file)


def _shipped() -> Path:
    if not SHIPPED.is_file():
        raise UserError(
            "no model came with this installation; train one with finetune and name it with --model"
        )
    return SHIPPED
