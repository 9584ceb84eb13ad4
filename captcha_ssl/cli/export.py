"""`captcha-ssl export`: a recogniser as a file to hand on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from captcha_ssl.errors import UserError


def export(
    model: Annotated[
        Path, typer.Argument(metavar="MODEL", help="A finetune run or its model file.")
    ],
    out: Annotated[
        Path, typer.Argument(metavar="OUT", help="The file to write: .onnx or .safetensors.")
    ],
) -> None:
    """Write a recogniser as ONNX or as small safetensors.

    Example: captcha-ssl export runs/reader reader.onnx

    An .onnx takes any batch and width; onnxruntime must give the logits of the model at three
    shapes before it appears, and its metadata hold charset, geometry and preprocessing. A
    .safetensors holds the weights in half precision. Prints the path of the file.
    """
    kind = out.suffix.lower()
    if kind not in (".onnx", ".safetensors"):
        raise UserError(f"{out}: end the name of the file in .onnx or .safetensors")

    from captcha_ssl.models.model_file import load_model
    from captcha_ssl.recognition.export import export as write_onnx
    from captcha_ssl.recognition.export import export_half
    from captcha_ssl.recognition.recogniser import Recogniser

    write = write_onnx if kind == ".onnx" else export_half
    write(Recogniser.load(model), out, load_model(model)[0].about)
    typer.echo(out)
