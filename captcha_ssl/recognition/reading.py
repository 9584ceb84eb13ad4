"""What a recogniser reads in images that have its geometry."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from captcha_ssl.data.sweep import Progress
from captcha_ssl.recognition.decoding import greedy_decode
from captcha_ssl.recognition.recogniser import Recogniser

BATCH_SIZE = 256


@dataclass(frozen=True)
class Reading:
    """A text, the probability of its best path, and one probability for each character."""

    text: str
    confidence: float
    char_confidences: tuple[float, ...]


def read_images(
    recogniser: Recogniser,
    images: np.ndarray,
    batch_size: int = BATCH_SIZE,
    progress: Progress | None = None,
) -> list[Reading]:
    """Read uint8 images [N, C, H, W] on the recogniser's device, in evaluation mode.

    The modes its modules were in are restored, so that a training loop may call this between
    two steps. `progress(done, total)` is called after each batch.
    """
    device = next(recogniser.parameters()).device
    modes = [(module, module.training) for module in recogniser.modules()]
    recogniser.eval()
    readings: list[Reading] = []
    try:
        for start in range(0, len(images), batch_size):
            # A copy: torch warns of memory that is mapped read-only from a file.
            batch = torch.from_numpy(np.array(images[start : start + batch_size]))
            with torch.inference_mode():
                logits = recogniser(batch.to(device)).float().cpu().numpy()
            readings += _readings(recogniser, logits)
            if progress is not None:
                progress(len(readings), len(images))
    finally:
        for module, training in modes:
            module.training = training
    return readings


def _readings(recogniser: Recogniser, logits: np.ndarray) -> list[Reading]:
    return [
        Reading(
            recogniser.charset.decode(decoded.classes), decoded.confidence, decoded.char_confidences
        )
        for decoded in greedy_decode(logits)
    ]
