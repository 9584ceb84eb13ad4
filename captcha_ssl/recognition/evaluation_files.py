"""What an evaluation leaves behind in a folder: scores, every prediction, the worst errors."""

from __future__ import annotations

import json
from pathlib import Path

from captcha_ssl.atomic import atomic_write_text
from captcha_ssl.data.dataset import Dataset, write_rejected
from captcha_ssl.data.sheet import rgb, write_sheet
from captcha_ssl.recognition.confusion_picture import write_confusions
from captcha_ssl.recognition.evaluate import Evaluation
from captcha_ssl.spreadsheet import spreadsheet

SCORES, PREDICTIONS = "evaluation.json", "predictions.csv"
WORST, CONFUSIONS, REJECTED = "worst.png", "confusions.png", "rejected.csv"
WORST_COUNT = 48


def write_evaluation(folder: Path, dataset: Dataset, evaluation: Evaluation) -> None:
    """Write scores, predictions, pictures of the errors and rejected.csv, replacing older ones.

    `dataset` is the one that was evaluated. Raises OSError or UserError when it cannot.
    """
    folder.mkdir(parents=True, exist_ok=True)
    scores = json.dumps(evaluation.to_json(), indent=2)
    atomic_write_text(folder / SCORES, scores + "\n")
    atomic_write_text(folder / PREDICTIONS, _table(dataset, evaluation))
    write_worst_sheet(folder / WORST, dataset, evaluation)
    write_confusions(folder / CONFUSIONS, evaluation)
    write_rejected(folder / REJECTED, dataset.rejected)


def write_worst_sheet(path: Path, dataset: Dataset, evaluation: Evaluation) -> None:
    """Draw up to 48 of the worst errors, each above `truth → prediction` (∅ for empty).

    Raises UserError when the picture cannot be written.
    """
    worst = evaluation.worst()
    shown = worst[:WORST_COUNT]
    tiles = [
        (
            rgb(dataset.images[i]),
            f"{evaluation.labels[i]} → {evaluation.readings[i].text or '∅'}",
        )
        for i in shown
    ]
    title = f"{len(worst):,} wrong of {len(evaluation.labels):,}"
    write_sheet(path, tiles, title=title + f": the worst {len(shown)}" * bool(shown))


def _table(dataset: Dataset, evaluation: Evaluation) -> str:
    pairs = zip(dataset.names, evaluation.labels, evaluation.readings, strict=True)
    return spreadsheet(
        ("filename", "label", "prediction", "confidence", "correct"),
        (
            (name, label, reading.text, f"{reading.confidence:.6f}", int(reading.text == label))
            for name, label, reading in pairs
        ),
    )
