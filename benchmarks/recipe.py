"""Which settings of fine-tuning read better? Trials side by side, on images kept for choosing.

    python -m benchmarks.recipe DATA --init-from RUN --labels 100,500 --seeds 3 \\
        --try "" --try "steps=1600 pile_ratio=3"

DATA is labeled. A test set is split off as `benchmark` does it, and nobody reads it here unless
`--final` asks for that. Of the rest the last images are read to choose by; the others are the
pile, and the labels of a trial are drawn from those. `--try` takes settings of `finetune` and
`labels-only`, which leaves the pile out. Trials with the same seed have the same labels.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from benchmarks.bounds import with_interval
from captcha_ssl.atomic import atomic_write_text
from captcha_ssl.config import Given
from captcha_ssl.data.charset import Charset
from captcha_ssl.data.dataset import Dataset
from captcha_ssl.data.splits import nested_subset, split_benchmark
from captcha_ssl.recognition.evaluation.evaluate import evaluate
from captcha_ssl.recognition.fine_tuning.config import FinetuneConfig
from captcha_ssl.recognition.fine_tuning.finetune import Finetuning
from captcha_ssl.recognition.fine_tuning.labeled_data import FinetuneData
from captcha_ssl.training.images import load_images
from captcha_ssl.training.init_from import adopt
from captcha_ssl.training.settings import ModelSettings

LABELS_ONLY = "labels-only"
_SHARE = 0.2
"""Largest share of the images for the test set, and of the rest for choosing."""
_FIRST_SEED = 11
"""Other labels than those of a benchmark's reported runs."""
Row = dict[str, Any]


def main(arguments: Sequence[str] | None = None) -> None:
    """Print each figure as soon as it is known, then a table."""
    asked = _parser().parse_args(arguments)
    model, geometry = adopt(ModelSettings(), asked.init_from)
    data = load_images((asked.data,), model, labeled=True, geometry=geometry)
    test = min(asked.test, int(_SHARE * len(data)))
    parts = split_benchmark(data.images, data.labels, test=test, seed=0)
    pool = data.take(parts.pool)
    kept = len(pool) - min(asked.validation, int(_SHARE * len(pool)))
    pile = pool.take(range(kept))
    read = data.take(parts.test) if asked.final else pool.take(range(kept, len(pool)))
    rows: list[Row] = []
    if asked.json and asked.json.exists():
        rows = json.loads(asked.json.read_text())
    counts = [int(count) for count in asked.labels.split(",")]
    for seed in range(_FIRST_SEED, _FIRST_SEED + asked.seeds):
        for labels in counts:
            for tried in asked.tried:
                key = {"try": tried, "labels": labels, "seed": seed, "final": asked.final}
                if any(key.items() <= row.items() for row in rows):
                    continue
                told = [*asked.given.split(), *tried.split()]
                rows.append({**key, **_measure(told, labels, seed, pile, read, asked.init_from)})
                print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
                if asked.json:
                    atomic_write_text(asked.json, json.dumps(rows, indent=1) + "\n")
    _print([row for row in rows if row["final"] == asked.final], asked.tried, counts)


def _measure(
    told: list[str], labels: int, seed: int, pile: Dataset, held_out: Dataset, start: Path | None
) -> Row:
    alone = LABELS_ONLY in told
    settings = [f"init_from={start}"] if start else []
    settings += [text for text in told if text != LABELS_ONLY]
    config = FinetuneConfig().at(Given(assignments=[*settings, f"seed={seed}"]))
    train = pile.take(nested_subset(len(pile), labels, seed))
    charset = Charset.from_labels(pile.labels or ())
    began = time.process_time()
    result = Finetuning(
        config, FinetuneData(train, charset, unlabeled=None if alone else pile)
    ).train()
    seconds = time.process_time() - began
    found = evaluate(result.recognizer, held_out)
    return {
        "exact_match": found.exact_match,
        "cer": found.cer,
        "converged": result.converged,
        "seconds": round(seconds, 1),
        "accepted": result.history[-1].get("accepted"),
    }


def _print(rows: Sequence[Row], tries: Sequence[str], counts: Sequence[int]) -> None:
    """Exact match in %, and the difference to the first try, paired by seed."""

    def of(tried: str, labels: int) -> dict[int, float]:
        key = {"try": tried, "labels": labels}
        mine = [row for row in rows if key.items() <= row.items()]
        return {row["seed"]: 100 * row["exact_match"] for row in mine}

    print("| settings | " + " | ".join(f"{n} labels | gain" for n in counts) + " | CPU |")
    print("| --- |" + " ---: | ---: |" * len(counts) + " ---: |")
    for tried in tries:
        cells = []
        for labels in counts:
            mine, base = of(tried, labels), of(tries[0], labels)
            cells.append(with_interval(list(mine.values())))
            gains = [mine[seed] - base[seed] for seed in mine if seed in base]
            cells.append(with_interval(gains, "+") if tried != tries[0] else "–")
        took = fmean(row["seconds"] for row in rows if row["try"] == tried)
        print(f"| `{tried or 'defaults'}` | " + " | ".join(cells) + f" | {took:.0f} s |")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m benchmarks.recipe")
    parser.add_argument("data", type=Path)
    parser.add_argument("--init-from", type=Path, help="none: from scratch")
    parser.add_argument("--given", default="lr=0.006", help="settings of every trial")
    parser.add_argument("--try", dest="tried", action="append", required=True, metavar="SETTINGS")
    parser.add_argument("--labels", default="100,500")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--test", type=int, default=5_000)
    parser.add_argument("--validation", type=int, default=2_000)
    parser.add_argument("--final", action="store_true", help="read the test images instead")
    parser.add_argument("--json", type=Path, help="where to keep the figures, and to continue from")
    return parser


if __name__ == "__main__":
    main()
