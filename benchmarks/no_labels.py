"""How well images are read without any label of theirs: by the shipped model, and after learning.

    python -m benchmarks.no_labels --out runs/no-labels [--real FOLDER] [--sets outlined,long]
                                   [--steps 400] [--pool 2000] [--test 500]

For every test bed and every real set in FOLDER it runs `adapt` on a pool. It prints how many test
images are read exactly before and after, and how many of the sure texts were right. The labels of
the pool are used for nothing else. Finished sets stay in --out.
"""

from __future__ import annotations

import argparse
import csv
import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.starts import LabeledSet, Sizes, chosen_sets
from captcha_ssl.atomic import atomic_write_text
from captcha_ssl.labeling.answers import write_table
from captcha_ssl.recognition.adaptation.adapt import SURE_TEXTS
from captcha_ssl.synthesis.beds import BEDS
from captcha_ssl.synthesis.generate import generate
from captcha_ssl.synthesis.settings import GenerateSettings


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure the missing sets, and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--real", type=Path, help="folder of labeled sets, each a table of files")
    parser.add_argument("--sets", help="only these, such as outlined,long")
    parser.add_argument("--steps", type=int, default=400, help="steps of adapting")
    parser.add_argument("--pool", type=int, default=2000, help="images to learn from, at most")
    parser.add_argument("--test", type=int, default=500, help="test images, at most")
    asked = parser.parse_args(arguments)
    folders = chosen_sets(parser, asked)
    sizes = Sizes(pool=asked.pool, test=asked.test, steps=asked.steps)
    print("| set | sure | of these right | read before | after learning |\n|---|--:|--:|--:|--:|")
    for name, real in folders.items():
        found = asked.out / name / "found.json"
        if not found.exists():
            # What an interrupted call has left is made again.
            shutil.rmtree(found.parent, ignore_errors=True)
            folder = real or _rendered(asked.out / name / "images", name, sizes)
            atomic_write_text(found, json.dumps(_measure(name, folder, found.parent, sizes)))
        row = json.loads(found.read_text(encoding="utf-8"))
        shares = " | ".join(f"{row[key]:.1%}" for key in ("sure", "right", "before", "after"))
        print(f"| {name} | {shares} |", flush=True)


def _rendered(folder: Path, bed: str, sizes: Sizes) -> Path:
    count = sizes.pool + sizes.test
    generate(folder, BEDS[bed], GenerateSettings(count=count, format="folder", workers=1))
    return folder


def _measure(name: str, folder: Path, out: Path, sizes: Sizes) -> dict[str, float]:
    images = LabeledSet(name, folder, sizes)
    for part, files in (("pool", images.pool.names), ("test", images.test.names)):
        (out / part).mkdir(parents=True, exist_ok=True)
        for file in files:
            (out / part / Path(file).name).symlink_to((folder / file).resolve())
    tested = [f"test/{Path(file).name}" for file in images.test.names]
    truth = dict(zip(tested, images.test.labels or (), strict=True))
    write_table(out / "test.csv", truth)
    before = _run("predict", "test.csv", "--format", "jsonl", out=out)
    read = [json.loads(line)["text"] for line in before.splitlines()]
    _run("adapt", "pool", "--steps", str(sizes.steps), "--out", "run", "--quiet", out=out)
    with (out / "run" / SURE_TEXTS).open(encoding="utf-8", newline="") as table:
        sure = {Path(row["image"]).name: row["text"] for row in csv.DictReader(table)}
    known = zip(images.pool.names, images.pool.labels or (), strict=True)
    right = sum(sure.get(Path(file).name) == label for file, label in known)
    after = json.loads(_run("evaluate", "run", "test.csv", "--format", "json", "-q", out=out))
    return {
        "sure": len(sure) / len(images.pool),
        "right": right / max(1, len(sure)),
        "before": sum(a == b for a, b in zip(read, truth.values(), strict=True)) / len(truth),
        "after": after["exact_match"],
    }


def _run(*arguments: str, out: Path) -> str:
    command = [sys.executable, "-m", "captcha_ssl", *arguments]
    done = subprocess.run(command, cwd=out, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout


if __name__ == "__main__":
    main()
