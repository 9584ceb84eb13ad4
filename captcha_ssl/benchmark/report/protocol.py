"""The protocol of a benchmark, in sentences."""

from __future__ import annotations

from collections.abc import Iterator

from captcha_ssl.benchmark.report.results import Results
from captcha_ssl.benchmark.runs.sources import encoder_source
from captcha_ssl.duration import duration
from captcha_ssl.recognition.fine_tuning.even_alignment import faded_after


def protocol(results: Results) -> Iterator[str]:
    """One or two sentences for each thing that a reader must know to judge the figures."""
    settings, data = results.configuration.benchmark, results.data
    yield from _test_images(results)
    costs = ", ".join(
        f"{p.method} (seed {p.seed}, {p.steps:,} steps, {duration(p.seconds)})"
        for p in results.pretrained
    )
    yield (
        f"Pretraining sees the {data['pool']:,} pool images without labels: {costs}."
        if costs
        else "No arm is pretrained."
    )
    yield (
        f"Every arm shares recognizer, augmentation, charset and schedule: "
        f"{settings.finetune_steps:,} steps of {settings.finetune_batch_size} images"
        f"{_longer(results)}."
    )
    if settings.finetune_strokes:
        yield (
            f"Fine-tuning of every arm draws up to {settings.finetune_strokes} curved strokes of "
            "its own over an image."
        )
    if settings.alignment:
        faded = faded_after(settings.alignment_steps, settings.finetune_steps)
        yield (
            f"In the first {faded} steps of every arm the characters are also taken to stand "
            f"evenly, with a weight that falls from {settings.alignment:g} to 0."
        )
    yield from _other_arms(results)
    yield (
        f"For each arm and label count the learning rate is the best of {len(settings.lr_grid)} "
        "by character error rate on as many validation images as labels, drawn from the pool "
        f"with another seed than any reported run{_recipes(results)}."
    )
    yield (
        f"Then {settings.seeds} runs vary label subset, initialization and batches; a seed means "
        "the same labels in every arm, and fewer labels are a subset of more."
    )


def _recipes(results: Results) -> str:
    tried = results.configuration.benchmark.recipes
    chosen = [
        f"{trial.recipe} for {trial.arm} at {trial.labels:,}"
        for trial in sorted(results.chosen(), key=lambda trial: (trial.labels, trial.arm))
        if trial.recipe
    ]
    if not chosen:
        return ""
    return (
        f"; an arm …-self-training tries each with each of {len(tried)} recipes "
        f"({', '.join(tried)}), and {', '.join(chosen)} won"
    )


def _test_images(results: Results) -> Iterator[str]:
    settings, data = results.configuration.benchmark, results.data
    yield (
        f"{data['test']:,} test images, drawn by a seed of their own, are read once by each "
        f"reported run; {data['copies_removed']:,} copies of them were taken out of the pool."
    )
    if settings.unseen_style:
        yield (
            f"Each of them also reads {data['unseen']:,} images rendered in the style "
            f"{settings.unseen_style}, of which nothing is learned or tuned."
        )


def _other_arms(results: Results) -> Iterator[str]:
    """What the arms do that are not only trained on the labels of the pool."""
    settings, arms = results.configuration.benchmark, results.configuration.arms
    for name in dict.fromkeys(arm.method for arm in arms if arm.method):
        if told := encoder_source(name, results.configuration).describe():
            yield told
    if any(arm.strong for arm in arms):
        yield "An arm …-strong sees larger warps, other thicknesses, strokes and dots."
    if any(arm.self_training for arm in arms):
        but = ", but for what its recipe says" if any(settings.recipes) else ""
        yield (
            "An arm …-self-training also learns, in each step, from as many pool images as "
            "labeled ones times "
            f"{results.configuration.self_training.pile_ratio:g}: what a slow average of itself "
            "reads there with a probability of at least "
            f"{results.configuration.self_training.confidence:g}{but}. It reads no label of the "
            "pool."
        )


def _longer(results: Results) -> str:
    usual = results.configuration.benchmark.finetune_steps
    steps = {row.arm: row.steps for row in results.rows if row.steps != usual}
    return "".join(f"; {arm} {n:,} steps, to match compute" for arm, n in steps.items())
