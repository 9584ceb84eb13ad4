"""The recognizer: encoder, CTC head, charset, geometry and calibration."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from captcha_ssl.data.charset import Charset
from captcha_ssl.data.geometry import Geometry
from captcha_ssl.errors import UserError
from captcha_ssl.models.encoder import Encoder, build_encoder, standardize
from captcha_ssl.models.model_card import Calibration, ModelCard
from captcha_ssl.models.model_file import find_model, load_model, save_model
from captcha_ssl.recognition.reading.text_length import TextLength, kinds_on_card, length_of
from captcha_ssl.recognition.reading.text_reader import finite


class Recognizer(nn.Module):
    """Images to per-frame logits over blank (class 0) and the characters of the charset."""

    def __init__(self, encoder: Encoder, charset: Charset, geometry: Geometry) -> None:
        super().__init__()
        self.encoder, self.charset, self.geometry = encoder, charset, geometry
        self.calibration = Calibration()
        self.length: TextLength | None = None
        self.file: Path | None = None
        """Where it was read from."""
        self.head = nn.Linear(encoder.dim, charset.num_classes)

    def forward(self, images: Tensor) -> Tensor:
        """uint8 `[B, C, H, W]`, standardized here, or float that already is → float32 `[B, T, K]`.

        The head computes in float32 whatever the autocast: CTC compares small differences.
        """
        pixels = standardize(images) if images.dtype == torch.uint8 else images
        frames: Tensor = self.encoder(pixels)
        with torch.autocast(frames.device.type, enabled=False):
            logits: Tensor = self.head(frames.float())
        return logits

    def logits(self, images: np.ndarray) -> np.ndarray:
        """uint8 [N, C, H, W] → float32 [N, T, K], in evaluation mode, on the device it is on.

        The modes its modules were in are restored, so that a training loop may call this between
        two steps. Raises DivergedError for logits that are not finite.
        """
        device = next(self.parameters()).device
        modes = [(module, module.training) for module in self.modules()]
        self.eval()
        try:
            # A copy: torch warns of memory that is mapped read-only from a file.
            batch = torch.from_numpy(np.array(images)).to(device)
            with torch.inference_mode():
                answer: np.ndarray = self(batch).float().cpu().numpy()
        finally:
            for module, training in modes:
                module.training = training
        return finite(answer, self.file or "the recognizer")

    def card(self, about: dict[str, Any]) -> ModelCard:
        """The model card of this recognizer."""
        return ModelCard(
            "recognizer",
            self.encoder.name,
            self.geometry,
            self.charset.characters,
            about=about,
            calibration=self.calibration,
            length=self.length.characters if self.length else None,
            kinds=kinds_on_card(self.length),
        )

    def save(self, path: Path, about: dict[str, Any]) -> None:
        """Write the model file, atomically. Raises OSError."""
        save_model(path, self.state_dict(), self.card(about))

    @classmethod
    def load(cls, path: Path, device: torch.device | str = "cpu") -> Recognizer:
        """Read a run directory or model file, ready to predict.

        Raises UserError when it is unreadable or holds an encoder without a recognizer.
        """
        card, tensors = load_model(path)
        if card.kind != "recognizer" or card.charset is None:
            raise UserError(f"{find_model(path)}: an encoder, not a recognizer; finetune it first")
        encoder = build_encoder(card.encoder, card.geometry.channels, card.geometry.height)
        model = cls(encoder, Charset(card.charset), card.geometry)
        model.calibration, model.length = card.calibration, length_of(card)
        try:
            model.load_state_dict(tensors)
        except RuntimeError as error:
            raise UserError(f"{find_model(path)}: the weights do not fit its own card") from error
        model.file = find_model(path)
        return model.to(device).eval()
