"""Scores a recognizer on a labeled dataset."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from captcha_ssl.data.charset import Charset
from captcha_ssl.data.dataset import Dataset
from captcha_ssl.data.sweep import Progress
from captcha_ssl.recognition.evaluation import metrics
from captcha_ssl.recognition.evaluation.calibration import (
    correct_characters,
    expected_calibration_error,
)
from captcha_ssl.recognition.evaluation.suspicion import (
    Suspect,
    label_log_probabilities,
    suspects,
    wrong_label_probabilities,
)
from captcha_ssl.recognition.reading.text_length import TextLength
from captcha_ssl.recognition.reading.text_reader import BATCH_SIZE, Reading, TextReader, to_readings


@dataclass(frozen=True)
class Evaluation:
    """Labels and readings, image by image; `rejected` counts the rejected rows.

    With the `charset` of the reader, labels with unknown characters are counted; such images always
    count as misread. `wrong_labels`, float64 [N], are the probabilities that the labels are wrong;
    None if they are not known.
    """

    labels: Sequence[str]
    readings: list[Reading]
    rejected: int = 0
    charset: Charset | None = None
    wrong_labels: np.ndarray | None = None
    length: TextLength | None = None
    """The length of the texts that was read, if one was."""

    @property
    def unknown(self) -> dict[str, int]:
        """Characters that the reader does not know, with the number of labels that have each."""
        if self.charset is None:
            return {}
        known = frozenset(self.charset.characters)
        found = Counter(c for label in self.labels for c in set(label) - known)
        return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))

    @property
    def unknown_images(self) -> int:
        """Images whose label has a character that the reader does not know."""
        unknown = set(self.unknown)
        return sum(not unknown.isdisjoint(label) for label in self.labels) if unknown else 0

    @property
    def predictions(self) -> list[str]:
        """The texts of the readings."""
        return [reading.text for reading in self.readings]

    @property
    def exact_match(self) -> float:
        """Share of texts that are right in every character."""
        return metrics.exact_match(self.labels, self.predictions)

    @property
    def cer(self) -> float:
        """Character error rate: edit distances over reference characters."""
        return metrics.cer(self.labels, self.predictions)

    @property
    def calibration_error(self) -> float:
        """Expected calibration error of the texts' confidences."""
        correct = list(map(str.__eq__, self.labels, self.predictions))
        return expected_calibration_error([r.confidence for r in self.readings], correct)

    @property
    def char_calibration_error(self) -> float:
        """Expected calibration error of the confidences of the characters that were read."""
        sure = [value for reading in self.readings for value in reading.char_confidences]
        pairs = zip(self.labels, self.predictions, strict=True)
        return expected_calibration_error(
            sure, [right for pair in pairs for right in correct_characters(*pair)]
        )

    def worst(self) -> list[int]:
        """Positions of the errors: most wrong characters first, then the most confident."""
        wrong = [i for i, text in enumerate(self.predictions) if text != self.labels[i]]
        return sorted(wrong, key=lambda i: (-self._distance(i), -self.readings[i].confidence))

    def suspects(self) -> list[Suspect]:
        """The errors that are probably wrong labels, the most suspicious first."""
        if self.wrong_labels is None:
            return []
        return suspects(self.labels, self.readings, self.wrong_labels)

    def to_json(self) -> dict[str, Any]:
        """Every score under its documented key; shares lie in 0…1."""
        labels, predictions = self.labels, self.predictions
        correct = sum(map(str.__eq__, labels, predictions))
        return {
            "n": len(labels),
            "rejected": self.rejected,
            "length": self.length.characters if self.length else None,
            "other_lengths": self.length is None or self.length.clear < math.inf,
            "unknown_images": self.unknown_images,
            "unknown_characters": self.unknown,
            "exact_match": self.exact_match,
            "exact_match_ci95": list(metrics.wilson_interval(correct, len(labels))),
            "cer": self.cer,
            "one_minus_ned": metrics.one_minus_ned(labels, predictions),
            "length_accuracy": metrics.length_accuracy(labels, predictions),
            "blank_rate": metrics.blank_rate(predictions),
            "calibration_error": self.calibration_error,
            "suspicious_labels": len(self.suspects()),
            "char_calibration_error": self.char_calibration_error,
            "per_character": {
                character: {
                    "n": score.n,
                    "correct": score.correct,
                    "deleted": score.deleted,
                    "substituted": dict(score.substituted.most_common()),
                }
                for character, score in metrics.per_character_table(labels, predictions).items()
            },
            "confusions": [
                {"truth": truth, "read": read, "count": count}
                for truth, read, count in metrics.confusions(labels, predictions)
            ],
        }

    def _distance(self, position: int) -> int:
        return metrics.edit_distance(self.labels[position], self.readings[position].text)


def evaluate(
    reader: TextReader,
    dataset: Dataset,
    batch_size: int = BATCH_SIZE,
    progress: Progress | None = None,
) -> Evaluation:
    """Read a labeled dataset that has the reader's geometry.

    Raises ValueError when it has no labels or another geometry.
    """
    if dataset.labels is None:
        raise ValueError("an evaluation needs labels")
    if dataset.geometry != reader.geometry:
        raise ValueError(f"images are {dataset.geometry}, the model is for {reader.geometry}")
    labels, charset, calibration = dataset.labels, reader.charset, reader.calibration
    readings: list[Reading] = []
    log_probabilities: list[np.ndarray] = []
    for start in range(0, len(dataset), batch_size):
        here = slice(start, start + batch_size)
        logits = reader.logits(dataset.images[here])
        readings += to_readings(logits, charset, calibration, reader.length)
        log_probabilities.append(
            label_log_probabilities(logits, labels[here], charset, calibration.text)
        )
        if progress is not None:
            progress(len(readings), len(dataset))
    known = np.concatenate(log_probabilities) if log_probabilities else np.empty(0)
    length = reader.length.characters if reader.length else None
    wrong = wrong_label_probabilities(labels, readings, known, len(charset), length=length)
    return Evaluation(labels, readings, len(dataset.rejected), charset, wrong, reader.length)
