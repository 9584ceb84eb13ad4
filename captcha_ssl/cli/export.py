"""`captcha-ssl export`: write a recognizer as one file."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from captcha_ssl.cli.options import Quiet
from captcha_ssl.cli.progress import progress_bar
from captcha_ssl.cli.streams import say_on_stderr
from captcha_ssl.errors import UserError

if TYPE_CHECKING:
    from captcha_ssl.recognition.reading.recognizer import Recognizer


def export_command(
    model: Annotated[
        Path, typer.Argument(metavar="MODEL", help="A finetune run, its model file, or shipped.")
    ],
    out: Annotated[
        Path,
        typer.Argument(metavar="OUT", help="NAME.onnx, NAME.safetensors or a new folder."),
    ],
    format: Annotated[
        Literal["onnx", "safetensors", "hub"] | None,
        typer.Option(
            help="hub: a folder with weights, ONNX, config.json and a model card; if absent, the "
            "ending of OUT decides.",
            show_default=False,
        ),
    ] = None,
    scores: Annotated[
        Path | None,
        typer.Option(
            "--scores",
            metavar="DIR",
            help="The folder of evaluate --out, for the card of a hub folder.",
        ),
    ] = None,
    license: Annotated[
        str | None,
        typer.Option("--license", metavar="NAME", help="License of the weights, for that card."),
    ] = None,
    int8: Annotated[
        Path | None,
        typer.Option(
            "--int8",
            metavar="DATA",
            help="Compute in 8 bits, with ranges calibrated on these images.",
        ),
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Write a recognizer as ONNX, safetensors or a hub folder.

    Example: captcha-ssl export runs/reader reader.onnx

    An .onnx file accepts any batch size and width. It is written only if onnxruntime gives the
    logits of the model at three shapes; its metadata has charset, geometry and preprocessing. A
    .safetensors file has the weights in half precision. With --int8 the .onnx file is about twice
    as fast and a quarter of the size; it is written only if it reads at least nine in ten of DATA's
    images as before, and stderr says how many. Prints the path of the file.
    """
    kind = format or out.suffix.lower().removeprefix(".")
    if kind not in ("onnx", "safetensors", "hub"):
        raise UserError(
            f"{out}: end the name of the file in .onnx or .safetensors, or give --format hub"
        )
    if int8 is not None and kind != "onnx":
        raise UserError("--int8 is for .onnx files; leave it out or name one")
    if kind != "hub" and (scores is not None or license is not None):
        raise UserError(
            "--scores and --license are for --format hub; leave them out or use that format"
        )

    from captcha_ssl.models.model_file import load_model
    from captcha_ssl.recognition.export.export import export, export_half
    from captcha_ssl.recognition.reading.recognizer import Recognizer

    recognizer, about = Recognizer.load(model), load_model(model)[0].about
    if int8 is not None:
        _write_int8(recognizer, out, about, int8, quiet)
    elif kind == "hub":
        from captcha_ssl.recognition.export.hub import UNKNOWN_LICENSE, read_scores, write_hub

        if license is None:
            say_on_stderr("the card says that the license is unknown; --license NAME names one")
        figures = None if scores is None else read_scores(scores)
        write_hub(recognizer, out, about, scores=figures, license=license or UNKNOWN_LICENSE)
    else:
        (export if kind == "onnx" else export_half)(recognizer, out, about)
    typer.echo(out)


def _write_int8(
    recognizer: Recognizer, out: Path, about: dict[str, Any], images: Path, quiet: bool
) -> None:
    import numpy as np

    from captcha_ssl.data.dataset import load_dataset
    from captcha_ssl.recognition.export.export import export
    from captcha_ssl.recognition.export.quantize import JUDGED, quantize

    with progress_bar("loading", quiet=quiet) as progress:
        data = load_dataset(images, labeled=False, geometry=recognizer.geometry, progress=progress)
    chosen = np.random.default_rng(0).permutation(len(data))[:JUDGED]
    with tempfile.TemporaryDirectory() as folder:
        exact = Path(folder) / "exact.onnx"
        export(recognizer, exact, about)
        alike = quantize(exact, out, data.images[chosen])
    if not quiet:
        print(f"in 8 bits {alike:.1%} of {len(chosen):,} images read as before", file=sys.stderr)
