"""Self-training: a moving average of the recognizer labels images, and the recognizer learns them.

The teacher is the exponential moving average of the student (Mean Teacher, Tarvainen & Valpola
2017). It reads the images as they are; if it is sure, the student must read the same text in a
strongly augmented view (FixMatch, Sohn et al. 2020, with a sequence for the class). FixMatch shows
the teacher a weakly augmented image. Here it sees the image unchanged, which saves a fifth of the
errors: it reads images better than views, and its batch statistics are those of images, which it
reads when it is finished (docs/results/recipe-search.md).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from captcha_ssl.data.images import ImageArray
from captcha_ssl.models.encoder import standardize
from captcha_ssl.models.momentum import follow, slow_copy
from captcha_ssl.models.ranks import world_size
from captcha_ssl.models.task import Progress, Task
from captcha_ssl.recognition.fine_tuning.character_balance import CharacterBalance
from captcha_ssl.recognition.fine_tuning.ctc import CTCTask, LabeledBatch, ctc_losses
from captcha_ssl.recognition.fine_tuning.settings import SelfTrainingSettings
from captcha_ssl.recognition.reading.pseudo_labels import pseudo_labels
from captcha_ssl.recognition.reading.recognizer import Recognizer
from captcha_ssl.recognition.reading.text_length import common_length, usual_length
from captcha_ssl.training.distributed import check_shareable
from captcha_ssl.training.store import image_fetcher
from captcha_ssl.views.settings import strong_views
from captcha_ssl.views.view import random_view

SemiLabeledBatch = tuple[LabeledBatch, Tensor]
"""A labeled batch and unlabeled uint8 images `[U, C, H, W]`."""

LABELED_LOSS = "labeled_loss"
"""The figure that shows whether a self-training has left the CTC plateau."""
ACCEPTED = "accepted"
"""The figure with the share of the pile's images whose readings were sure enough to be learned."""


class SelfTrainingTask(Task):
    """Train on labels like `supervised`, and on pseudo-labels of a moving-average teacher.

    `labels` are those of `supervised`: pseudo-labels have their length, if all have the same, the
    kinds of their characters at each place, and their characters' frequencies. With a `guide`, that
    reads the images instead of the average, from the first step on: it knows already.
    """

    def __init__(
        self,
        supervised: CTCTask,
        settings: SelfTrainingSettings,
        labels: Sequence[str],
        guide: Recognizer | None = None,
    ) -> None:
        super().__init__()
        self.guide = guide
        self.length = common_length(labels) if settings.known_length else None
        usual = usual_length(labels, supervised.recognizer.charset) if self.length else None
        allowed = None if usual is None else usual.allowed
        self.allowed: Tensor | None
        self.register_buffer(
            "allowed", None if allowed is None else torch.from_numpy(allowed), persistent=False
        )
        self.balance: CharacterBalance | None = None
        if settings.balance:
            charset = supervised.recognizer.charset
            self.balance = CharacterBalance(labels, charset, settings.balance)
        self.supervised, self.settings = supervised, settings
        self.rests_parts = supervised.rests_parts
        self.strong = strong_views().with_ink_of(supervised.views)
        self.teacher = slow_copy(supervised.recognizer)
        self.steps: Tensor
        self.register_buffer("steps", torch.zeros((), dtype=torch.long))

    def train(self, mode: bool = True) -> SelfTrainingTask:
        """The teacher also normalizes by its own batches, except in a frozen encoder."""
        super().train(mode)
        if self.supervised.frozen:
            self.teacher.encoder.eval()
        if self.guide is not None:
            self.guide.eval()
        return self

    def forward(self, batch: SemiLabeledBatch, progress: Progress) -> dict[str, Tensor]:
        """`loss` and its two parts; `accepted` and `read_length` of the pseudo-labels."""
        labeled, images = batch
        figures = self.supervised(labeled, progress)
        learned = self._learn_from_teacher(images)
        ramp = self.settings.ramp if self.guide is None else 0.0
        weight = self.settings.pile_weight * rise(progress, ramp)
        loss = figures["loss"] + weight * learned["pile_loss"]
        return {**figures, **learned, "loss": loss, LABELED_LOSS: figures["loss"]}

    def after_step(self, progress: Progress) -> None:
        """The teacher follows: its window is a share of the steps, however many there are.

        (A polynomial-decay average, Shamir & Zhang 2013, section 4.)
        """
        self.supervised.after_step(progress)
        self.steps += 1
        momentum = 1 - 1 / (1 + self.settings.teacher_window * self.steps)
        follow(self.teacher, self.supervised.recognizer, momentum)

    def _learn_from_teacher(self, images: Tensor) -> dict[str, Tensor]:
        pixels = standardize(images)
        with torch.no_grad():
            reader = self.teacher if self.guide is None else self.guide
            logits = reader(pixels)
            if self.balance is not None:
                logits = self.balance(logits)
            read = pseudo_labels(logits, self.length, self.allowed)
        # Weights of 0 and 1, so that Python never waits for the number of accepted images.
        believed = read.believed(self.settings.confidence).float()
        logits = self.supervised.recognizer(random_view(pixels, self.strong))
        losses = ctc_losses(logits, read.classes, read.lengths, recorded=self.recorded)
        return {
            "pile_loss": (believed * losses).mean(),
            ACCEPTED: believed.mean(),
            "read_length": read.lengths.float().mean(),
        }


def rise(progress: Progress, ramp: float) -> Progress:
    """exp(−5 (1 − p)²) with p = `progress` / `ramp` up to 1 (Laine & Aila 2017, appendix A)."""
    if isinstance(progress, Tensor):
        left = (1 - progress / ramp).clamp_min(0) if ramp else torch.zeros_like(progress)
        return torch.exp(-5 * left**2)
    p = min(1.0, progress / ramp) if ramp else 1.0
    return math.exp(-5 * (1 - p) ** 2)


def with_unlabeled(
    fetch: Callable[[Tensor], LabeledBatch], images: ImageArray, count: int, device: torch.device
) -> Callable[[Tensor], SemiLabeledBatch]:
    """A function from indices of labeled images to them and `count` of `images`.

    Those are drawn by torch's generator, which the loop seeds for each step; each of several
    ranks draws and reads its share of the `count`. Raises UserError when they cannot share it.
    """
    check_shareable(count, f"the {count} unlabeled images of a step", "change pile_ratio")
    share = count // world_size()
    pixels, total = image_fetcher(images, device), len(images)

    def fetch_both(indices: Tensor) -> SemiLabeledBatch:
        return fetch(indices), pixels(torch.randint(total, (share,)))

    return fetch_both


def teacher_of(task: Task) -> Recognizer | None:
    """The teacher of a self-training task, which is the better reader; None of another task."""
    return task.teacher if isinstance(task, SelfTrainingTask) else None
