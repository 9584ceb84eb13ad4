"""`predict` beside ddddocr and tesseract: start, speed, memory and accuracy, in one run.

Usage: python -m benchmarks.predict [--model M] [--ddddocr PYTHON] [--real FOLDER] [--unseen FOLDER]
       [--count N]

ddddocr is measured with the Python that has it installed, tesseract if the program is found. A
FOLDER contains labeled datasets, which are read in place: `--real` those that influenced the model,
`--unseen` sets that did not. Each group has its own table, and so do the test beds, whose styles
are in the training data.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from captcha_ssl.data.sources.recognize import open_source
from captcha_ssl.synthesis.beds import BEDS
from captcha_ssl.synthesis.render import render
from captcha_ssl.synthesis.settings import PictureSettings

WORKER = Path(__file__).with_name("predict_worker.py")
STARTS = 9
SEEN, DRAWN, UNSEEN = "seen by us", "test beds", "unseen"
CHARACTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_DDDDOCR = (
    "import sys, ddddocr; "
    "print(ddddocr.DdddOcr(show_ad=False).classification(open(sys.argv[1], 'rb').read()))"
)
Labeled = list[tuple[str, str]]
"""Paths of images and their texts."""


@dataclass(frozen=True)
class Contestant:
    """A reader, the Python it runs in, and the command, to which the image is appended."""

    name: str
    python: str
    command: list[str]


def main() -> None:
    """Measure every available reader and print its speed, its accuracy by group, and JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", default="", help="run or model file; else the shipped one")
    parser.add_argument("--ddddocr", metavar="PYTHON", help="Python with ddddocr installed")
    parser.add_argument(
        "--real", type=Path, help=("folder of labeled sets that influenced the model")
    )
    parser.add_argument("--unseen", type=Path, help="folder of labeled sets that did not")
    parser.add_argument("--count", type=int, default=300, help="images of each set")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        groups = {
            SEEN: {"captcha 0.7.1, default": draw_default(Path(folder), options.count)}
            | real_sets(options.real, options.count),
            DRAWN: draw_beds(Path(folder), options.count),
        }
        taken = {name for group in groups.values() for name in group}
        groups[UNSEEN] = {
            f"{options.unseen.name}/{name}" if name in taken else name: labeled
            for name, labeled in real_sets(options.unseen, options.count).items()
        }
        sets = {name: labeled for group in groups.values() for name, labeled in group.items()}
        rows = [
            measure(contestant, options.model, sets)
            for contestant in contestants(options.model, options.ddddocr)
        ]
    print("\n".join(speed_table(rows)))
    for group, members in groups.items():
        if members:
            print("\n" + "\n".join(accuracy_table(rows, group, list(members))))
    print("\n" + json.dumps(rows))


def contestants(model: str, ddddocr: str | None) -> Iterator[Contestant]:
    """This package, and the peers that are installed."""
    ours = [sys.executable, "-m", "captcha_ssl", "predict", *(["--model", model] if model else [])]
    yield Contestant("captcha-ssl", sys.executable, ours)
    if ddddocr:
        yield Contestant("ddddocr", ddddocr, [ddddocr, "-c", _DDDDOCR])
    if program := shutil.which("tesseract"):
        yield Contestant("tesseract", sys.executable, [program, "--psm", "7"])


def draw_default(folder: Path, count: int) -> Labeled:
    """Pictures of the package `captcha` as it draws them by default, saved as PNG."""
    settings = PictureSettings(seed=2**31, style="captcha", charset=CHARACTERS)
    drawn = []
    for index in range(count):
        picture, text = render(settings, index)
        path = folder / f"{index}.png"
        Image.fromarray(np.ascontiguousarray(picture.transpose(1, 2, 0))).save(path)
        drawn.append((str(path), text))
    return drawn


def draw_beds(folder: Path, count: int) -> dict[str, Labeled]:
    """Pictures of every test bed, with looks and texts that are not in the training data."""
    drawn: dict[str, Labeled] = {}
    for name, bed in BEDS.items():
        settings = bed.replace(seed=2**31)
        place = folder / name
        place.mkdir()
        drawn[name] = []
        for index in range(count):
            picture, text = render(settings, index)
            path = place / f"{index}.png"
            Image.fromarray(np.ascontiguousarray(picture.transpose(1, 2, 0))).save(path)
            drawn[name].append((str(path), text))
    return drawn


def real_sets(folder: Path | None, count: int) -> dict[str, Labeled]:
    """Samples of the datasets in a folder, in order; none without a folder."""
    if folder is None:
        return {}
    places = sorted(place for place in folder.iterdir() if place.is_dir())
    return {place.name: sample(place, count) for place in places}


def sample(place: Path, count: int) -> Labeled:
    """`count` images of a table of labels, the same in every run."""
    source = open_source(place, want_labels=True)
    labels = source.labels or ()
    chosen = random.Random(0).sample(range(len(source)), min(count, len(source)))
    return [(str(place / source.names[i]), labels[i]) for i in chosen]


def measure(contestant: Contestant, model: str, sets: dict[str, Labeled]) -> dict[str, Any]:
    """All measurements of one reader."""
    first = next(iter(sets.values()))
    cold = sorted(start(contestant, first[0][0]) for _ in range(STARTS))
    row: dict[str, Any] = {"reader": contestant.name, "accuracy": {}, "exact": {}}
    row["cold_ms"], row["cold_mib"] = cold[STARTS // 2][0], max(mib for _, mib in cold)
    for name, labeled in sets.items():
        paths = "\n".join(path for path, _ in labeled)
        command = [contestant.python, str(WORKER), contestant.name, model]
        done = subprocess.run(command, input=paths, capture_output=True, text=True, check=True)
        result = json.loads(done.stdout.splitlines()[-1])
        texts = result.pop("texts")
        pairs = [(text, label) for text, (_, label) in zip(texts, labeled, strict=True)]
        same = sum(text.lower() == label.lower() for text, label in pairs)
        row["accuracy"][name] = same / len(pairs)
        row["exact"][name] = sum(text == label for text, label in pairs) / len(pairs)
        if labeled is first:
            row |= result
    return row


def start(contestant: Contestant, image: str) -> tuple[float, float]:
    """Milliseconds from the start of the process to its first byte of text, and its peak in MiB."""
    command = [*contestant.command]
    # tesseract wants its image and where to write before its options.
    command[1:1] = [image, "stdout"] if contestant.name == "tesseract" else []
    command += [] if contestant.name == "tesseract" else [image]
    started = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        process.stdout.read(1)
        taken = 1000 * (time.perf_counter() - started)
        process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{contestant.name} failed on {image}")
    return taken, usage.ru_maxrss / 1024


def speed_table(rows: list[dict[str, Any]]) -> Iterator[str]:
    """A Markdown table of speed and memory."""
    yield "| reader | cold, ms | peak MiB, one image | warm, ms | images/s | peak MiB, all |"
    yield "|---|--:|--:|--:|--:|--:|"
    for row in rows:
        yield (
            f"| {row['reader']} | {row['cold_ms']:.0f} | {row['cold_mib']:.0f} "
            f"| {row['warm_ms']:.2f} | {row['per_second']:,.0f} | {row['resident_mib']:.0f} |"
        )


def accuracy_table(rows: list[dict[str, Any]], group: str, sets: list[str]) -> Iterator[str]:
    """A Markdown table of the share of texts that are right in each set of a group."""
    yield f"| {group}: case ignored (kept) | {' | '.join(sets)} |"
    yield "|---" + "|--:" * len(sets) + "|"
    for row in rows:
        shares = (f"{row['accuracy'][name]:.1%} ({row['exact'][name]:.1%})" for name in sets)
        yield f"| {row['reader']} | {' | '.join(shares)} |"


if __name__ == "__main__":
    main()
