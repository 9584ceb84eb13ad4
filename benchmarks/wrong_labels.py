"""Plants wrong labels and counts which of them are found, and which right ones are accused.

    python -m benchmarks.wrong_labels --beds runs/starts/sets [--real FOLDER] --sets plate,onebit
                                      [--parts 2] [--steps 200] [--share 0.05] [--seeds 1]

A planted label has one character replaced by another of the set. First the shipped model reads the
test images as it is, like `evaluate shipped`; then recognizers that start from it read the labels
in parts, like `finetune --check-labels`. Prints a table in Markdown, a row for each set.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.starts import LabeledSet, Sizes
from captcha_ssl.data.dataset import Dataset
from captcha_ssl.duration import duration
from captcha_ssl.models.shipped import SHIPPED
from captcha_ssl.recognition.evaluation.evaluate import Evaluation, evaluate
from captcha_ssl.recognition.fine_tuning.config import FinetuneConfig
from captcha_ssl.recognition.fine_tuning.cross_check import cross_check
from captcha_ssl.recognition.fine_tuning.labeled_data import FinetuneData
from captcha_ssl.recognition.fine_tuning.settings import FinetuneSettings
from captcha_ssl.recognition.reading.open_reader import open_reader
from captcha_ssl.training.images import load_images
from captcha_ssl.training.settings import LoopSettings, ModelSettings, as_shipped


def main(arguments: Sequence[str] | None = None) -> None:
    """Plant, check and print."""
    asked = _parser().parse_args(arguments)
    print(
        "| set | reader | labels | read as labeled | planted | found | right ones listed | took |"
    )
    print("|---|---|--:|--:|--:|--:|--:|--:|")
    for name in asked.sets.split(","):
        for seed in range(1, asked.seeds + 1):
            _rows(name, seed, asked)


def planted(labels: Sequence[str], share: float, seed: int) -> tuple[list[str], set[int]]:
    """The labels with a wrong character in some of them, and the places of these."""
    rng = np.random.default_rng(seed)
    characters = sorted(set("".join(labels)))
    changed = list(labels)
    places = rng.choice(len(labels), round(share * len(labels)), replace=False).tolist()
    for place in places:
        label = labels[place]
        at = int(rng.integers(len(label)))
        others = [character for character in characters if character != label[at]]
        changed[place] = label[:at] + str(rng.choice(others)) + label[at + 1 :]
    return changed, set(places)


def _rows(name: str, seed: int, asked: argparse.Namespace) -> None:
    folder = asked.beds / name if (asked.beds / name).exists() else asked.real / name
    images = LabeledSet(name, folder, Sizes(labels=asked.labels))
    reader = open_reader(Path(SHIPPED), "cpu")
    model = ModelSettings(prepare="none")
    test = load_images(folder, model, labeled=True, geometry=reader.geometry)
    test = test.take(range(0, len(test), max(1, len(test) // images.sizes.test)))
    _row(name, "shipped", test, asked.share, seed, lambda data: evaluate(reader, data))
    config = FinetuneConfig(
        finetune=FinetuneSettings(steps=asked.steps, init_from=Path(SHIPPED)),
        loop=LoopSettings(seed=seed),
        model=as_shipped(ModelSettings()),
    )

    def check(data: Dataset) -> Evaluation:
        return cross_check(config, FinetuneData(data, images.charset), asked.parts).read

    labeled = images.pool.take(images.labeled_by(seed))
    _row(name, f"{asked.parts} parts × {asked.steps} steps", labeled, asked.share, seed, check)


def _row(
    name: str,
    how: str,
    data: Dataset,
    share: float,
    seed: int,
    read: Callable[[Dataset], Evaluation],
) -> None:
    labels, wrong = planted(data.labels or [], share, seed)
    began = time.process_time()
    result = read(replace(data, labels=labels))
    took = duration(time.process_time() - began)
    listed = {suspect.position for suspect in result.suspects()}
    found, accused = len(listed & wrong), len(listed - wrong)
    cells = [name, how, f"{len(data)}", f"{result.exact_match:.1%}", f"{len(wrong)}"]
    cells += [f"{found}", f"{accused}", took]
    print(f"| {' | '.join(cells)} |", flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.wrong_labels", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--beds", type=Path, required=True, help="folder of rendered sets")
    parser.add_argument("--real", type=Path, default=Path(), help="folder of other labeled sets")
    parser.add_argument("--sets", required=True, help="names with commas")
    parser.add_argument("--labels", type=int, default=200, help="(default 200)")
    parser.add_argument("--share", type=float, default=0.05, help="of wrong labels (default 0.05)")
    parser.add_argument("--parts", type=int, default=2, help="(default 2)")
    parser.add_argument("--steps", type=int, default=200, help="of each recognizer (default 200)")
    parser.add_argument("--seeds", type=int, default=1, help="(default 1)")
    return parser


if __name__ == "__main__":
    main()
