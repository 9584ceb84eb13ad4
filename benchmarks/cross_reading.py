"""Do `captcha` and `classic` draw one distribution? A reader of either reads both.

    python -m benchmarks.cross_reading [--images 12000] [--steps 2000] [--seeds 3]

Readers are trained on pictures of one style at 88×32 in gray, and read held-out pictures of both.
`captcha` draws at 160×60 in color and is brought to that size; `classic` draws it at once.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np

from captcha_ssl.benchmark.plan.presets import DISTINCT
from captcha_ssl.data.charset import Charset
from captcha_ssl.data.dataset import Dataset
from captcha_ssl.data.geometry import Geometry
from captcha_ssl.recognition.evaluation.evaluate import evaluate
from captcha_ssl.recognition.fine_tuning.config import FinetuneConfig
from captcha_ssl.recognition.fine_tuning.finetune import Finetuning
from captcha_ssl.recognition.fine_tuning.labeled_data import FinetuneData
from captcha_ssl.recognition.fine_tuning.settings import FinetuneSettings
from captcha_ssl.synthesis.render import renderer
from captcha_ssl.synthesis.settings import PictureSettings
from captcha_ssl.training.settings import LoopSettings

STYLES = ("captcha", "classic")
GEOMETRY = Geometry(1, 32, 88)


def main() -> None:
    """Train the readers, print what each reads as soon as it is known, and the means."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--images", type=int, default=12_000, help="pictures to learn from")
    parser.add_argument("--test", type=int, default=4_000, help="held-out pictures of each style")
    parser.add_argument("--steps", type=int, default=2_000)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    test = {style: draw(style, asked.test, seed=900) for style in STYLES}
    rows: list[tuple[str, int, dict[str, float]]] = []
    for seed in range(asked.seeds):
        for style in STYLES:
            found = read(style, seed, asked.images, asked.steps, test)
            rows.append((style, seed, found))
            print(style, seed, json.dumps(found), file=sys.stderr, flush=True)
    print(f"{'learned from':14}" + "".join(f"{f'reads {style}':>16}" for style in STYLES))
    for learned in STYLES:
        of_one = [found for style, _, found in rows if style == learned]
        means = [np.mean([found[style] for found in of_one]) for style in STYLES]
        print(f"{learned:14}" + "".join(f"{mean:16.2%}" for mean in means))
    if asked.json:
        asked.json.write_text(json.dumps(rows, indent=1) + "\n")


def read(
    style: str, seed: int, images: int, steps: int, test: dict[str, Dataset]
) -> dict[str, float]:
    """Exact match on held-out pictures of each style, of a reader that learned from one."""
    config = FinetuneConfig(
        finetune=FinetuneSettings(steps=steps, alignment=1.0),
        loop=LoopSettings(lr=5e-3, batch_size=32, seed=seed, log_every=500),
    )
    drawn = FinetuneData(draw(style, images, seed=seed), Charset(DISTINCT))
    found = Finetuning(config, drawn).train()
    return {name: evaluate(found.recognizer, data).exact_match for name, data in test.items()}


def draw(style: str, count: int, *, seed: int) -> Dataset:
    """Labeled pictures of a style at the geometry of the reader. No two styles share a text."""
    settings = PictureSettings(seed=2 * seed + STYLES.index(style), style=style, charset=DISTINCT)
    if style == "classic":
        settings = settings.replace(width=88, height=32, channels=1)
    drawn = [renderer(settings)(index) for index in range(count)]
    images = [
        image if image.shape == (1, 32, 88) else GEOMETRY.fit(image.transpose(1, 2, 0))
        for image, _ in drawn
    ]
    texts = [text for _, text in drawn]
    return Dataset(np.stack(images), texts, [str(i) for i in range(count)], GEOMETRY, [])


if __name__ == "__main__":
    main()
