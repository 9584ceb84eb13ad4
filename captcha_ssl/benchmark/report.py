"""benchmark.json, report.md and the picture."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from captcha_ssl.atomic import atomic_write_text
from captcha_ssl.benchmark.caveats import caveats
from captcha_ssl.benchmark.comparison import columns, table, worth_comparing
from captcha_ssl.benchmark.comparison_plot import COMPARISON_PLOT, plot_comparison
from captcha_ssl.benchmark.plan import SYNTHETIC, is_method
from captcha_ssl.benchmark.plots import PLOT, plot_accuracy
from captcha_ssl.benchmark.pretraining import Pretrained
from captcha_ssl.benchmark.progress import duration
from captcha_ssl.benchmark.results import Results
from captcha_ssl.benchmark.table import COLUMNS, cells

DATA, REPORT = "benchmark.json", "report.md"
MONITORED = {
    "effective rank": "effective_rank",
    "deviation": "deviation",
    "alignment": "alignment",
    "uniformity": "uniformity",
}
"""Heads of columns, and the figures of the monitor under them."""


def write_report(out: Path, results: Results) -> None:
    """Write all three into `out`, each whole or not at all. Raises OSError."""
    text = json.dumps(results.to_json(), indent=2, ensure_ascii=False)
    atomic_write_text(out / DATA, text + "\n")
    if worth_comparing(results):
        plot_comparison(out / COMPARISON_PLOT, results)
    else:
        plot_accuracy(out / PLOT, results)
    atomic_write_text(out / REPORT, "\n".join(_markdown(results)) + "\n")


def _markdown(results: Results) -> Iterator[str]:
    data = results.data
    yield "# Benchmark"
    yield ""
    yield f"{data['source']}: {data['pool']:,} images to learn from, {data['test']:,} to test on."
    yield ""
    if worth_comparing(results):
        yield from ("## The methods side by side", "", *_comparison(results), "")
        yield from ("## Every arm", "")
    yield from _table(results)
    yield ""
    yield (
        "± is half of a 95% t-interval over the seeds. The gain is paired by seed, in percentage "
        "points of exact match, over the best arm without pretraining; it is void where a run of "
        "that arm is stuck. Labels saved: how many times more labels that arm "
        "needs for the same exact match. Stuck: runs that never left the CTC plateau. "
        f"Time: one fine-tuning, {results.environment['at once']} at once."
    )
    yield ""
    if worth_comparing(results):
        yield f"![Exact match of every method]({COMPARISON_PLOT})"
    else:
        yield f"![Exact match against labels]({PLOT})"
    if results.pretrained:
        yield from _pretraining(results.pretrained)
    for title, lines in (("Protocol", _protocol(results)), ("Caveats", caveats(results))):
        yield from ("", f"## {title}", "")
        yield from (f"{number}. {line}" for number, line in enumerate(lines, start=1))
    yield from ("", "## To repeat it", "", "```", results.command, "```", "")
    facts = ", ".join(f"{name} {value}" for name, value in results.environment.items())
    yield f"Measured with {facts}. All settings are in `config.toml`, every run in `{DATA}`."


def _comparison(results: Results) -> Iterator[str]:
    heads = columns(results)
    yield f"| {' | '.join(heads)} |"
    yield "|:--|" + "--:|" * (len(heads) - 1)
    for row in table(results):
        yield f"| {' | '.join(row)} |"


def _table(results: Results) -> Iterator[str]:
    yield f"| {' | '.join(COLUMNS)} |"
    yield "|" + "".join(":--|" if name in ("arm", "over") else "--:|" for name in COLUMNS)
    for entry in results.entries:
        yield f"| {' | '.join(cells(entry))} |"


def _pretraining(pretrained: Sequence[Pretrained]) -> Iterator[str]:
    yield from ("", "## What pretraining came to", "")
    yield f"| pretraining | seed | steps | time | {' | '.join(MONITORED)} | place told |"
    yield "|:--|" + "--:|" * (len(MONITORED) + 4)
    for run in pretrained:
        if run.diverged:
            yield f"| {run.method} | {run.seed} | {run.steps:,} |{' – |' * (len(MONITORED) + 2)}"
            continue
        figures = ["–"] * (len(MONITORED) + 1)
        if is_method(run.method):
            figures = [f"{run.figures[name]:.2f}" for name in MONITORED.values()]
            figures.append("{place_accuracy:.0%} (chance {place_chance:.0%})".format(**run.figures))
        cells = (f"{run.seed}", f"{run.steps:,}", duration(run.seconds), *figures)
        yield f"| {run.method} | {' | '.join(cells)} |"
    yield ""
    yield (
        "Of frames of plain images, without labels. Effective rank: how many dimensions are used "
        "(Roy & Vetterli 2007). Deviation: 0 when all frames are one vector, 1 when they fill the "
        "sphere. Alignment, uniformity: Wang & Isola 2020, the lower the better. Place told: how "
        "often a linear layer tells where in the image a window is; high means that places may "
        "have been learnt in the stead of strokes."
    )
    warned = [f"{run.method} (seed {run.seed}): {w}" for run in pretrained for w in run.findings]
    yield from ("", *(f"- {line}" for line in warned)) if warned else ()


def _protocol(results: Results) -> Iterator[str]:
    settings, data = results.configuration.benchmark, results.data
    yield (
        f"{data['test']:,} test images, drawn by a seed of their own, are read once by each "
        f"reported run; {data['copies_removed']:,} copies of them were taken out of the pool."
    )
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
        f"Every arm shares recogniser, augmentation, charset and schedule: "
        f"{settings.finetune_steps:,} steps of {settings.finetune_batch_size} images"
        f"{_longer(results)}."
    )
    yield from _other_arms(results)
    yield (
        f"For each arm and label count the learning rate is the best of {len(settings.lr_grid)} "
        "by character error rate on as many validation images as labels, drawn from the pool "
        "with another seed than any reported run."
    )
    yield (
        f"Then {settings.seeds} runs vary label subset, initialisation and batches; a seed means "
        "the same labels in every arm, and fewer labels are a subset of more."
    )


def _other_arms(results: Results) -> Iterator[str]:
    """What the arms do that are not only trained on the labels of the pool."""
    settings, arms = results.configuration.benchmark, results.configuration.arms
    if any(arm.method == SYNTHETIC for arm in arms):
        yield (
            f"synthetic is pretrained not on the pool but on {settings.synthetic:,} images "
            f"rendered in the style {settings.synthetic_style}, with their labels."
        )
    if any(arm.strong for arm in arms):
        yield "An arm …-strong sees larger warps, other thicknesses, strokes and dots."
    if any(arm.self_training for arm in arms):
        yield (
            "An arm …-self-training also learns, in each step, from as many pool images as "
            "labelled ones times "
            f"{results.configuration.self_training.pile_ratio:g}: what a slow average of itself "
            "reads there with a probability of at least "
            f"{results.configuration.self_training.confidence:g}. It reads no label of the pool."
        )


def _longer(results: Results) -> str:
    usual = results.configuration.benchmark.finetune_steps
    steps = {row.arm: row.steps for row in results.rows if row.steps != usual}
    return "".join(f"; {arm} {n:,} steps, to match compute" for arm, n in steps.items())
