"""Tiny runs of the commands that write, and what of their outputs must be equal."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from captcha_ssl.data.writers import open_writer

Contents = dict[str, Any]

_TRAINING = ("--steps", "12", "--set", "log_every=1", "--set", "checkpoint_every=2", "--quiet")
_SMALL = ("--batch-size", "4")
_SCRATCH = ("--init-from", "none")
_PRETRAIN = ("pretrain", "{given}/pile", *_SCRATCH, "--out", "{out}", *_SMALL, *_TRAINING)
_FINETUNE = (
    "finetune",
    "{given}/pile",
    *_SCRATCH,
    "--out",
    "{out}",
    *_SMALL,
    *_TRAINING,
)
_BENCHMARK = (
    "label_counts=4",
    "seeds=1",
    "test=10",
    "pretrain_steps=6",
    "pretrain_batch_size=4",
    "finetune_steps=3",
    "finetune_batch_size=4",
    "processes=1",
    "lr_grid=1e-3",
    "head_lr_grid=1e-3",
    "arms=scratch,pretrained,pretrained-frozen",
)
_TIMED = ("log.txt", "timing.json", "report.md", "report.html")
"""Files that hold times of day or seconds, and may differ between equal runs."""
_SECONDS = ("seconds", "environment", "command", "pretrained", "summary", "entries", "date")


@dataclass(frozen=True)
class Scenario:
    """A command, whether `--resume` continues what it left, and what to compare of it."""

    name: str
    arguments: tuple[str, ...]
    resumes: bool = True
    read: Callable[[Path], Contents] = lambda out: every_file(out)


def every_file(out: Path) -> Contents:
    """The bytes of every file below `out`, but those that hold times."""
    return {
        str(file.relative_to(out)): file.read_bytes()
        for file in sorted(out.rglob("*"))
        if file.is_file() and file.name not in _TIMED
    }


def untimed(out: Path) -> Contents:
    """`every_file`, and of JSON and pictures of a benchmark what does not hold seconds."""
    contents = {}
    for name, data in every_file(out).items():
        if name.endswith(".png"):
            continue
        contents[name] = _without_seconds(json.loads(data)) if name.endswith(".json") else data
    return contents


def _without_seconds(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _without_seconds(v) for k, v in value.items() if k not in _SECONDS}
    return [_without_seconds(item) for item in value] if isinstance(value, list) else value


SCENARIOS = (
    *(
        Scenario(
            f"generate {form}",
            ("generate", "{out}", "--count", "300", "--style", "fast", "--format", form)
            + ("--height", "32", "--width", "64", "--workers", "1", "--quiet"),
            resumes=False,
        )
        for form in ("packed", "folder", "lmdb")
    ),
    *(
        Scenario(f"pretrain {method}", (*_PRETRAIN, "--method", method, *more))
        for method, more in (
            ("simclr", ()),
            ("moco", ("--set", "queue=40")),
            ("gan", ()),
        )
    ),
    Scenario("finetune", (*_FINETUNE, "--validation", "0.2")),
    Scenario("finetune --unlabeled", (*_FINETUNE, "--unlabeled", "{given}/pile")),
    Scenario("finetune --init-from", (*_FINETUNE, "--init-from", "{given}/encoder")),
    Scenario(
        "benchmark",
        ("benchmark", "{given}/pile", "--arms", "scratch,pretrained", "--out", "{out}", "--quiet")
        + tuple(part for setting in _BENCHMARK for part in ("--set", setting)),
        read=untimed,
    ),
)


Change = Callable[[Path], None]
"""Changes a packed pile of `write_pile` in its place, so that every shape stays as it was."""


def relabel(pile: Path) -> None:
    """Another character in every label, as many of them as before."""
    table = pile / "labels.csv"
    head, *rows = table.read_text().splitlines()
    rows = [row.replace("A", "Z") for row in rows]
    table.write_text("\n".join([head, *rows, ""]))


def swap_labels(pile: Path) -> None:
    """The first two different labels change places."""
    table = pile / "labels.csv"
    head, *rows = [row.split(",") for row in table.read_text().splitlines()]
    other = next(row for row in rows if row[1] != rows[0][1])
    rows[0][1], other[1] = other[1], rows[0][1]
    table.write_text("".join(",".join(row) + "\n" for row in [head, *rows]))


def redraw(pile: Path) -> None:
    """Other pixels of the same size."""
    pixels = np.load(pile / "images.npy")
    np.save(pile / "images.npy", 255 - pixels)


_BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}
CHANGED: tuple[tuple[Scenario, Change], ...] = (
    (_BY_NAME["finetune"], relabel),
    (_BY_NAME["pretrain simclr"], redraw),
    (_BY_NAME["benchmark"], relabel),
    (_BY_NAME["finetune"], swap_labels),
    (_BY_NAME["benchmark"], redraw),
    (_BY_NAME["finetune --init-from"], redraw),
    (_BY_NAME["pretrain gan"], redraw),
    (_BY_NAME["benchmark"], swap_labels),
)
"""What is changed under which killed run, in turns."""


def write_pile(path: Path, form: str, count: int, seed: int = 0) -> None:
    """Write labeled noise of 32 × 40 pixels."""
    rng = np.random.default_rng(seed)
    with open_writer(path, form, count=count, channels=1, height=32, width=40, about={}) as writer:
        for index in range(count):
            label = "".join(rng.choice(list("ABC"), 2))
            writer.add(index, rng.integers(0, 256, (1, 32, 40), np.uint8), label)


def prepare(given: Path, run: Callable[[list[str]], int]) -> None:
    """Write what the scenarios are given: a labeled pile and a pretrained encoder."""
    write_pile(given / "pile", "packed", 60)
    encoder = ["pretrain", str(given / "pile"), "--out", str(given / "encoder"), "--quiet"]
    encoder += _SCRATCH
    assert run([*encoder, "--batch-size", "4", "--steps", "2"]) == 0
