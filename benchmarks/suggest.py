"""Does `suggest` choose better labels than a random draw? A curve of each, over several seeds.

    python -m benchmarks.suggest DATA --init-from RUN --label-counts 50,100,200 --out DIR

DATA is labeled; the labels of what is chosen are used, and those of the test images. Of the ways to
choose, `suggest` asks the encoder. `two-rounds` draws half of the labels at random, trains a
recognizer on them, and lets `suggest` choose the other half by what that is unsure of.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory

import numpy as np
from matplotlib.figure import Figure

from captcha_ssl.atomic import atomic_path, atomic_write_text
from captcha_ssl.benchmark.report.statistics import estimate
from captcha_ssl.data.charset import Charset
from captcha_ssl.data.dataset import Dataset, load_dataset
from captcha_ssl.data.splits import nested_subset, split_benchmark
from captcha_ssl.models.frames import frames
from captcha_ssl.recognition.evaluation.evaluate import evaluate
from captcha_ssl.recognition.fine_tuning.config import FinetuneConfig
from captcha_ssl.recognition.fine_tuning.finetune import FinetuneResult, Finetuning
from captcha_ssl.recognition.fine_tuning.labeled_data import FinetuneData
from captcha_ssl.recognition.fine_tuning.settings import FinetuneSettings
from captcha_ssl.recognition.similarity.embedder import Embedder
from captcha_ssl.recognition.similarity.suggest import suggest
from captcha_ssl.training.device import resolve_device
from captcha_ssl.training.settings import LoopSettings

Row = dict[str, str | int | float | bool]
COLORS = {"random": "#6c757d", "suggest": "#0b7a75", "two-rounds": "#b5651d"}


def main(arguments: Sequence[str] | None = None) -> None:
    """Fine-tune on both kinds of subsets and write suggest.json and suggest.png to --out."""
    asked = _parser().parse_args(arguments)
    device = resolve_device(asked.device)
    embedder = Embedder(asked.init_from, device)
    data = load_dataset(asked.data, labeled=True, geometry=embedder.geometry, frames=frames)
    parts = split_benchmark(data.images, data.labels, test=asked.test, seed=0)
    pool, test = data.take(parts.pool[: asked.pool]), data.take(parts.test)
    charset = Charset.from_labels(data.labels or ())
    vectors, uncertainty = embedder(pool.images)
    counts = sorted(int(count) for count in asked.label_counts.split(","))
    rows: list[Row] = []
    for seed in range(1, asked.seeds + 1):
        drawn = nested_subset(len(pool), counts[-1], seed)
        listed = suggest(vectors, uncertainty, counts[-1], seed=seed)
        for way in asked.ways.split(","):
            for labels in counts:
                chosen = drawn[:labels]
                if way == "suggest":
                    chosen = np.array([suggestion.index for suggestion in listed[:labels]])
                if way == "two-rounds":
                    chosen = _two_rounds(pool, drawn, labels, charset, seed, asked)
                result = _train(pool.take(chosen), charset, seed, asked)
                rows.append({"way": way, "labels": labels, "seed": seed, **_read(result, test)})
                print(json.dumps(rows[-1]), flush=True)
    # Written at the end: a partial curve would favor one of the two.
    atomic_write_text(asked.out / "suggest.json", json.dumps(rows, indent=2) + "\n")
    _plot(asked.out / "suggest.png", rows, counts)


def _two_rounds(
    pool: Dataset,
    drawn: np.ndarray,
    labels: int,
    charset: Charset,
    seed: int,
    asked: argparse.Namespace,
) -> np.ndarray:
    """Half of the labels as `drawn`, the others by what a recognizer of those is unsure of."""
    first = drawn[: labels // 2]
    with TemporaryDirectory() as folder:
        file = Path(folder) / "first.safetensors"
        _train(pool.take(first), charset, seed, asked).recognizer.save(file, {})
        vectors, uncertainty = Embedder(file, resolve_device(asked.device))(pool.images)
    count = labels - len(first)
    listed = suggest(vectors, uncertainty, count, labeled=first.tolist(), seed=seed)
    return np.concatenate([first, [suggestion.index for suggestion in listed]])


def _train(
    train: Dataset, charset: Charset, seed: int, asked: argparse.Namespace
) -> FinetuneResult:
    config = FinetuneConfig(
        finetune=FinetuneSettings(steps=asked.steps, init_from=asked.init_from),
        loop=LoopSettings(lr=asked.lr, seed=seed, device=asked.device),
    )
    return Finetuning(config, FinetuneData(train, charset)).train()


def _read(result: FinetuneResult, test: Dataset) -> Row:
    read = evaluate(result.recognizer, test)
    return {"exact_match": read.exact_match, "cer": read.cer, "converged": result.converged}


def _plot(path: Path, rows: Sequence[Row], counts: Sequence[int]) -> None:
    figure = Figure(figsize=(6.4, 4.2), layout="constrained")
    axes = figure.add_subplot()
    for way in dict.fromkeys(str(row["way"]) for row in rows):
        color = COLORS[way]
        found = [
            estimate([float(r["exact_match"]) for r in rows if (r["way"], r["labels"]) == (way, n)])
            for n in counts
        ]
        means = [each.mean for each in found]
        low = [max(0.0, each.mean if each.low is None else each.low) for each in found]
        high = [min(1.0, each.mean if each.high is None else each.high) for each in found]
        axes.fill_between(counts, low, high, color=color, alpha=0.15, linewidth=0)
        axes.plot(counts, means, color=color, marker="o", label=f"{way}  {fmean(means):.1%}")
    axes.set_xscale("log")
    axes.set_xticks(counts, [f"{count:,}" for count in counts])
    axes.minorticks_off()
    axes.set_xlabel("labeled images")
    axes.set_ylabel("exact match")
    axes.set_title("Labels that were suggested, and as many drawn at random", loc="left")
    axes.legend(title="mean over the counts", frameon=False)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=150, format="png")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m benchmarks.suggest")
    parser.add_argument("data", type=Path)
    parser.add_argument("--init-from", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--ways", default=",".join(COLORS))
    parser.add_argument("--label-counts", default="50,100,200")
    parser.add_argument("--pool", type=int, help="choose among so many images; all by default")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--test", type=int, default=2000)
    parser.add_argument("--device", default="auto")
    return parser


if __name__ == "__main__":
    main()
