"""kraken beside captcha-ssl: the same pile and the same labels for the same seconds of processor.

    python -m benchmarks.kraken data/really_simple_wp --ketos kraken/bin/ketos --out runs/kraken
                                [--tries-of runs/other] [--seeds 3] [--write FILE.md]

`ketos` of kraken 7.1.1 is called by its path; kraken is installed in an environment of its own. The
images are written once, as files with `.gt.txt` beside them for kraken and a `labels.csv` for
captcha-ssl. Each side tries as many settings, on labels that are held out of those of the first
seed; then each seed fine-tunes on labels of its own with and without the encoder that the side
has pretrained on the pile, and reads the test images once. Both sides are scored by the same
functions. All processes have one thread, and their processor time is measured, which other
work on the machine changes little. What is finished stays in --out, and the same command continues.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import Protocol

import cv2
import numpy as np

from captcha_ssl.atomic import atomic_folder, atomic_write_text
from captcha_ssl.benchmark.report.statistics import estimate, paired_difference
from captcha_ssl.benchmark.report.table import percent, points
from captcha_ssl.data.sources import open_source
from captcha_ssl.data.splits import nested_subset, split_benchmark
from captcha_ssl.recognition.evaluation.metrics import cer, exact_match, wilson_interval
from captcha_ssl.training.images import load_images
from captcha_ssl.training.settings import ModelSettings

SMALL = "[1,32,0,1 Cr3,3,32 Mp2,2 Cr3,3,48 Mp2,2 Cr3,3,64 Mp2,1 S1(1x0)1,3 Lbx96 Do0.3]"
"""A network for images of 32 rows: it learns from 15 times as many a second as kraken's default."""
NORMED = SMALL.replace("32 Mp", "32 Gn8 Mp").replace("48 Mp", "48 Gn8 Mp")
NORMED = NORMED.replace("64 Mp", "64 Gn8 Do0.1,2 Mp")
"""The same with group normalization, and a dropout as in kraken's default."""
TRIES_SHARE, HELD_OUT = 0.2, 0.1
"""The shares of the labels that are held out: to choose settings, and for the checkpoint of a
training of kraken, as by default."""
KRAKEN, OURS = "kraken", "captcha-ssl"
FINE_TUNING, PRETRAINING, TEST = "fine-tuning", "pretraining", "test"
PLACEHOLDER = "x"
SCRATCH, PRETRAINED, SHIPPED = "scratch", "pretrained", "shipped"
LIST, TABLE = "images.txt", "labels.csv"
ENVIRONMENT = {name: "1" for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")}

READ = """
import sys
import torch
from PIL import Image
from kraken.lib.ctc_decoder import greedy_decoder
from kraken.lib.dataset import ImageInputTransforms
from kraken.models import load_models
torch.set_num_threads(1)
net = load_models(sys.argv[1], tasks=["recognition"])[0].eval()
_, channels, height, width = net.input
warp = net.seg_type == "bbox"
fit = ImageInputTransforms(1, height, width, channels, (int(sys.argv[2]), 0), valid_norm=warp)
with torch.inference_mode():
    for line in sys.stdin:
        image = fit(Image.open(line.rstrip("\\n")))[None]
        found, frames = net.nn(image, torch.tensor([image.shape[-1]]))
        read = net.codec.decode(greedy_decoder(found.softmax(1).squeeze(2), frames)[0])
        print("".join(part[0] for part in read))
"""
"""Reads images with a model of kraken, prepared as in its training. `kraken ocr` without a
segmentation always straightens lines, also for a model that was trained without that."""


@dataclass(frozen=True)
class Sizes:
    """How much of each there is."""

    pile: int = 4000
    test: int = 500
    labels: int = 200
    seeds: int = 3


@dataclass(frozen=True)
class Recipe:
    """Flags of a side's training. For kraken, `network` is "" for its default, and `passes` are
    those over the labels."""

    name: str
    flags: tuple[str, ...]
    network: str = ""
    passes: int = 1


@dataclass(frozen=True)
class Cell:
    """A training and its score. `part` is `fine-tuning`, `pretraining` or `test`.

    `seconds` and `before` are those of the processor, for fine-tuning and for pretraining.
    """

    side: str
    part: str
    name: str
    seed: int
    exact_match: float
    cer: float
    seconds: float
    before: float = 0.0


@dataclass(frozen=True)
class Trained:
    """A model, and the seconds of the processor that it took."""

    model: Path
    seconds: float


@dataclass(frozen=True)
class Labeled:
    """Folders of labels. Where those held out are `scored`, only kraken's choice of a checkpoint
    sees them."""

    learned: Path
    held_out: Path
    scored: bool


class Side(Protocol):
    """A program that pretrains, fine-tunes and reads."""

    @property
    def fine_tunings(self) -> tuple[Recipe, ...]:
        """The settings of fine-tuning that are tried, from scratch."""

    @property
    def pretrainings(self) -> tuple[Recipe, ...]:
        """Those of pretraining, tried before the best fine-tuning."""

    def pretrain(self, pretraining: Recipe, recipe: Recipe, pile: Path, out: Path) -> Trained:
        """Learn an encoder from the images in `pile`."""

    def finetune(
        self, recipe: Recipe, start: Path | None, labeled: Labeled, seed: int, out: Path
    ) -> Trained:
        """Learn to read from labeled images."""

    def read(self, recipe: Recipe, model: Path, images: Sequence[Path]) -> list[str]:
        """The texts in the images."""


class Kraken:
    """`ketos pretrain`, `ketos train --load`."""

    _PAD = "4"

    fine_tunings = (
        Recipe("default", ()),
        Recipe("32 rows, batch 8, rate 0.002", ("-B", "8", "-r", "0.002"), SMALL, 60),
        Recipe(
            "32 rows, normalized, batch 4, rate 0.002, augmented",
            ("-B", "4", "-r", "0.002", "--augment"),
            NORMED,
            36,
        ),
    )
    pretrainings = (
        Recipe("batch 16, rate 0.001, masks of 2", ("-r", "0.001", "-mw", "2")),
        Recipe("batch 16, rate 0.0003, masks of 4", ("-r", "0.0003", "-mw", "4")),
    )

    def __init__(self, ketos: Path, *, times: int = 1) -> None:
        self.ketos, self.times = ketos, times
        self.common = ["--threads", "1", "--workers", "0", "-d", "cpu"]

    def pretrain(self, pretraining: Recipe, recipe: Recipe, pile: Path, out: Path) -> Trained:
        """Three passes over the pile at a rate that rises over 100 steps and then falls."""
        flags = [*pretraining.flags, *self._network(recipe), "-p", "0.975", "-B", "16"]
        flags += ["--warmup", "100", "--cos-max", "3", "--min-epochs", "0", "-N", "3"]
        return self._run("pretrain", 0, flags, {"-t": pile / LIST}, out)

    def finetune(
        self, recipe: Recipe, start: Path | None, labeled: Labeled, seed: int, out: Path
    ) -> Trained:
        """Train, and keep the checkpoint that reads held-out labels best."""
        flags = [*recipe.flags, *self._network(recipe, known=start is not None)]
        flags += ["-N", f"{self.times * recipe.passes}"]
        if start is not None:
            flags += ["--load", str(start), "--resize", "new"]
        lists = {"-t": labeled.learned / LIST, "-e": labeled.held_out / LIST}
        return self._run("train", seed, flags, lists, out)

    def read(self, recipe: Recipe, model: Path, images: Sequence[Path]) -> list[str]:
        """By `READ`, in kraken's environment."""
        pad = self._PAD if recipe.network else "16"
        command = [str(self.ketos.parent / "python"), "-c", READ, str(model), pad]
        return _lines(command, images)

    def _network(self, recipe: Recipe, *, known: bool = False) -> list[str]:
        """Flags of a network, unless it is `known` from a model, and what goes with a small one:
        narrow margins, and no straightening of lines."""
        if not recipe.network:
            return []
        spec = [] if known else ["-s", recipe.network]
        return [*spec, "--linetype", "baselines", "--pad", self._PAD]

    def _run(
        self, what: str, seed: int, flags: Sequence[str], lists: dict[str, Path], out: Path
    ) -> Trained:
        command = [str(self.ketos), *self.common, "-s", f"{seed}", what, "-f", "path", *flags]
        for flag, path in lists.items():
            command += [flag, str(path)]
        seconds = timed([*command, "-q", "fixed", "-o", str(out)], out.with_suffix(".log"))
        (best,) = out.glob("best_*.safetensors")
        return Trained(best, seconds)


class Ours:
    """`captcha-ssl pretrain`, `captcha-ssl finetune --init-from`."""

    def __init__(self, *, pretrain_steps: int, finetune_steps: int) -> None:
        steps = ("--steps", f"{finetune_steps}", "--set", "extend=false")
        self.fine_tunings = (
            Recipe("default", steps),
            Recipe("rate 0.001", (*steps, "--lr", "0.001")),
            Recipe("alignment 0.2", (*steps, "--set", "alignment=0.2")),
        )
        steps = ("--steps", f"{pretrain_steps}", "--init-from", "none")
        self.pretrainings = (Recipe("default", steps),)

    def pretrain(self, pretraining: Recipe, recipe: Recipe, pile: Path, out: Path) -> Trained:
        """SimCLR on crops, by default."""
        return self._run("pretrain", [pile], pretraining.flags, 0, out)

    def finetune(
        self, recipe: Recipe, start: Path | None, labeled: Labeled, seed: int, out: Path
    ) -> Trained:
        """Train on all labels, except those on which settings are chosen."""
        flags = [*recipe.flags, "--init-from", str(start or "none")]
        folders = [labeled.learned] if labeled.scored else [labeled.learned, labeled.held_out]
        return self._run("finetune", folders, flags, seed, out)

    def read(self, recipe: Recipe, model: Path, images: Sequence[Path]) -> list[str]:
        """By `captcha-ssl predict`."""
        command = [*_OURS, "predict", "--model", str(model), "--files-from", "-", "-q"]
        return _lines(command, images)

    def _run(
        self, what: str, data: Sequence[Path], flags: Sequence[str], seed: int, out: Path
    ) -> Trained:
        command = [*_OURS, what, *map(str, data), *flags, "--seed", f"{seed}", "-q"]
        seconds = timed([*command, "--device", "cpu", "--out", str(out)], out.with_suffix(".log"))
        return Trained(out, seconds)


_OURS = (sys.executable, "-m", "captcha_ssl")


def timed(command: Sequence[str], log: Path) -> float:
    """Run a command with one thread; its seconds of the processor, of user and system.

    Its output goes to `log`. Raises SystemExit, which names the log, if it fails.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w", encoding="utf-8") as stream:
        stream.write(" ".join(command) + "\n")
        stream.flush()
        process = subprocess.Popen(
            command, stdout=stream, stderr=stream, env=os.environ | ENVIRONMENT
        )
        _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command[0]} ended with {process.returncode}; see {log}")
    return used.ru_utime + used.ru_stime


def _lines(command: Sequence[str], images: Sequence[Path]) -> list[str]:
    names = "".join(f"{image}\n" for image in images)
    found = subprocess.run(
        command,
        input=names,
        stdout=subprocess.PIPE,
        check=True,
        text=True,
        env=os.environ | ENVIRONMENT,
    )
    texts = found.stdout.split("\n")[:-1]
    if len(texts) != len(images):
        raise SystemExit(f"{len(texts)} texts for {len(images)} images from {' '.join(command)}")
    return texts


def convert(data: Path, folder: Path, sizes: Sizes) -> None:
    """Write labeled images as files for both sides; parts that are there stay.

    The test images and the pile are drawn by seed 0, as in `benchmark`.
    """
    dataset, source = load_images(data, ModelSettings(), labeled=True), open_source(data)
    if dataset.rejected:
        raise SystemExit(f"{data}: {len(dataset.rejected)} images cannot be used; remove them")
    labels = list(dataset.labels or ())
    drawn = split_benchmark(dataset.images, labels, test=sizes.test, seed=0)
    pool = drawn.pool[: sizes.pile].tolist()
    for name, indices in divide(pool, drawn.test.tolist(), sizes).items():
        if not (folder / name).exists():
            known = None if name == "pile" else [labels[index] for index in indices]
            with atomic_folder(folder / name) as new:
                write_part(new, [source.read(index) for index in indices], known, folder / name)


def divide(pool: Sequence[int], test: Sequence[int], sizes: Sizes) -> dict[str, list[int]]:
    """The indices of the images in each part.

    The labels of a seed are a part of the pile. `tries` has those of the first seed.
    """
    parts = {"test": list(test), "pile": list(pool)}
    for seed in range(sizes.seeds):
        chosen = [pool[i] for i in nested_subset(len(pool), sizes.labels, seed).tolist()]
        shares = {f"seed-{seed}": HELD_OUT}
        if seed == 0:
            shares["tries"] = TRIES_SHARE
        for name, share in shares.items():
            held_out = round(share * len(chosen))
            parts[f"{name}/learned"] = chosen[held_out:]
            parts[f"{name}/held-out"] = chosen[:held_out]
    return parts


def write_part(
    folder: Path, images: Sequence[np.ndarray], labels: Sequence[str] | None, final: Path
) -> None:
    """Write RGB uint8 [H, W, 3] images as PNG files with `.gt.txt` beside them.

    `images.txt` lists them, by the name of the folder at its `final` place, for `ketos`;
    `labels.csv` has their labels for captcha-ssl. Without labels every text is a placeholder,
    because `ketos pretrain` leaves out images with an empty text or none, though it ignores it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    names = [f"{place:05}.png" for place in range(len(images))]
    for place, name in enumerate(names):
        cv2.imwrite(str(folder / name), cv2.cvtColor(images[place], cv2.COLOR_RGB2BGR))
        text = PLACEHOLDER if labels is None else labels[place]
        (folder / name).with_suffix(".gt.txt").write_text(text, encoding="utf-8")
    listed = "".join(f"{final.resolve() / name}\n" for name in names)
    (folder / LIST).write_text(listed, encoding="utf-8")
    if labels is not None:
        with (folder / TABLE).open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream).writerows([("filename", "label"), *zip(names, labels, strict=True)])


def read_part(folder: Path) -> tuple[list[Path], list[str]]:
    """The image files of a part, and their texts."""
    with (folder / TABLE).open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    return [folder / row["filename"] for row in rows], [row["label"] for row in rows]


class Comparison:
    """The trainings of both sides in a folder; finished ones are kept."""

    def __init__(self, folder: Path, sides: dict[str, Side], sizes: Sizes) -> None:
        self.folder, self.sides, self.sizes = folder, sides, sizes
        self.images = folder / "images"
        self._file = folder / "cells.jsonl"
        lines = self._file.read_text(encoding="utf-8").splitlines() if self._file.exists() else []
        self.cells = [Cell(**json.loads(line)) for line in lines]

    def choose(self) -> None:
        """Make the tries of each side, until one reads everything right."""
        for side in self.sides:
            for recipe in self.sides[side].fine_tunings:
                if not self._settled(side, FINE_TUNING):
                    self._try(side, recipe, None)
            several = self.sides[side].pretrainings
            for pretraining in several if len(several) > 1 else ():
                if not self._settled(side, PRETRAINING):
                    self._try(side, self.fine_tuning(side), pretraining)

    def test(self) -> None:
        """Fine-tune each arm for each seed, and read the test images."""
        for seed in range(self.sizes.seeds):
            for side in self.sides:
                starts = [SCRATCH, PRETRAINED]
                if side == OURS:
                    starts.append(SHIPPED)
                for start in starts:
                    self._test(side, start, seed)

    def fine_tuning(self, side: str) -> Recipe:
        """The recipe of fine-tuning that makes the fewest errors on held-out labels."""
        return best(self.sides[side].fine_tunings, self.cells, side, FINE_TUNING)

    def pretraining(self, side: str) -> Recipe:
        """The recipe of pretraining, chosen in the same way."""
        return best(self.sides[side].pretrainings, self.cells, side, PRETRAINING)

    def _settled(self, side: str, part: str) -> bool:
        return any((cell.side, cell.part, cell.cer) == (side, part, 0.0) for cell in self.cells)

    def _encoder(self, side: str, pretraining: Recipe) -> Trained:
        out = self.folder / "encoders" / f"{side}-{_slug(pretraining.name)}"
        note = out.with_suffix(".json")
        if not note.exists():
            shutil.rmtree(out, ignore_errors=True)
            recipe = self.fine_tuning(side)
            made = self.sides[side].pretrain(pretraining, recipe, self.images / "pile", out)
            found = {"model": str(made.model.relative_to(self.folder)), "seconds": made.seconds}
            atomic_write_text(note, json.dumps(found))
        found = json.loads(note.read_text(encoding="utf-8"))
        return Trained(self.folder / found["model"], found["seconds"])

    def _try(self, side: str, recipe: Recipe, pretraining: Recipe | None) -> None:
        part = FINE_TUNING if pretraining is None else PRETRAINING
        name = (pretraining or recipe).name
        start = None if pretraining is None else self._encoder(side, pretraining)
        labeled = self._labeled("tries", scored=True)
        self._cell((side, part, name, 0), recipe, start, labeled, labeled.held_out)

    def _test(self, side: str, name: str, seed: int) -> None:
        start = None
        if name == PRETRAINED:
            start = self._encoder(side, self.pretraining(side))
        elif name == SHIPPED:
            start = Trained(Path(SHIPPED), 0.0)
        labeled = self._labeled(f"seed-{seed}", scored=False)
        key = (side, TEST, name, seed)
        self._cell(key, self.fine_tuning(side), start, labeled, self.images / "test")

    def _labeled(self, name: str, *, scored: bool) -> Labeled:
        folder = self.images / name
        return Labeled(folder / "learned", folder / "held-out", scored)

    def _cell(
        self,
        key: tuple[str, str, str, int],
        recipe: Recipe,
        start: Trained | None,
        labeled: Labeled,
        scored: Path,
    ) -> None:
        if any((cell.side, cell.part, cell.name, cell.seed) == key for cell in self.cells):
            return
        side, seed = self.sides[key[0]], key[-1]
        out = self.folder / "runs" / _slug("-".join(map(str, key)))
        shutil.rmtree(out, ignore_errors=True)
        made = side.finetune(recipe, start.model if start else None, labeled, seed, out)
        images, truth = read_part(scored)
        texts = side.read(recipe, made.model, images)
        atomic_write_text(out.with_suffix(".txt"), "".join(f"{text}\n" for text in texts))
        cell = Cell(
            *key,
            exact_match=exact_match(truth, texts),
            cer=cer(truth, texts),
            seconds=round(made.seconds, 1),
            before=round(start.seconds, 1) if start else 0.0,
        )
        self.cells.append(cell)
        line = json.dumps(asdict(cell))
        with self._file.open("a", encoding="utf-8") as stream:
            stream.write(line + "\n")
        print(line, flush=True)


def best(recipes: Sequence[Recipe], cells: Sequence[Cell], side: str, part: str) -> Recipe:
    """The recipe with the fewest errors on held-out labels; the first of equals."""
    found = {cell.name: cell.cer for cell in cells if (cell.side, cell.part) == (side, part)}
    return min(recipes, key=lambda recipe: found.get(recipe.name, float("inf")))


def report(cells: Sequence[Cell], sizes: Sizes) -> str:
    """The tables as Markdown: the tries, the arms, and the differences between them."""
    lines = [
        f"Tries, scored on {round(TRIES_SHARE * sizes.labels)} of the {sizes.labels} labels, held "
        "out:",
        "",
        "| side | part | settings | exact match | CER | seconds |",
        "|:--|:--|:--|--:|--:|--:|",
    ]
    for cell in cells:
        if cell.part != TEST:
            row = [cell.side, cell.part, cell.name, f"{cell.exact_match:.1%}", f"{cell.cer:.1%}"]
            lines.append(f"| {' | '.join(row)} | {_seconds([cell])} |")
    arms: dict[tuple[str, str], dict[int, Cell]] = {}
    for cell in cells:
        if cell.part == TEST:
            arms.setdefault((cell.side, cell.name), {})[cell.seed] = cell
    lines += [
        "",
        f"{sizes.labels} labels, {sizes.pile:,} images in the pile, {sizes.test:,} test images:",
        "",
        "| side | start | exact match | over images | CER | seeds | seconds |",
        "|:--|:--|--:|--:|--:|--:|--:|",
    ]
    for (side, name), runs in sorted(arms.items()):
        own = list(runs.values())
        match = percent(estimate([cell.exact_match for cell in own]))
        errors = percent(estimate([cell.cer for cell in own]))
        read = len(own) * sizes.test
        right = round(sum(cell.exact_match * sizes.test for cell in own))
        low, high = wilson_interval(right, read)
        between = f"{100 * low:.1f}–{100 * high:.1f}"
        row = [side, name, match, between, errors, f"{len(own)}", _seconds(own)]
        lines.append(f"| {' | '.join(row)} |")
    lines += [
        "",
        "± is half of a 95% t-interval over the seeds, wide with few of them. Over images: "
        "the 95% Wilson interval of all readings of the test images. Seconds of the processor: of "
        "fine-tuning, after those of pretraining, which is done once.",
        "",
        "Differences of exact match in points, paired by seed:",
        "",
    ]
    pairs = [((OURS, start), (KRAKEN, start)) for start in (SCRATCH, PRETRAINED)]
    pairs += [((side, PRETRAINED), (side, SCRATCH)) for side in (OURS, KRAKEN)]
    for pair in pairs:
        one, other = (arms.get(arm, {}) for arm in pair)
        seeds = sorted(one.keys() & other.keys())
        if seeds:
            a, b = ([runs[seed].exact_match for seed in seeds] for runs in (one, other))
            difference = points(paired_difference(a, b))
            names = " over ".join(f"{side} {start}" for side, start in pair)
            lines.append(f"- {names}: {difference}")
    return "\n".join(lines) + "\n"


def _seconds(cells: Sequence[Cell]) -> str:
    before = fmean(cell.before for cell in cells)
    return f"{before:.0f} + " * bool(before) + f"{fmean(cell.seconds for cell in cells):.0f}"


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def main(arguments: Sequence[str] | None = None) -> None:
    """Make what is missing in --out, and print the tables."""
    asked = _parser().parse_args(arguments)
    sizes = Sizes(**{name: getattr(asked, name) for name in asdict(Sizes())})
    sides: dict[str, Side] = {
        KRAKEN: Kraken(asked.ketos, times=asked.kraken_times),
        OURS: Ours(pretrain_steps=asked.pretrain_steps, finetune_steps=asked.finetune_steps),
    }
    asked.out.mkdir(parents=True, exist_ok=True)
    convert(asked.data, asked.out / "images", sizes)
    comparison = Comparison(asked.out, sides, sizes)
    if asked.tries_of is not None:
        tries = Comparison(asked.tries_of, sides, sizes).cells
        comparison.cells += [cell for cell in tries if cell.part != TEST]
    else:
        comparison.choose()
    comparison.test()
    text = report(comparison.cells, sizes)
    if asked.write:
        atomic_write_text(asked.write, text)
    print(text, end="")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kraken", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("data", type=Path, help="labeled images")
    parser.add_argument("--ketos", type=Path, required=True, help="the program of kraken 7.1.1")
    parser.add_argument("--out", type=Path, required=True, help="folder of what is finished")
    parser.add_argument("--tries-of", type=Path, help="use the settings chosen in this folder")
    parser.add_argument(
        "--kraken-times", type=int, default=1, help="let kraken fine-tune so many times as long"
    )
    parser.add_argument("--pretrain-steps", type=int, default=1700, help="of captcha-ssl")
    parser.add_argument("--finetune-steps", type=int, default=900, help="of captcha-ssl")
    parser.add_argument("--write", type=Path, metavar="FILE.md", help="file for the tables")
    for name, value in asdict(Sizes()).items():
        parser.add_argument(f"--{name}", type=int, default=value, help=f"(default {value:,})")
    return parser


if __name__ == "__main__":
    main()
