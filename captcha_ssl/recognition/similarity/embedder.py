"""Embeddings of images: the mean of the frames of each."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from captcha_ssl.data.geometry import Geometry
from captcha_ssl.data.images import ImageArray
from captcha_ssl.data.sweep import Progress
from captcha_ssl.errors import DivergedError
from captcha_ssl.models.encoder import Encoder, build_encoder, standardize
from captcha_ssl.models.model_file import load_model
from captcha_ssl.models.transfer import load_encoder
from captcha_ssl.recognition.reading.pseudo_labels import pseudo_labels
from captcha_ssl.recognition.reading.recognizer import Recognizer
from captcha_ssl.recognition.reading.text_reader import finite

_BATCH = 256


class Embedder:
    """Embeds images with a pretrained encoder or a recognizer."""

    def __init__(self, run: Path, device: torch.device) -> None:
        """Load a run directory or model file. Raises UserError if it is neither."""
        card, _ = load_model(run)
        self.geometry: Geometry = card.geometry
        self.recognizer: Recognizer | None = None
        if card.kind == "recognizer":
            self.recognizer = Recognizer.load(run, device)
            self.encoder: Encoder = self.recognizer.encoder
        else:
            encoder = build_encoder(card.encoder, card.geometry.channels, card.geometry.height)
            load_encoder(encoder, run)
            self.encoder = encoder.to(device).eval()
        self.device, self.run = device, run

    @torch.no_grad()
    def __call__(
        self, images: ImageArray, progress: Progress | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """Unit vectors float32 `[N, D]` of uint8 `[N, C, H, W]`; uncertainty float32 `[N]`.

        A vector is the normalized mean of the frames of an image (zero if all frames are zero). The
        uncertainty is 1 − the probability of the best path, and None without a recognizer. Both
        stay on the device. Raises DivergedError if the encoder or the head gives numbers that are
        not finite.
        """
        vectors, unsure = [], []
        for start in range(0, len(images), _BATCH):
            batch = torch.from_numpy(np.array(images[start : start + _BATCH])).to(self.device)
            frames = self.encoder(standardize(batch)).float()
            if not frames.isfinite().all():
                raise DivergedError(
                    f"{self.run}: its frames are not finite numbers; train it again"
                )
            vectors.append(F.normalize(frames.mean(1), dim=1))
            if self.recognizer is not None:
                logits = self.recognizer.head(frames)
                finite(logits.cpu().numpy(), self.run)
                unsure.append(1 - pseudo_labels(logits).confidence)
            if progress is not None:
                progress(min(start + _BATCH, len(images)), len(images))
        return torch.cat(vectors), torch.cat(unsure) if unsure else None
