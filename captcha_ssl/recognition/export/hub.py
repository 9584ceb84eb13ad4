"""A recognizer as a folder for a model hub: weights, ONNX, configuration and a model card."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from captcha_ssl import __version__
from captcha_ssl.atomic import atomic_folder
from captcha_ssl.documents import read_json
from captcha_ssl.errors import UserError
from captcha_ssl.models.model_file import FILE_NAME, save_model
from captcha_ssl.recognition.evaluation.evaluation_files import SCORES
from captcha_ssl.recognition.export.export import PREPROCESSING, export
from captcha_ssl.recognition.reading.onnx_reader import ONNX_FILE_NAME
from captcha_ssl.recognition.reading.recognizer import Recognizer

CONFIG, PAGE = "config.json", "README.md"
UNKNOWN_LICENSE = "unknown"


@dataclass(frozen=True)
class Scores:
    """The scores on the model card, from the files of `evaluate --out`."""

    n: int
    exact_match: float
    exact_match_ci95: tuple[float, float]
    cer: float
    length_accuracy: float
    calibration_error: float


def read_scores(path: Path) -> Scores:
    """The scores in a folder of `evaluate --out`, or in its evaluation.json. Raises UserError."""
    file = path / SCORES if path.is_dir() else path
    return read_json(
        file, Scores, "make it with captcha-ssl evaluate MODEL DATA --out DIR", ignore=True
    )


def write_hub(
    recognizer: Recognizer,
    folder: Path,
    about: dict[str, Any],
    *,
    scores: Scores | None = None,
    license: str = UNKNOWN_LICENSE,
) -> None:
    """Write model.safetensors, model.onnx, config.json and README.md to a new folder.

    It is written atomically, and every command accepts it as a model. Raises UserError if the
    folder exists or the ONNX file gives other logits, OSError if it cannot be written.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder}: already exists; choose another name or remove it")
    if not license.isprintable() or any(mark in license for mark in ":#'\"\\"):
        raise UserError(f"--license {license}: not the name of a license, such as mit")
    folder.parent.mkdir(parents=True, exist_ok=True)
    card = recognizer.card(about)
    with atomic_folder(folder) as made:
        save_model(made / FILE_NAME, recognizer.state_dict(), card)
        export(recognizer, made / ONNX_FILE_NAME, about)
        config = {"library_name": "captcha-ssl", "library_version": __version__, **asdict(card)}
        text = json.dumps(config, indent=2, ensure_ascii=False)
        (made / CONFIG).write_text(text + "\n", encoding="utf-8")
        page = model_page(recognizer, folder.name, about, scores, license)
        (made / PAGE).write_text(page, encoding="utf-8")


def model_page(
    recognizer: Recognizer,
    name: str,
    about: dict[str, Any],
    scores: Scores | None,
    license: str,
) -> str:
    """The README of a model: a header for hubs, then the text for people."""
    head = [
        "---",
        f"license: {license}",
        "library_name: captcha-ssl",
        "pipeline_tag: image-to-text",
        "tags:",
        *(f"- {tag}" for tag in ("ocr", "ctc", "onnx", "captcha-ssl")),
        "---",
    ]
    charset, geometry = recognizer.charset.characters, recognizer.geometry
    known = "".join(f"| {key} | {_cell(value)} |\n" for key, value in sorted(about.items()))
    return "\n".join(
        [
            *head,
            "",
            f"# {_plain(name)}",
            "",
            "Reads short texts in images: an encoder with a CTC head, made with captcha-ssl "
            f"{__version__}.",
            "",
            *_figures(scores),
            "",
            "## Input and output",
            "",
            "| | |",
            "|---|---|",
            f"| characters | {len(charset)}: {_code(charset)} |",
            f"| images | {geometry} |",
            f"| encoder | {recognizer.encoder.name} |",
            f"| license of the weights | {_cell(license)} |",
            known,
            f"Preprocessing: {PREPROCESSING}.",
            "",
            "It reads no other characters. On images unlike its training images, its "
            "confidences may be wrong.",
            "",
            "## Use",
            "",
            "    captcha-ssl predict image.png --model .",
            "",
            f"`{ONNX_FILE_NAME}` runs in any onnxruntime; `{CONFIG}` and the metadata of both "
            "files hold the characters, the size and the calibration.",
            "",
        ]
    )


def _figures(scores: Scores | None) -> list[str]:
    if scores is None:
        return [
            "## Figures",
            "",
            "None: no evaluation was given. `captcha-ssl evaluate MODEL DATA --out scores`, then "
            "`export … --scores scores`.",
        ]
    low, high = scores.exact_match_ci95
    return [
        "## Figures",
        "",
        f"On {scores.n:,} labeled images, as `captcha-ssl evaluate` measured them:",
        "",
        "| | |",
        "|---|--:|",
        f"| texts without an error | {scores.exact_match:.1%} "
        f"(95% interval {low:.1%}–{high:.1%}) |",
        f"| character error rate | {scores.cer:.2%} |",
        f"| texts of the right length | {scores.length_accuracy:.1%} |",
        f"| confidences off by | {scores.calibration_error:.1%} |",
    ]


def _code(text: str) -> str:
    """Text as inline code in a cell of a table, whatever marks are in it."""
    fence = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
    return f"{fence} {text} {fence}".replace("|", "\\|")


def _cell(value: Any) -> str:
    return _code(str(value))


def _plain(name: str) -> str:
    return "".join(c if c.isprintable() and c not in "`*_<>[]#" else " " for c in name).strip()
