"""The fine-tuning loss: connectionist temporal classification."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from captcha_ssl.data.charset import Charset
from captcha_ssl.models.encoder import standardize
from captcha_ssl.models.ranks import mean_of_ranks
from captcha_ssl.models.task import Progress, Task
from captcha_ssl.recognition.fine_tuning.consistency import consistency
from captcha_ssl.recognition.fine_tuning.ctc_recursion import ctc_recursion
from captcha_ssl.recognition.fine_tuning.even_alignment import (
    alignment_weight,
    even_alignment,
    ink_left_of,
)
from captcha_ssl.recognition.fine_tuning.plateau import Plateau
from captcha_ssl.recognition.reading.recognizer import Recognizer
from captcha_ssl.views.settings import ViewSettings
from captcha_ssl.views.view import random_view

LabeledBatch = tuple[Tensor, Tensor, Tensor]
"""uint8 images `[B, C, H, W]`, classes int64 `[B, L]` padded with 0, lengths int64 `[B]`."""


class CTCTask(Task):
    """Train a recognizer on augmented labeled images.

    `alignment` is the weight of the loss for evenly spaced characters; it falls to 0 at the share
    `faded` of the training. While `plateau` detects the CTC plateau, that loss has weight 1. For
    the first share `freeze_first` the encoder is frozen, so that an untrained head does not damage
    what pretraining has learned. With a weight of `consistency` each image is seen in two views,
    whose frames must agree.
    """

    def __init__(
        self,
        recognizer: Recognizer,
        views: ViewSettings,
        *,
        frozen: bool = False,
        freeze_first: float = 0.0,
        alignment: float = 0.0,
        faded: float = 1.0,
        plateau: Plateau | None = None,
        consistency: float = 0.0,
    ) -> None:
        super().__init__()
        self.recognizer, self.views, self.frozen = recognizer, views, frozen
        self.freeze_first = freeze_first
        self.rests_parts = freeze_first > 0
        self._still: bool | None = None
        self.alignment, self.faded = alignment, faded
        self.plateau, self.consistency = plateau, consistency
        recognizer.encoder.requires_grad_(not frozen)

    def train(self, mode: bool = True) -> CTCTask:
        """A frozen encoder keeps the batch statistics it was trained with."""
        super().train(mode)
        if self.frozen:
            self.recognizer.encoder.eval()
        self._still = None
        return self

    def forward(self, batch: LabeledBatch, progress: Progress) -> dict[str, Tensor]:
        """`loss`, and `blank_rate`: the share of images for which every frame says blank."""
        self._hold_still(
            self.frozen or (self.freeze_first > 0 and bool(progress < self.freeze_first))
        )
        images, classes, lengths = self._twice(batch) if self.consistency else batch
        pixels = random_view(standardize(images), self.views)
        logits = self.recognizer(pixels)
        blank = (logits.detach().argmax(-1) == 0).all(1)
        loss = ctc_losses(logits, classes, lengths, recorded=self.recorded).mean()
        weight = alignment_weight(self.alignment, progress, self.faded)
        if self.plateau is not None:
            help_needed = self.plateau.help(mean_of_ranks(loss), progress)
            if self.plateau.may_help(progress):
                weight = weight + help_needed
        if isinstance(weight, Tensor) or weight:
            shares = ink_left_of(pixels, logits.shape[1])
            loss = loss + weight * even_alignment(logits, classes, lengths, shares)
        if self.consistency:
            loss = loss + self.consistency * consistency(logits, lengths)
        return {"loss": loss, "blank_rate": blank.float().mean()}

    def _twice(self, batch: LabeledBatch) -> LabeledBatch:
        images, classes, lengths = batch
        return torch.cat([images] * 2), torch.cat([classes] * 2), torch.cat([lengths] * 2)

    def _hold_still(self, still: bool) -> None:
        """Freeze or unfreeze the encoder, if that changes.

        A GPU cannot record a step that may change in this way; the loop detects it and says so.
        """
        if still != self._still:
            encoder = self.recognizer.encoder.requires_grad_(not still)
            encoder.train(self.training and not still)
            self._still = still


def ctc_loss(logits: Tensor, classes: Tensor, lengths: Tensor) -> Tensor:
    """The mean of `ctc_losses` over the images, a scalar."""
    return ctc_losses(logits, classes, lengths).mean()


def ctc_losses(
    logits: Tensor, classes: Tensor, lengths: Tensor, *, recorded: bool = False
) -> Tensor:
    """Negative log-likelihood of each label per character `[B]` (Graves et al. 2006).

    `logits` are `[B, T, K]` with class 0 the blank; float32 inside. A `recorded` step computes the
    same by operations that never wait for the device.
    """
    if recorded:
        losses = ctc_recursion(logits.float().log_softmax(-1), classes, lengths)
        return losses / lengths.clamp_min(1)
    log_probabilities = logits.float().log_softmax(-1).transpose(0, 1)
    frames = torch.full((logits.shape[0],), logits.shape[1], dtype=torch.long)
    if torch.are_deterministic_algorithms_enabled():
        # On CUDA its gradient adds up in any order.
        log_probabilities, classes = log_probabilities.cpu(), classes.cpu()
    losses = F.ctc_loss(
        log_probabilities,
        classes,
        frames,
        lengths.cpu(),
        blank=0,
        reduction="none",
        zero_infinity=True,
    )
    return losses.to(logits.device) / lengths.clamp_min(1).to(logits.device)


def pad_labels(labels: Sequence[str], charset: Charset) -> tuple[Tensor, Tensor]:
    """Classes int64 `[N, L]` padded with 0, and lengths int64 `[N]`.

    Raises UserError for a character outside the charset.
    """
    encoded = [charset.encode(label) for label in labels]
    lengths = torch.tensor([len(classes) for classes in encoded])
    padded = torch.zeros(len(labels), int(lengths.max()), dtype=torch.long)
    for row, classes in zip(padded, encoded, strict=True):
        row[: len(classes)] = torch.tensor(classes)
    return padded, lengths
