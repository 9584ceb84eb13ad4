"""Compares five starts on the test beds and on real sets, with the start that `finetune` chooses.

    python -m benchmarks.starts --out runs/starts [--real FOLDER] [--sets outlined,long]
                                [--seeds 3] [--self-training] [--only shipped,simclr-from-shipped]
                                [--report docs/results/starts.md]

Each start is fine-tuned on the same labels with the same steps: none (scratch), the shipped model,
an encoder pretrained on the pool, one pretrained on it from the shipped model, and the shipped
model adapted to the pool. All have the shipped model's encoder and read the same pixels. Nothing is
tuned; the learning rates are those that `finetune` takes. Finished runs stay in --out, and the same
command continues with the missing ones: set by set, seed by seed.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from statistics import fmean
from typing import Any, TypeVar

from captcha_ssl.atomic import atomic_write_text
from captcha_ssl.benchmark.report.statistics import estimate, paired_difference
from captcha_ssl.benchmark.report.table import percent, points
from captcha_ssl.data.charset import Charset
from captcha_ssl.data.dataset import Dataset
from captcha_ssl.data.geometry import Geometry
from captcha_ssl.data.sources import Paths
from captcha_ssl.data.splits import nested_subset, split_benchmark
from captcha_ssl.duration import duration
from captcha_ssl.models.model_file import FILE_NAME
from captcha_ssl.models.shipped import AUTO, SHIPPED
from captcha_ssl.pretraining.config import PretrainConfig
from captcha_ssl.pretraining.pretrain import run_pretraining
from captcha_ssl.recognition.adaptation.adapt import Adapting, run_adapting
from captcha_ssl.recognition.adaptation.config import AdaptConfig
from captcha_ssl.recognition.evaluation.evaluate import evaluate
from captcha_ssl.recognition.fine_tuning.config import FinetuneConfig
from captcha_ssl.recognition.fine_tuning.finetune import Finetuning
from captcha_ssl.recognition.fine_tuning.labeled_data import FinetuneData
from captcha_ssl.recognition.fine_tuning.rates import settle_rates
from captcha_ssl.recognition.fine_tuning.settings import FinetuneSettings
from captcha_ssl.recognition.fine_tuning.start import choose_start
from captcha_ssl.synthesis.beds import BEDS
from captcha_ssl.synthesis.generate import generate
from captcha_ssl.synthesis.settings import GenerateSettings
from captcha_ssl.training.images import load_images
from captcha_ssl.training.settings import LoopSettings, ModelSettings, as_shipped

SCRATCH, FROM_SHIPPED, ADAPTED = "none", "-from-shipped", "adapted"
TEST_SHARE = 0.2


@dataclass(frozen=True)
class Sizes:
    """The sizes; the defaults are for a first look."""

    pool: int = 2000
    test: int = 500
    labels: int = 200
    steps: int = 800
    pretrain_steps: int = 2000
    seeds: int = 3
    method: str = "simclr"


@dataclass(frozen=True)
class Cell:
    """One finished fine-tuning. `start` is a name of `starts`."""

    set: str
    start: str
    self_training: bool
    seed: int
    exact_match: float
    cer: float
    converged: bool
    helped: bool
    seconds: float


@dataclass(frozen=True)
class Pick:
    """The choice of `finetune` on the labels of the first seed, with its reason."""

    set: str
    start: str
    reason: str


R = TypeVar("R", Cell, Pick)


def starts(method: str) -> tuple[str, ...]:
    """The starts that are compared."""
    return (SCRATCH, SHIPPED, method, method + FROM_SHIPPED, ADAPTED)


@dataclass
class LabeledSet:
    """A set of labeled images in two parts: a pool to learn from, and test images."""

    name: str
    folder: Path
    sizes: Sizes
    everything: Dataset = field(init=False)
    pool: Dataset = field(init=False)
    test: Dataset = field(init=False)

    def __post_init__(self) -> None:
        self.everything = load_images(self.folder, as_shipped(ModelSettings()), labeled=True)
        images, labels = self.everything.images, self.everything.labels
        most = min(self.sizes.test, int(TEST_SHARE * len(images)))
        parts = split_benchmark(images, labels, test=most, seed=0)
        self.places = parts.pool[: self.sizes.pool]
        self.pool, self.test = self.everything.take(self.places), self.everything.take(parts.test)
        self.charset = Charset.from_labels(labels or ())

    @property
    def geometry(self) -> Geometry:
        """The geometry of all starts."""
        return self.everything.geometry

    def labeled_by(self, seed: int) -> list[int]:
        """The indices in the pool of the labels of a seed."""
        return nested_subset(len(self.pool), self.sizes.labels, seed).tolist()


def main(arguments: Sequence[str] | None = None) -> None:
    """Make the missing runs in --out, write the report after every set, and print it."""
    parser = _parser()
    asked = parser.parse_args(arguments)
    sizes = Sizes(**{name: getattr(asked, name) for name in asdict(Sizes())})
    compared = starts(sizes.method)
    wanted = asked.only.split(",") if asked.only else compared
    if unknown := sorted(set(wanted) - set(compared)):
        parser.error(f"no such start: {', '.join(unknown)}; known: {', '.join(compared)}")
    kept = Kept(asked.out, sizes)
    folders = chosen_sets(parser, asked)
    names = list(folders)
    for name, real in folders.items():
        folder = real or _rendered(asked.out / "sets" / name, sizes)
        images = LabeledSet(name, folder, sizes)
        _measure(images, kept, wanted, self_training=False)
        if not asked.only:
            kept.pick(images)
        if asked.self_training:
            _measure(images, kept, wanted, self_training=True)
        atomic_write_text(asked.out / "starts.md", report(kept, names, sizes))
    text = report(kept, names, sizes)
    if asked.report is not None:
        atomic_write_text(asked.report, text)
    print(text, end="")


def _measure(images: LabeledSet, kept: Kept, wanted: Sequence[str], *, self_training: bool) -> None:
    for seed in range(1, images.sizes.seeds + 1):
        for start in wanted:
            if kept.find(images.name, start, self_training, seed) is None:
                source = kept.encoder(images, start)
                kept.add(_finetuned(images, start, source, seed, self_training=self_training))


def _finetuned(
    images: LabeledSet, start: str, source: Path | None, seed: int, *, self_training: bool
) -> Cell:
    config = FinetuneConfig(
        finetune=FinetuneSettings(steps=images.sizes.steps, init_from=source),
        loop=LoopSettings(seed=seed),
        model=as_shipped(ModelSettings()),
    )
    labeled = images.pool.take(images.labeled_by(seed))
    pile = replace(images.pool, labels=None) if self_training else None
    data = FinetuneData(labeled, images.charset, unlabeled=pile)
    config, _ = settle_rates(config, data)
    result = Finetuning(config, data).train()
    read = evaluate(result.recognizer, images.test)
    return Cell(
        images.name,
        start,
        self_training,
        seed,
        read.exact_match,
        read.cer,
        result.converged,
        result.helped,
        result.seconds,
    )


class Kept:
    """The finished parts in a folder: cells, picks and encoders."""

    def __init__(self, folder: Path, sizes: Sizes) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.sizes = folder, sizes
        self._cells, self._picks = folder / "cells.jsonl", folder / "picks.jsonl"
        self.cells = _read(self._cells, Cell)
        self.picks = _read(self._picks, Pick)

    def find(self, name: str, start: str, self_training: bool, seed: int) -> Cell | None:
        """The finished run, if there is one."""
        return next((c for c in self.of(name, start, self_training) if c.seed == seed), None)

    def of(self, name: str, start: str, self_training: bool) -> list[Cell]:
        """The finished runs of all seeds."""
        wanted = (name, start, self_training)
        return [cell for cell in self.cells if (cell.set, cell.start, cell.self_training) == wanted]

    def add(self, cell: Cell) -> None:
        """Store a finished run, and print its result."""
        self.cells.append(cell)
        _append(self._cells, cell)

    def pick(self, images: LabeledSet) -> None:
        """Let the race of `finetune` choose on the labels of the first seed, once."""
        if any(pick.set == images.name for pick in self.picks):
            return
        places = images.places[images.labeled_by(1)]

        def load(data: Paths, model: ModelSettings, **how: Any) -> Dataset:
            return load_images(data, model, **how).take(places)

        config = FinetuneConfig(
            finetune=FinetuneSettings(steps=self.sizes.steps, init_from=AUTO),
            loop=LoopSettings(seed=1),
        )
        chosen = choose_start(config, images.folder, load=load)
        source = chosen.config.finetune.init_from
        pick = Pick(images.name, SCRATCH if source is None else str(source), chosen.reason)
        self.picks.append(pick)
        _append(self._picks, pick)

    def encoder(self, images: LabeledSet, start: str) -> Path | None:
        """The source of a start; it is pretrained on the pool if necessary."""
        if start in (SCRATCH, SHIPPED):
            return None if start == SCRATCH else Path(SHIPPED)
        folder = self.folder / "encoders" / f"{images.name}-{start}"
        if not (folder / FILE_NAME).exists():
            began = time.monotonic()
            if start == ADAPTED:
                self._adapt(images, folder)
            else:
                self._pretrain(images, start, folder)
            print(f"{images.name}: {start} in {duration(time.monotonic() - began)}", flush=True)
        return folder

    def _pretrain(self, images: LabeledSet, start: str, folder: Path) -> None:
        config = PretrainConfig.of(start.removesuffix(FROM_SHIPPED))
        geometry = images.geometry
        init_from = Path(SHIPPED) if start.endswith(FROM_SHIPPED) else None
        config = replace(
            config,
            pretrain=config.pretrain.replace(steps=self.sizes.pretrain_steps, init_from=init_from),
            model=as_shipped(ModelSettings(height=geometry.height, width=geometry.width)),
        )
        run_pretraining(config, replace(images.pool, labels=None), folder, resume=folder.exists())

    def _adapt(self, images: LabeledSet, folder: Path) -> None:
        config = replace(AdaptConfig(), model=as_shipped(ModelSettings()))
        config = replace(config, adapt=config.adapt.replace(steps=self.sizes.pretrain_steps))
        adapting = Adapting(config, replace(images.pool, labels=None))
        run_adapting(adapting, folder, resume=folder.exists())


def report(kept: Kept, names: Sequence[str], sizes: Sizes) -> str:
    """The tables and their sizes as Markdown."""
    cells = [cell for cell in kept.cells if cell.set in names]
    compared = starts(sizes.method)
    kinds = sorted({cell.self_training for cell in cells} | {False})
    columns = [_arm(start, kind) for kind in kinds for start in compared]
    took = fmean(cell.seconds for cell in cells) if cells else 0.0
    lines = [
        f"{sizes.labels} labels, {sizes.steps:,} steps of fine-tuning, {sizes.pretrain_steps:,} of "
        f"pretraining on a pool of up to {sizes.pool:,} images, up to {sizes.test} test images; "
        "exact match in %, ± half of a 95% t-interval over the seeds. A seed draws the labels and "
        "the fine-tuning; each encoder is pretrained once. One fine-tuning took "
        f"{duration(took)} on average.",
        "",
        f"| set | {' | '.join(columns)} | seeds | stuck | picked |",
        "|---" + "|--:" * (len(columns) + 2) + "|---|",
    ]
    for name in names:
        own = [cell for cell in cells if cell.set == name]
        if not own:
            continue
        shown = [_match(kept.of(name, start, kind)) for kind in kinds for start in compared]
        seeds = max(cell.seed for cell in own)
        stuck = Counter(cell.start for cell in own if not cell.converged)
        named = ", ".join(f"{start} {count}" for start, count in stuck.items())
        pick = next((pick.start for pick in kept.picks if pick.set == name), "–")
        of = f"{stuck.total()} of {len(own)}" + f" ({named})" * bool(stuck)
        row = [name, *shown, f"{seeds}", of, pick]
        lines.append(f"| {' | '.join(row)} |")
    gains = list(_gains(kept, names, compared))
    if gains:
        lines += ["", "Paired differences of exact match in points:", ""]
        lines += gains
    reasons = [f"- **{pick.set}**: {pick.reason}" for pick in kept.picks if pick.set in names]
    if reasons:
        lines += ["", "What `finetune` says of its choice:", "", *reasons]
    return "\n".join(lines) + "\n"


def _gains(kept: Kept, names: Sequence[str], compared: Sequence[str]) -> Iterator[str]:
    scratch, shipped, learned, both, adapted = ((start, False) for start in compared)
    taught, both_taught = (shipped[0], True), (both[0], True)
    pairs = [(shipped, scratch), (learned, scratch), (both, shipped), (adapted, shipped)]
    if any(cell.self_training for cell in kept.cells):
        pairs += [(taught, shipped), (both_taught, shipped), (both_taught, taught)]
    rows = []
    means: dict[tuple[tuple[str, bool], tuple[str, bool]], list[float]]
    means = {pair: [] for pair in pairs}
    for name in names:
        cells = []
        for pair in pairs:
            a, b = ({c.seed: c.exact_match for c in kept.of(name, *arm)} for arm in pair)
            seeds = sorted(a.keys() & b.keys())
            if not seeds:
                cells.append("–")
                continue
            found = paired_difference([a[seed] for seed in seeds], [b[seed] for seed in seeds])
            cells.append(points(found))
            means[pair].append(found.mean)
        if any(cell != "–" for cell in cells):
            rows.append(f"| {name} | {' | '.join(cells)} |")
    if len(rows) > 1:
        # Each set counts once: the interval is over the sets.
        pooled = [points(estimate(of_sets)) if of_sets else "–" for of_sets in means.values()]
        rows.append(f"| all sets, each once | {' | '.join(pooled)} |")
    if rows:
        yield "| set | " + " | ".join(f"{_arm(*a)} − {_arm(*b)}" for a, b in pairs) + " |"
        yield "|---" + "|--:" * len(pairs) + "|"
        yield from rows


def _arm(start: str, self_training: bool) -> str:
    return start + ", self-training" * self_training


def _match(cells: Sequence[Cell]) -> str:
    if not cells:
        return "–"
    found = estimate([cell.exact_match for cell in cells])
    return percent(found).replace("%", "")


def _rendered(bed: Path, sizes: Sizes) -> Path:
    """The folder of a test bed, named as it is, which is rendered on first use."""
    if not bed.exists():
        job = GenerateSettings(count=sizes.pool + sizes.test, workers=1)
        generate(bed, BEDS[bed.name], job)
    return bed


def chosen_sets(
    parser: argparse.ArgumentParser, asked: argparse.Namespace
) -> dict[str, Path | None]:
    """The sets of --sets, or all of them: the folder of one in --real, None for a test bed."""
    inside = sorted(path for path in asked.real.iterdir() if path.is_dir()) if asked.real else []
    known: dict[str, Path | None] = dict.fromkeys(BEDS)
    for path in inside:
        known.setdefault(path.name, path)
    names = asked.sets.split(",") if asked.sets else list(known)
    if unknown := sorted(set(names) - known.keys()):
        parser.error(f"no such set: {', '.join(unknown)}; known: {', '.join(known)}")
    return {name: known[name] for name in names}


def _read(file: Path, kind: type[R]) -> list[R]:
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    return [kind(**json.loads(line)) for line in text.splitlines()]


def _append(file: Path, row: Cell | Pick) -> None:
    line = json.dumps(asdict(row))
    with file.open("a", encoding="utf-8") as stream:
        stream.write(line + "\n")
    print(line, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.starts", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--out", type=Path, required=True, help="folder of what is finished")
    parser.add_argument("--real", type=Path, help="folder of labeled sets, each a dataset")
    parser.add_argument("--sets", default="", help="names with commas, in order; else all")
    parser.add_argument("--only", default="", help="starts with commas; else all")
    parser.add_argument("--self-training", action="store_true", help="each start with it too")
    parser.add_argument("--report", type=Path, help="Markdown file to write")
    for name, value in asdict(Sizes()).items():
        flag = f"--{name.replace('_', '-')}"
        parser.add_argument(flag, type=type(value), default=value, help=f"(default {value})")
    return parser


if __name__ == "__main__":
    main()
