"""Opens a model for reading: its ONNX file if there is one, else with torch."""

from __future__ import annotations

from pathlib import Path

from captcha_ssl.errors import UserError
from captcha_ssl.models.shipped import HEIGHTS, is_shipped, shipped_version
from captcha_ssl.recognition.reading.onnx_reader import ONNX_FILE_NAME, OnnxReader
from captcha_ssl.recognition.reading.text_reader import TextReader

_ONNX = ("auto", "cpu", "coreml", "openvino", "directml")
"""Devices for the ONNX file of a run; the other devices use torch."""


def open_reader(model: Path | None, device: str = "auto") -> TextReader:
    """Open a run directory, an .onnx or a .safetensors file, or (None) the shipped model.

    A run directory is read through its ONNX file on the CPU and on what onnxruntime alone knows
    (coreml, openvino, directml), by torch on cuda and mps; an .onnx file by onnxruntime anywhere.
    Raises UserError when there is no recognizer, or the device does not fit.
    """
    file = _shipped() if model is None or is_shipped(model) else model
    if file.is_dir() and device in _ONNX and (file / ONNX_FILE_NAME).is_file():
        file = file / ONNX_FILE_NAME
    if file.suffix.lower() != ".onnx":
        if device in _ONNX[2:]:
            raise UserError(f"--device {device}: for ONNX files; make one with captcha-ssl export")
        # torch takes seconds to import: only here.
        from captcha_ssl.recognition.reading.recognizer import Recognizer
        from captcha_ssl.training.device import resolve_device

        return Recognizer.load(file, resolve_device(device))
    return OnnxReader(file, device)


def _shipped() -> Path:
    file = shipped_version(HEIGHTS[-1], ".onnx")
    if not file.is_file():
        raise UserError(
            "this installation has no model; train one with finetune and name it with --model"
        )
    return file
