"""What the report says, block by block."""

from __future__ import annotations

from collections.abc import Iterator

from captcha_ssl.benchmark.report.blocks import (
    Block,
    Code,
    Gallery,
    Heading,
    Highlights,
    Items,
    Picture,
    Table,
    Text,
)
from captcha_ssl.benchmark.report.caveats import caveats
from captcha_ssl.benchmark.report.comparison import columns, table, worth_comparing
from captcha_ssl.benchmark.report.comparison_plot import COMPARISON_PLOT
from captcha_ssl.benchmark.report.learning_curves import CURVES_PLOT
from captcha_ssl.benchmark.report.plots import PLOT
from captcha_ssl.benchmark.report.protocol import protocol
from captcha_ssl.benchmark.report.results import Results
from captcha_ssl.benchmark.report.table import COLUMNS, cells
from captcha_ssl.benchmark.report.unseen_table import UNSEEN_COLUMNS, unseen_table
from captcha_ssl.benchmark.report.verdict import highlights, unhelpful
from captcha_ssl.benchmark.runs.pretraining import EncoderRun
from captcha_ssl.duration import duration

DATA = "benchmark.json"
MONITORED = {
    "effective rank": "effective_rank",
    "deviation": "deviation",
    "alignment": "alignment",
    "uniformity": "uniformity",
}
"""Heads of columns, and the figures of the monitor under them."""


def content(results: Results) -> Iterator[Block]:
    """The report, from its title to the machine and the versions."""
    data, compared = results.data, worth_comparing(results)
    yield Heading("Benchmark", 1)
    pile = f" and {data['pile']:,} without labels" if data["pile"] else ""
    yield Text(
        f"{data['source']}: {data['pool']:,} training images{pile}, {data['test']:,} test images."
    )
    if found := highlights(results):
        yield Highlights(found)
    if compared:
        yield Heading("The methods compared")
        yield Table(columns(results), table(results), left=("method",))
        yield Heading("Every arm")
    yield Table(COLUMNS, [cells(entry) for entry in results.entries], left=("arm", "over"))
    yield Text(_legend(results))
    yield (
        Picture(COMPARISON_PLOT, "Exact match of every method")
        if compared
        else Picture(PLOT, "Exact match against labels")
    )
    if table_of_unseen := unseen_table(results.entries):
        yield from _unseen(results, table_of_unseen)
    if results.pretrained:
        yield from _pretraining(results.pretrained)
    if results.details:
        yield from _curves()
        yield from _errors(results)
    if failed := unhelpful(results):
        yield Heading("Pretraining that did not help")
        yield Text(
            "Arms whose gain over the same fine-tuning without pretraining has an interval that "
            "includes zero or less, in percentage points."
        )
        yield Items(failed)
    for title, lines in (("Protocol", list(protocol(results))), ("Caveats", caveats(results))):
        yield Heading(title)
        yield Items(lines, numbered=True)
    yield Heading("How to reproduce")
    yield Code(results.command)
    facts = ", ".join(f"{name} {value}" for name, value in results.environment.items())
    yield Text(f"Measured with {facts}. All settings are in `config.toml`, every run in `{DATA}`.")


def _legend(results: Results) -> str:
    return (
        "± is half of a 95% t-interval over the seeds. The gain is paired by seed, in percentage "
        "points of exact match, over the best arm without pretraining; it is void if a run of "
        "that arm is stuck. Labels saved: how many times more labels that arm "
        "needs for the same exact match. Stuck: runs that never left the CTC plateau. "
        f"Time: one fine-tuning, {results.environment['at once']} at once."
    )


def _unseen(results: Results, rows: list[tuple[str, ...]]) -> Iterator[Block]:
    style = results.configuration.benchmark.unseen_style
    yield Heading("In a style that no run is trained on")
    yield Text(
        f"The same runs on {results.data['unseen']:,} rendered images of style {style}. "
        "Gains are over the same baseline as above."
    )
    yield Table(UNSEEN_COLUMNS, rows, left=("arm", "over"))


def _pretraining(pretrained: list[EncoderRun]) -> Iterator[Block]:
    yield Heading("The pretrained encoders")
    heads = ("pretraining", "seed", "steps", "time", *MONITORED, "place accuracy")
    yield Table(heads, [_monitored(run) for run in pretrained], left=("pretraining",))
    yield Text(
        "Measured on frames of unaugmented images, without labels. Effective rank: how many "
        "dimensions are in use (Roy & Vetterli 2007). Deviation: 0 if all frames are the same "
        "vector, 1 if they fill the sphere. Alignment, uniformity: Wang & Isola 2020, lower is "
        "better. Place accuracy: how often a linear layer predicts where in the image a window is; "
        "a high value can mean that the encoder learns places instead of strokes."
    )
    warned = [f"{run.method} (seed {run.seed}): {w}" for run in pretrained for w in run.findings]
    if warned:
        yield Items(warned)


def _monitored(run: EncoderRun) -> list[str]:
    took = "–" if run.diverged else duration(run.seconds)
    figures = ["–"] * (len(MONITORED) + 1)
    if run.figures.keys() >= set(MONITORED.values()):
        figures = [f"{run.figures[name]:.2f}" for name in MONITORED.values()]
        figures.append("{place_accuracy:.0%} (chance {place_chance:.0%})".format(**run.figures))
    return [run.method, f"{run.seed}", f"{run.steps:,}", took, *figures]


def _curves() -> Iterator[Block]:
    yield Heading("Training curves of fine-tuning")
    yield Text(
        "Training loss per character at each step. The thick line is the median of the runs. On "
        "the CTC plateau, the gray line, every image gets the same output."
    )
    yield Picture(CURVES_PLOT, "Training loss against steps")


def _errors(results: Results) -> Iterator[Block]:
    """The worst errors of the last seed at the largest label count."""
    labels, seed = max((row.labels, row.seed) for row in results.rows)
    yield Heading("Worst errors")
    yield Text(
        f"Test images that the runs of seed {seed} at {labels:,} labels read most wrongly: label → "
        "reading."
    )
    for arm in results.configuration.arms:
        found = results.details.get((arm.name, labels, seed))
        if found is not None:
            title = f"{arm.name}, {found.wrong:,} wrong of {results.data['test']:,}"
            yield Gallery(title, found.worst)
