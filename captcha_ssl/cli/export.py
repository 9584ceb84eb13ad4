"""`captcha-ssl export`: a recogniser as an ONNX file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from captcha_ssl.errors import UserError


def export(
    model: Annotated[
        Path, typer.Argument(metavar="MODEL", help="A finetune run or its model file.")
    ],
    out: Annotated[Path, typer.Argument(metavar="OUT.onnx", help="The file to write.")],
) -> None:
    """Write a recogniser as ONNX, with dynamic batch and width.

    Example: captcha-ssl export runs/reader reader.onnx

    onnxruntime must give the logits of the model at three shapes before the file appears; its
    metadata hold charset, geometry and preprocessing. Prints the path of the file.
    """
    if out.suffix.lower() != ".onnx":
        raise UserError(f"{out}: not the name of an ONNX file; end it in .onnx")

    from captcha_ssl.models.model_file import load_model
    from captcha_ssl.recognition.export import export as write
    from captcha_ssl.recognition.recogniser import Recogniser

    recogniser = Recogniser.load(model)
    write(recogniser, out, load_model(model)[0].about)
    typer.echo(out)
