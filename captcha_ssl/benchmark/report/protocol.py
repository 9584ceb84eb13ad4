"""The protocol of a benchmark, in sentences."""

from __future__ import annotations

from collections.abc import Iterator

from captcha_ssl.benchmark.report.results import Results
from captcha_ssl.benchmark.runs.encoders.registry import encoder_source
from captcha_ssl.duration import duration
from captcha_ssl.recognition.fine_tuning.even_alignment import faded_after
from captcha_ssl.recognition.fine_tuning.settings import SelfTrainingSettings


def protocol(results: Results) -> Iterator[str]:
    """One or two sentences for each fact that a reader needs to judge the figures."""
    settings, data = results.configuration.benchmark, results.data
    yield from _test_images(results)
    costs = ", ".join(
        f"{p.method} (seed {p.seed}, {p.steps:,} steps, {duration(p.seconds)})"
        for p in results.pretrained
    )
    pile = f" and the {data['pile']:,} of the pile" if data["pile"] else ""
    yield (
        f"Pretraining sees the {data['pool']:,} pool images without labels{pile}: {costs}."
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
            f"Fine-tuning of every arm draws up to {settings.finetune_strokes} random curved "
            "strokes over an image."
        )
    if settings.alignment:
        faded = faded_after(settings.alignment_steps, settings.finetune_steps)
        yield (
            f"In the first {faded} steps of every arm a second loss assumes evenly spaced "
            f"characters; its weight falls from {settings.alignment:g} to 0."
        )
    if settings.consistency:
        yield (
            "Fine-tuning of every arm adds a loss between two views of an image (CR-CTC), with the "
            f"weight {settings.consistency:g}."
        )
    if settings.freeze_first:
        yield (
            f"In the first {settings.freeze_first:.0%} of the steps, arms with an encoder train "
            "their head alone."
        )
    yield from _other_arms(results)
    yield _tuning(results)
    yield (
        f"Then {settings.seeds} runs vary the labels, the initialization and the batches; with "
        "the same seed every arm gets the same labels, and a smaller label set is a subset of a "
        "larger one."
    )


def _tuning(results: Results) -> str:
    settings, rates = results.configuration.benchmark, len(results.configuration.benchmark.lr_grid)
    if not results.trials:
        frozen = any(arm.freeze for arm in results.configuration.arms)
        head = f", and {settings.head_lr_grid[0]:g} where the encoder is frozen" * frozen
        return f"Nothing is tuned: the learning rate is {settings.lr_grid[0]:g}{head}."
    return (
        f"For each arm and label count {rates} learning rate{'s are' if rates > 1 else ' is'} tried"
        f"{_recipes(results)}, and the one with the lowest character error rate is used. The "
        "validation images are as many as the labels, and no reported run uses the seed that "
        "draws them."
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
        f" (an arm …-self-training tries each with each of {len(tried)} recipes: "
        f"{', '.join(tried)}; it uses {', '.join(chosen)})"
    )


def _test_images(results: Results) -> Iterator[str]:
    settings, data = results.configuration.benchmark, results.data
    yield (
        f"{data['test']:,} test images, drawn with a separate seed, are read once by each "
        f"reported run; {data['copies_removed']:,} copies of them are removed from the others."
    )
    yield (
        "If a run has 20 labels or more, and all have one length, its recognizer reads texts of "
        "that length unless another one is clearly likelier; from 50 labels on also of their kinds "
        "of characters (digits, capital and small letters) at each place."
    )
    if settings.unseen_style:
        yield (
            f"Each reported run also reads {data['unseen']:,} images rendered in the style "
            f"{settings.unseen_style}. Nothing is trained or tuned on them."
        )


def _other_arms(results: Results) -> Iterator[str]:
    """What is special about the arms that do not only train on the labels of a run."""
    settings, arms = results.configuration.benchmark, results.configuration.arms
    for name in dict.fromkeys(arm.method for arm in arms if arm.method):
        if told := encoder_source(name, results.configuration).describe():
            yield told
    if any(arm.strong for arm in arms):
        yield "An arm …-strong trains with larger warps, varied stroke thickness, strokes and dots."
    if any(arm.self_training for arm in arms):
        ratio = results.configuration.self_training.pile_ratio
        unless = " A recipe may change these values." if any(settings.recipes) else ""
        yield (
            "An arm …-self-training also learns from pseudo-labels. Each step adds "
            f"{ratio:g} unlabeled image{'s' * (ratio != 1)} per labeled image. "
            "The pseudo-label is what a slow average of the recognizer reads, if its probability "
            f"is at least {results.configuration.self_training.confidence:g}.{unless}"
            f"{_known_from_labels(results.configuration.self_training)} None of their labels is "
            "used."
        )


def _known_from_labels(settings: SelfTrainingSettings) -> str:
    """What pseudo-labels have in common with the labels of a run."""
    length = "their number of characters, if all have the same" if settings.known_length else ""
    frequency = "the frequencies of their characters" if settings.balance else ""
    known = " and ".join(filter(None, (length, frequency)))
    return f" Pseudo-labels follow the labels of the run in {known}." if known else ""


def _longer(results: Results) -> str:
    usual = results.configuration.benchmark.finetune_steps
    steps = {row.arm: row.steps for row in results.rows if row.steps != usual}
    return "".join(f"; {arm} {n:,} steps, to match compute" for arm, n in steps.items())
