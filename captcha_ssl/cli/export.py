"""`captcha-ssl export`: a recognizer as a file to hand on."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from captcha_ssl.cli.options import Quiet
from captcha_ssl.cli.progress import progress_bar
from captcha_ssl.errors import UserError

if TYPE_CHECKING:
    from captcha_ssl.recognition.recognizer import Recognizer


def export(
    model: Annotated[
        Path, typer.Argument(metavar="MODEL", help="A finetune run, its model file, or shipped.")
    ],
    out: Annotated[
        Path, typer.Argument(metavar="OUT", help="The file to write: .onnx or .safetensors.")
    ],
    int8: Annotated[
        Path | None,
        typer.Option(
            "--int8", metavar="DATA", help="Compute in 8 bits, in ranges found on these images."
        ),
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Write a recognizer as ONNX or as small safetensors.

    Example: captcha-ssl export runs/reader reader.onnx

    An .onnx takes any batch and width; onnxruntime must give the logits of the model at three
    shapes before it appears, and its metadata hold charset, geometry and preprocessing. A
    .safetensors holds the weights in half precision. With --int8 the .onnx is about twice as fast
    and a quarter of the size; how many of DATA's images it reads as before is said, and it does
    not appear when that is less than nine in ten. Prints the path of the file.
    """
    kind = out.suffix.lower()
    if kind not in (".onnx", ".safetensors"):
        raise UserError(f"{out}: end the name of the file in .onnx or .safetensors")
    if int8 is not None and kind != ".onnx":
        raise UserError("--int8 is for .onnx files; leave it out or name one")

    from captcha_ssl.models.model_file import load_model
    from captcha_ssl.recognition.export import export as write_onnx
    from captcha_ssl.recognition.export import export_half
    from captcha_ssl.recognition.recognizer import Recognizer

    recognizer, about = Recognizer.load(model), load_model(model)[0].about
    if int8 is not None:
        _write_int8(recognizer, out, about, int8, quiet)
    else:
        (write_onnx if kind == ".onnx" else export_half)(recognizer, out, about)
    typer.echo(out)


def _write_int8(
    recognizer: Recognizer, out: Path, about: dict[str, Any], images: Path, quiet: bool
) -> None:
    import numpy as np

    from captcha_ssl.data.dataset import load_dataset
    from captcha_ssl.recognition.export import export as write_onnx
    from captcha_ssl.recognition.quantize import JUDGED, quantize

    with progress_bar("loading", quiet=quiet) as progress:
        data = load_dataset(images, labeled=False, geometry=recognizer.geometry, progress=progress)
    chosen = np.random.default_rng(0).permutation(len(data))[:JUDGED]
    with tempfile.TemporaryDirectory() as folder:
        exact = Path(folder) / "exact.onnx"
        write_onnx(recognizer, exact, about)
        alike = quantize(exact, out, data.images[chosen])
    if not quiet:
        print(f"in 8 bits {alike:.1%} of {len(chosen):,} images read as before", file=sys.stderr)
