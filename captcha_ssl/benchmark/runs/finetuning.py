"""One fine-tuning of an arm, as tuning and reported runs alike need it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from captcha_ssl.benchmark.plan.plan import Arm
from captcha_ssl.benchmark.plan.recipes import Recipe
from captcha_ssl.benchmark.plan.settings import BenchmarkSettings
from captcha_ssl.data.charset import Charset
from captcha_ssl.data.dataset import Dataset
from captcha_ssl.recognition.finetune import FinetuneResult, finetune
from captcha_ssl.recognition.self_training import Pile
from captcha_ssl.recognition.settings import FinetuneSettings
from captcha_ssl.training.settings import LoopSettings, ModelSettings
from captcha_ssl.views.settings import ViewSettings, gentle_views, strong_views


def fine_tune(
    arm: Arm,
    data: Dataset,
    charset: Charset,
    settings: BenchmarkSettings,
    model: ModelSettings,
    *,
    lr: float,
    seed: int,
    steps: int,
    encoder: Path | None,
    pool: np.ndarray,
    recipe: Recipe,
) -> FinetuneResult:
    """Train the recognizer of `arm` on `data`, from `encoder` or from scratch.

    A self-training arm learns from the images `pool` too, uint8 `[N, C, H, W]`, by the `recipe`.

    `lr` is the rate that was tuned: the encoder's, or the head's when the encoder is frozen.
    Raises UserError when the loss is not finite.
    """
    what = FinetuneSettings(
        steps=steps,
        head_lr=lr if arm.freeze else settings.head_lr,
        freeze=arm.freeze,
        alignment=settings.alignment,
        alignment_steps=settings.alignment_steps,
        init_from=encoder,
    )
    loop = LoopSettings(
        batch_size=recipe.finetune_batch_size,
        lr=lr,
        seed=seed,
        device=settings.device,
        precision=settings.precision,
    )
    views = strong_views() if arm.strong else _gentle(settings)
    return finetune(
        *(data, charset, what.replace(**arm.finetune), loop, model, views),
        pile=Pile(pool, recipe) if arm.self_training else None,
    )


def _gentle(settings: BenchmarkSettings) -> ViewSettings:
    return gentle_views(strokes=settings.finetune_strokes)
