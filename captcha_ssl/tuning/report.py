"""The report of a search: the recipe, how to use it, all trials, the importance, the views."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

from captcha_ssl.atomic import atomic_write_text
from captcha_ssl.benchmark.report.blocks import (
    Block,
    Code,
    Heading,
    Highlights,
    Items,
    Picture,
    Table,
    Text,
)
from captcha_ssl.benchmark.report.markdown import markdown
from captcha_ssl.benchmark.report.web_page import web_page
from captcha_ssl.data.column_sheet import write_columns
from captcha_ssl.duration import duration
from captcha_ssl.errors import UserError
from captcha_ssl.pretraining.config import PretrainConfig
from captcha_ssl.pretraining.preview import drawn
from captcha_ssl.tuning.importance import importance
from captcha_ssl.tuning.plot import PLOT, plot_search
from captcha_ssl.tuning.results import SearchResults, interval
from captcha_ssl.tuning.study import Tried

REPORT, PAGE, VIEWS = "report.md", "report.html", "views.png"
_IMAGES = 4
"""Rows of the sheet of views."""
_SLIGHT = 0.05
"""A smaller importance gets no line."""
HEADS = ("trial", "recipe", "rung", "CER", "exact match", "time", "changes from the defaults")


def write_search_report(out: Path, results: SearchResults) -> None:
    """Write the page into `out`, each file whole or not at all. Raises OSError."""
    mattered = importance(results.tried)
    plot_search(out / PLOT, results, mattered)
    shown = _write_views(out / VIEWS, results)
    blocks = list(_content(out, results, mattered, views=shown))
    atomic_write_text(out / REPORT, markdown(blocks))
    atomic_write_text(out / PAGE, web_page(f"captcha-ssl tune: {results.data}", blocks, out))


def _content(
    out: Path, results: SearchResults, mattered: dict[str, float], *, views: bool
) -> Iterator[Block]:
    recipe, best = results.recipe(results.best.values), results.best
    tune, images = results.config.tune, results.images
    yield Heading("A recipe for these images", 1)
    yield Text(
        f"{results.data}: {len(images.pile):,} images to learn from, {len(images.labeled):,} "
        f"labels to score recipes, {len(results.tried):,} recipes tried."
    )
    yield Highlights(
        [
            (f"{trial.last.cer:.1%}", f"characters wrong: {results.named(trial)}")
            for trial in (best, *(t for t in results.baselines if t.number != best.number))
        ]
    )
    yield Heading("The best so far")
    yield Items([f"`{line}`" for line in results.summary.splitlines()])
    if recipe.changes:
        rows = [[name, value] for name, value in recipe.changes.items()]
        yield Table(("setting", "value"), rows, left=("setting",))
    yield Heading("To use it")
    yield Code(_commands(out, results))
    yield Text(
        "`recipe.toml` has a table for each command. Its pretraining is as long as on the last "
        "rung; a longer one is usually better (`--steps`)."
        + " `OTHER_LABELED` are labeled images that no trial has seen."
        * (results.labels is not None)
    )
    if views:
        yield Heading("What the method sees")
        yield Picture(VIEWS, "Views of the default method beside those of the best recipe")
    yield Heading("The trials")
    yield Picture(PLOT, "Errors of the trials, and the importance of the dimensions")
    rows = [_row(results, trial) for trial in results.ranked]
    yield Table(HEADS, rows, left=("recipe", "changes from the defaults"))
    yield Heading("Importance")
    yield from _importance(mattered)
    yield Heading("Protocol")
    yield Items(list(_protocol(results)), numbered=True)
    yield Heading("To repeat it")
    yield Code(results.command or "captcha-ssl tune")
    yield Text(f"Seed {tune.seed}. The trials also depend on the speed of the machine.")


def _commands(out: Path, results: SearchResults) -> str:
    recipe = results.recipe(results.best.values)
    file, data = shlex.quote(str(out / "recipe.toml")), shlex.quote(str(results.data))
    lines = []
    if recipe.method is not None:
        lines.append(f"captcha-ssl pretrain {data} --config {file} --out runs/encoder")
    start = " --init-from runs/encoder" if recipe.method is not None else ""
    labeled = shlex.quote(str(results.labels or results.data))
    measured = data if results.labels is None else "OTHER_LABELED"
    lines.append(f"captcha-ssl finetune {labeled} --config {file}{start} --out runs/reader")
    lines.append(f"captcha-ssl benchmark {measured} --config {file} --out runs/benchmark")
    return "\n".join(lines)


def _row(results: SearchResults, trial: Tried) -> list[str]:
    recipe, last = results.recipe(trial.values), trial.last
    changes = ", ".join(f"{name}={value}" for name, value in recipe.changes.items())
    failed = bool(last.problem)
    return [
        str(trial.number),
        recipe.name,
        f"{last.rung + 1}/{results.config.tune.rungs}",
        "–" if failed else interval(results.cer(trial)),
        "–" if failed else f"{last.exact_match:.1%}",
        duration(sum(outcome.seconds for outcome in trial.outcomes)),
        last.problem or changes or "–",
    ]


def _importance(mattered: dict[str, float]) -> Iterator[Block]:
    rows = [[name, f"{share:.0%}"] for name, share in mattered.items() if share >= _SLIGHT]
    if not rows:
        yield Text("There are too few trials to say, or nothing stands out.")
        return
    yield Text(
        "The share of the variance of the errors on the first rung that a dimension explains, "
        "among the recipes that have it (ε² of ranks). Shares overlap. With few trials they "
        "are only a hint."
    )
    yield Table(("dimension", "explains"), rows, left=("dimension",))


def _protocol(results: SearchResults) -> Iterator[str]:
    tune, images = results.config.tune, results.images
    steps = ", ".join(f"{tune.steps_on(rung):,}" for rung in range(tune.rungs))
    yield (
        f"Each rung pretrains a recipe from scratch, for {steps} steps, and fine-tunes it. About "
        f"one recipe of {tune.reduction} reaches the next rung (successive halving); the first "
        f"{results.fixed} always do."
    )
    yield (
        "The score is the character error rate on labels that are held out from the fine-tuning. ± "
        "is half of a 95% t-interval over these images. It includes neither the variance between "
        "seeds nor the selection of the best of many trials, which makes its score too good."
    )
    if images.aside:
        yield (
            f"No trial saw the {images.aside:,} images that `benchmark` tests on, with or without "
            "labels."
        )
    yield "The first recipes have defaults; then a tree-structured Parzen estimator (Optuna) draws."


def _write_views(file: Path, results: SearchResults) -> bool:
    """Draw the views of the default method beside those of the best; whether there are any."""
    tune, recipe = results.config.tune, results.recipe(results.best.values)
    if not tune.methods:
        return False
    pile, columns = results.images.pile, {}
    default = PretrainConfig.of(tune.methods[0])
    best = recipe.pretraining(1, len(pile))
    same = best is None or (default.pretrain.method, default.method) == (
        best.pretrain.method,
        best.method,
    )
    for words, config in (("default", default), ("best", None if same else best)):
        if config is None:
            continue
        try:
            pictures = drawn(config, pile, rows=_IMAGES)
        except UserError:
            # The default method cannot learn from every pile.
            continue
        for caption, column in pictures.items():
            if caption != "image":
                columns[f"{words}, {config.pretrain.method}: {caption}"] = column
            else:
                columns.setdefault(caption, column)
    if not columns:
        return False
    write_columns(file, columns, title=f"Default{'' if same else ' and best'}")
    return True
