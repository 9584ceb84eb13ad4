"""Options that mean the same in every command.

None (or False) means that the flag is absent: then the TOML file or the default of the settings
class decides.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

import typer

from captcha_ssl.data.name_list import as_dataset
from captcha_ssl.did_you_mean import did_you_mean
from captcha_ssl.errors import UserError

_DEVICES = ("auto", "cpu", "cuda", "mps")
_READING_DEVICES = (*_DEVICES, "coreml", "openvino", "directml")


def _known_device(name: str | None) -> str | None:
    return _one_of(_DEVICES, name)


def _known_reading_device(name: str | None) -> str | None:
    return _one_of(_READING_DEVICES, name)


def _one_of(known: tuple[str, ...], name: str | None) -> str | None:
    """Reports a typo before anything is read; whether the device exists is checked later.

    It is not a callback itself, because typer passes the value to the last parameter of a callback.
    """
    if name is not None and name not in known and not re.fullmatch(r"cuda:\d+", name):
        near = did_you_mean(name, known, "use one of cuda:N,")
        raise UserError(f"--device {name}: no such name; {near}")
    return name


Out = Annotated[Path | None, typer.Option("--out", metavar="RUN", help="New folder for the run.")]
Cluster = Annotated[
    str | None,
    typer.Option(
        "--cluster",
        metavar="ADDRESS",
        help="Do the jobs on this Dask cluster, such as tcp://scheduler:8786.",
    ),
]
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="No progress on stderr; results and errors only.")
]
Seed = Annotated[
    int | None, typer.Option("--seed", min=0, help="Seed of every random choice; 0 if not given.")
]
Device = Annotated[
    str | None,
    typer.Option(
        "--device",
        metavar="NAME",
        help="Device: auto, cpu, cuda, cuda:N or mps; auto if not given.",
        callback=_known_device,
        autocompletion=lambda: list(_DEVICES),
    ),
]
Length = Annotated[
    str | None,
    typer.Option(
        "--length",
        metavar="N",
        help="Number of characters of every text, or any. If absent: the number that all training "
        "labels had, unless another one is clearly likelier.",
    ),
]
ReadingDevice = Annotated[
    str | None,
    typer.Option(
        "--device",
        metavar="NAME",
        help="Device: auto, cpu, cuda, cuda:N or mps; also coreml, openvino or directml if the "
        "onnxruntime has them; auto if not given.",
        callback=_known_reading_device,
        autocompletion=lambda: list(_READING_DEVICES),
    ),
]


def data_argument(what: str, metavar: str = "DATA") -> Any:
    """The argument for one or several datasets; `what` says which images they hold."""
    return typer.Argument(
        metavar=metavar,
        help=f"{what}: folders, tables or archives; several are one; - for names of files on "
        "stdin, @FILE for those in a file.",
        show_default=False,
    )


FilesFrom = Annotated[
    Path | None,
    typer.Option(
        "--files-from",
        metavar="FILE",
        help="Also read the image files named in this list, one per line; - for stdin.",
    ),
]


def piles(data: list[Path] | None, files_from: Path | None, *, called: str = "DATA") -> list[Path]:
    """The datasets that arguments and `--files-from` name. Raises UserError where there is none."""
    listed = [] if files_from is None else [as_dataset(files_from)]
    if not data and not listed:
        raise UserError(
            f"missing argument {called}: name folders, tables or archives, or --files-from FILE"
        )
    return [*(data or ()), *listed]


def picture_file(option: str, file: Path) -> Path:
    """The PNG file of an option. Raises UserError if it cannot be written there."""
    if file.suffix.lower() != ".png":
        raise UserError(f"{option} {file}: not the name of a PNG; use a name that ends in .png")
    if not file.parent.is_dir():
        raise UserError(f"{option} {file}: there is no folder {file.parent}; make it first")
    return file


def refuse_among_images(option: str, file: Path, data: Path | list[Path]) -> None:
    """Raise UserError if the picture of an option would become an image of `data`."""
    if isinstance(data, list):
        for each in data:
            refuse_among_images(option, file, each)
        return
    from captcha_ssl.data.sources.lmdb import is_lmdb
    from captcha_ssl.data.sources.packed import is_packed

    if not data.is_dir() or is_packed(data) or is_lmdb(data):
        return
    folder = data.resolve()
    if folder in file.resolve().parents:
        elsewhere = folder.parent / file.name
        raise UserError(
            f"{option} {file}: lies in {data} and would become an image of it; "
            f"put it elsewhere, for example {elsewhere}"
        )


def run_folder(out: Path | None) -> Path:
    """The folder of `--out`. Raises UserError without one."""
    if out is None:
        raise UserError("missing option --out: the folder in which the run is kept")
    return out
