"""What limits the figures: the caveats of the report."""

from __future__ import annotations

from collections.abc import Iterator

from captcha_ssl.benchmark.report.results import Results
from captcha_ssl.recognition.evaluation.metrics import wilson_interval

_FEW_SEEDS = 5
_ENDS_OF_A_GRID = 2


def caveats(results: Results) -> list[str]:
    """One or two sentences for each limit of this benchmark, the most serious first."""
    found = (_stuck, _compute, _seeds, _pretraining, _rates, _test_images, _rendered)
    return [line for caveat in found for line in caveat(results)]


def _stuck(results: Results) -> Iterator[str]:
    stuck = [
        f"{entry.arm} at {entry.labels:,} labels ({entry.stuck} of {entry.runs})"
        for entry in results.entries
        if entry.stuck
    ]
    if stuck:
        yield (
            f"Runs that never left the CTC plateau: {', '.join(stuck)}. "
            "The mean of such an arm depends mostly on luck."
        )
    if any(entry.void for entry in results.entries):
        yield (
            "A gain over a baseline that is stuck is void: fine-tune longer, widen the grid of "
            "learning rates or use more labels before comparing."
        )


def _compute(results: Results) -> Iterator[str]:
    arms = results.configuration.arms
    if not any(arm.method is None for arm in arms):
        yield "Every arm is pretrained, so there is no baseline to measure a gain against."
    elif results.pretrained and not any(arm.match_compute for arm in arms):
        yield (
            "Arms without pretraining get the same fine-tuning steps, but not the compute of the "
            "pretraining. Add scratch-long to --arms for a baseline with the same compute."
        )


def _seeds(results: Results) -> Iterator[str]:
    seeds = results.configuration.benchmark.seeds
    if seeds == 1:
        yield "One seed: there is no interval, and any difference may be chance."
    elif seeds < _FEW_SEEDS:
        yield f"{seeds} seeds give wide intervals; use {_FEW_SEEDS} or more for a publication."


def _pretraining(results: Results) -> Iterator[str]:
    settings = results.configuration.benchmark
    if results.pretrained and settings.pretrain_seeds == 1 and settings.seeds > 1:
        yield (
            "All seeds share one pretraining run, so the intervals do not include how much "
            "pretraining runs differ. Use pretrain_seeds for more runs."
        )


def _rates(results: Results) -> Iterator[str]:
    tried: dict[tuple[str, int], list[float]] = {}
    for trial in results.trials:
        tried.setdefault((trial.arm, trial.labels), []).append(trial.lr)
    chosen = sorted(results.chosen(), key=lambda trial: (trial.arm, trial.labels))
    at_edge = [
        f"{trial.arm} at {trial.labels:,} ({trial.lr:g})"
        for trial in chosen
        if len(set(tried[trial.arm, trial.labels])) > 1
        and trial.lr in (min(tried[trial.arm, trial.labels]), max(tried[trial.arm, trial.labels]))
    ]
    if len(results.configuration.benchmark.lr_grid) == 1:
        yield "All arms learn at one rate: another may suit some of them better."
    elif len(results.configuration.benchmark.lr_grid) <= _ENDS_OF_A_GRID:
        yield "Few learning rates are tried: a better one may lie outside the grid."
    elif at_edge:
        yield f"The best learning rate is at an end of its grid for {', '.join(at_edge)}."


def _test_images(results: Results) -> Iterator[str]:
    test = results.data["test"]
    low, high = wilson_interval(test // 2, test)
    yield (
        f"The intervals are over seeds. The sampling error of the {test:,} test images adds up "
        f"to ± {50 * (high - low):.1f} points to an exact match, much less to a paired gain."
    )


def _rendered(results: Results) -> Iterator[str]:
    settings = results.configuration.benchmark
    if not settings.data:
        yield (
            f"The images are rendered, style {settings.style}. In other styles the arms may rank "
            "differently."
        )
