"""Early stopping: keep the weights that read held-out labels best."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from captcha_ssl.data.dataset import Dataset
from captcha_ssl.launch import rank
from captcha_ssl.models.momentum import slow_copy
from captcha_ssl.models.ranks import from_first
from captcha_ssl.recognition.evaluation.metrics import cer, exact_match
from captcha_ssl.recognition.reading.recognizer import Recognizer
from captcha_ssl.recognition.reading.text_reader import read_images
from captcha_ssl.training.meter import History

CER, EXACT_MATCH = "held_out_cer", "held_out_exact_match"


class BestWeights(nn.Module):
    """A copy of `reader` with the weights that read `held_out` best.

    It is part of the trained task, so it is in the saved state, and a resumed run has the same
    copy.
    """

    def __init__(self, reader: Recognizer, held_out: Dataset) -> None:
        super().__init__()
        self.kept = slow_copy(reader)
        self.score: Tensor
        self.register_buffer("score", torch.tensor(torch.inf, dtype=torch.float64))
        # In a tuple, so that it is not a submodule: the task already has it, and it would be saved
        # twice.
        self._reader, self._held_out = (reader,), held_out

    def inspect(self, step: int) -> dict[str, float]:
        """Read the held-out images, and copy the weights if they are read better than before.

        Of several ranks the first one reads: all of them must agree on when to stop.
        """
        (reader,) = self._reader
        found = torch.zeros(2, dtype=torch.float64)
        if not rank():
            labels = list(self._held_out.labels or ())
            read = [reading.text for reading in read_images(reader, self._held_out.images)]
            found = torch.tensor([cer(labels, read), exact_match(labels, read)], dtype=found.dtype)
        error, exact = from_first(found).tolist()
        # Rounded as in metrics.jsonl, from which a resumed run reads it.
        error = round(error, 6)
        if error < self.score.item():
            self.score.fill_(error)
            self.kept.load_state_dict(reader.state_dict())
        return {CER: error, EXACT_MATCH: exact}


def looks_since_best(history: History, left: Callable[[Mapping[str, float]], bool]) -> int:
    """The number of logged steps since held-out labels were read best.

    Steps count only after the training has `left` the CTC plateau: there every image gets the same
    output, for a thousand steps or more, and patience would stop it too early.
    """
    rows = [row for row in history if CER in row]
    first = next((place for place, row in enumerate(rows) if left(row)), None)
    if first is None:
        return 0
    errors = [row[CER] for row in rows]
    return len(errors) - 1 - max(first, errors.index(min(errors)))


def best_row(history: History) -> dict[str, float]:
    """The figures of the logged step at which held-out labels were read best, the first of them."""
    return min((row for row in history if CER in row), key=lambda row: row[CER])
