"""Labels beside the readings of recognizers that did not train on them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from captcha_ssl.data.charset import Charset
from captcha_ssl.data.dataset import Dataset
from captcha_ssl.models.model_card import Calibration
from captcha_ssl.printable import shown
from captcha_ssl.recognition.evaluation.evaluate import Evaluation
from captcha_ssl.recognition.evaluation.evaluation_files import (
    SUSPICIOUS,
    SUSPICIOUS_SHEET,
    write_suspects,
)
from captcha_ssl.recognition.evaluation.suspicion import (
    GOOD_ENOUGH,
    fit_wrong_labels,
    label_log_probabilities,
    wrong_label_probabilities,
)
from captcha_ssl.recognition.reading.text_length import common_length
from captcha_ssl.recognition.reading.text_reader import to_readings


@dataclass(frozen=True)
class LabelCheck:
    """Labeled images and what they are read as; `which` labels they are, in words."""

    images: Dataset
    read: Evaluation
    which: str = "labels"

    @classmethod
    def of(cls, images: Dataset, logits: np.ndarray, charset: Charset, which: str) -> LabelCheck:
        """The check of `images` by `logits` [N, T, K], whose confidences are calibrated here."""
        labels = images.labels or []
        temperature, share = fit_wrong_labels(logits, labels, charset)
        readings = to_readings(logits, charset, Calibration(text=temperature))
        known = label_log_probabilities(logits, labels, charset, temperature)
        wrong = wrong_label_probabilities(
            labels, readings, known, len(charset), share, common_length(labels)
        )
        read = Evaluation(labels, readings, charset=charset, wrong_labels=wrong)
        return cls(images, read, which)

    def __str__(self) -> str:
        """How many labels are probably wrong, with an example; or how well they were read."""
        found, count = self.read.suspects(), len(self.read.labels)
        share = f"{self.read.exact_match:.0%} of them are read as labeled"
        if self.read.exact_match < GOOD_ENOUGH:
            return f"{count:,} {self.which} cannot be checked: only {share}"
        if not found:
            return f"none of {count:,} {self.which} is probably wrong ({share})"
        first = found[0]
        name, label, text = map(
            shown, (self.images.names[first.position], first.label, first.reading)
        )
        return (
            f"{len(found):,} of {count:,} {self.which} are probably wrong, such as that of {name}: "
            f"labeled {label}, reads {text}"
        )

    def write(self, folder: Path) -> str:
        """Write the suspects to `folder`; returns the words, with the files if there are any.

        Raises OSError or UserError when it cannot.
        """
        write_suspects(folder, self.images, self.read)
        files = f"; see {SUSPICIOUS} and {SUSPICIOUS_SHEET} in {folder}"
        return f"{self}{files if self.read.suspects() else ''}"
