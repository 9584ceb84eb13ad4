"""Recipes of self-training, written `ramp=0.05:pile_ratio=3`."""

from __future__ import annotations

from captcha_ssl.benchmark.plan.settings import BenchmarkSettings
from captcha_ssl.config import Given
from captcha_ssl.recognition.fine_tuning.settings import SelfTrainingSettings
from captcha_ssl.settings import setting


class SelfTrainingRecipe(SelfTrainingSettings):
    """The self-training of an arm, and its number of labeled images per step."""

    finetune_batch_size: int = setting(32, "labeled images per step of fine-tuning", low=1)


def build_recipes(
    settings: BenchmarkSettings, common: SelfTrainingSettings
) -> dict[str, SelfTrainingRecipe]:
    """All recipes by name; they override the settings of the benchmark.

    The one without a name overrides nothing. Raises UserError for a key that self-training does not
    have, or a value that is not allowed.
    """
    start = SelfTrainingRecipe(
        **common.model_dump(), finetune_batch_size=settings.finetune_batch_size
    )
    return {name: _build(name, start) for name in ("", *settings.recipes)}


def _build(name: str, start: SelfTrainingRecipe) -> SelfTrainingRecipe:
    assignments = name.split(":") if name else ()
    return Given(assignments=assignments, label=f"recipes, {name}").over(start)[SelfTrainingRecipe]
