"""The recognizer that a training begins with."""

from __future__ import annotations

from pathlib import Path

import torch

from captcha_ssl.data.charset import Charset
from captcha_ssl.data.geometry import Geometry
from captcha_ssl.models.encoder import build_encoder
from captcha_ssl.models.shipped import at_height
from captcha_ssl.models.transfer import load_encoder, load_head
from captcha_ssl.recognition.fine_tuning.config import FinetuneConfig
from captcha_ssl.recognition.fine_tuning.labeled_data import FinetuneData
from captcha_ssl.recognition.reading.recognizer import Recognizer
from captcha_ssl.recognition.reading.text_length import usual_length
from captcha_ssl.training.init_from import adopt


def initial_recognizer(config: FinetuneConfig, data: FinetuneData) -> tuple[Recognizer, int]:
    """The recognizer of a fine-tuning before its first step, the same for the same seed.

    Also returns how many characters it knows. Raises UserError for an unfit `init_from`.
    """
    torch.manual_seed(config.loop.seed)
    source = config.finetune.init_from
    model, _ = adopt(config.model, source, loaded=True)
    recognizer, known = recognizer_from(source, model.encoder, data.charset, data.train.geometry)
    recognizer.length = usual_length(data.labels, data.charset)
    return recognizer, known


def recognizer_from(
    source: Path | None, encoder: str, charset: Charset, geometry: Geometry
) -> tuple[Recognizer, int]:
    """A recognizer with random weights, or with those of a model as far as it has them.

    Also returns the number of characters that the model knows. Raises UserError for an unfit model.
    """
    built = build_encoder(encoder, geometry.channels, geometry.height)
    recognizer = Recognizer(built, charset, geometry)
    if source is None:
        return recognizer, 0
    load_encoder(built, source)
    return recognizer, load_head(recognizer.head, charset, source, geometry.height)


def recognizer_at(source: Path, geometry: Geometry) -> Recognizer:
    """The recognizer of a run or model file, or `shipped`, for images of `geometry`.

    It takes texts of every length to be as likely: other images may have other texts.
    Raises UserError if there is none, or if it cannot read such images.
    """
    held = Recognizer.load(at_height(source, geometry.height))
    recognizer, _ = recognizer_from(source, held.encoder.name, held.charset, geometry)
    recognizer.calibration = held.calibration
    return recognizer.eval()
