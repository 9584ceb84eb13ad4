"""Writes the files of an evaluation: scores, every prediction, the worst errors."""

from __future__ import annotations

import json
from pathlib import Path

from captcha_ssl.atomic import atomic_write_text
from captcha_ssl.data.dataset import Dataset
from captcha_ssl.data.rejected import write_rejected
from captcha_ssl.data.sheet import rgb, write_sheet
from captcha_ssl.recognition.evaluation.confusion_picture import write_confusions
from captcha_ssl.recognition.evaluation.evaluate import Evaluation
from captcha_ssl.spreadsheet import spreadsheet

SCORES, PREDICTIONS = "evaluation.json", "predictions.csv"
WORST, CONFUSIONS, REJECTED = "worst.png", "confusions.png", "rejected.csv"
SUSPICIOUS, SUSPICIOUS_SHEET = "suspicious.csv", "suspicious.png"
WORST_COUNT = 48


def write_evaluation(folder: Path, dataset: Dataset, evaluation: Evaluation) -> None:
    """Write scores, predictions, pictures of the errors and rejected.csv, replacing older ones.

    `dataset` is the evaluated one. Raises OSError or UserError if a file cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    scores = json.dumps(evaluation.to_json(), indent=2)
    atomic_write_text(folder / SCORES, scores + "\n")
    atomic_write_text(folder / PREDICTIONS, _table(dataset, evaluation))
    write_worst_sheet(folder / WORST, dataset, evaluation)
    write_suspects(folder, dataset, evaluation)
    write_confusions(folder / CONFUSIONS, evaluation)
    write_rejected(folder / REJECTED, dataset.rejected)


def write_worst_sheet(path: Path, dataset: Dataset, evaluation: Evaluation) -> None:
    """Draw up to 48 of the worst errors, each above `truth → prediction` (∅ for empty).

    A question mark at the end means that the label is probably wrong.

    Raises UserError if the picture cannot be written.
    """
    worst = evaluation.worst()
    accused = {suspect.position for suspect in evaluation.suspects()}
    shown = worst[:WORST_COUNT]
    tiles = [
        (
            rgb(dataset.images[i]),
            f"{evaluation.labels[i]} → {evaluation.readings[i].text or '∅'}" + "?" * (i in accused),
        )
        for i in shown
    ]
    title = f"{len(worst):,} wrong of {len(evaluation.labels):,}"
    write_sheet(path, tiles, title=title + f": the worst {len(shown)}" * bool(shown))


def write_suspects(folder: Path, dataset: Dataset, evaluation: Evaluation) -> None:
    """Write suspicious.csv and suspicious.png: the labels that are probably wrong.

    Raises OSError or UserError when it cannot.
    """
    found = evaluation.suspects()
    rows = (
        (
            dataset.names[s.position],
            s.label,
            s.reading,
            f"{s.confidence:.6f}",
            f"{s.probability:.6f}",
        )
        for s in found
    )
    columns = ("filename", "label", "reading", "confidence", "wrong_label_probability")
    table = spreadsheet(columns, rows)
    atomic_write_text(folder / SUSPICIOUS, table)
    shown = found[:WORST_COUNT]
    tiles = [(rgb(dataset.images[s.position]), f"{s.label}? {s.reading}!") for s in shown]
    title = f"{len(found):,} of {len(evaluation.labels):,} labels are probably wrong"
    write_sheet(folder / SUSPICIOUS_SHEET, tiles, title=title)


def _table(dataset: Dataset, evaluation: Evaluation) -> str:
    pairs = zip(dataset.names, evaluation.labels, evaluation.readings, strict=True)
    return spreadsheet(
        ("filename", "label", "prediction", "confidence", "correct"),
        (
            (name, label, reading.text, f"{reading.confidence:.6f}", int(reading.text == label))
            for name, label, reading in pairs
        ),
    )
