"""How much could a better choice of crops, negatives or positives gain at most? Three bounds.

    python -m benchmarks.bounds [--steps 2000] [--seeds 3] [--labels 100,500] [--self-training]

SimCLR is pretrained on pictures of `classic` whose characters and places are known, which no real
pile tells. Each bound knows more than the one before it:

    simclr      crops at random places with ink, as `pretrain` cuts them
    centered    each crop is centered on a character: bounds whatever segments
    negatives   and no crop of the same character is a negative: bounds cures of false negatives
    positives   and the other view is of another picture of that character: bounds clusters,
                nearest neighbors and pseudo-labels as positives

Each encoder is fine-tuned on the same labels and reads the same held-out pictures, as does a
recognizer from scratch. A family whose bound gains little is not worth building.
"""

from __future__ import annotations

import argparse
import json
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from captcha_ssl.benchmark.plan.presets import DISTINCT
from captcha_ssl.benchmark.report.statistics import estimate
from captcha_ssl.data.charset import Charset
from captcha_ssl.data.dataset import Dataset
from captcha_ssl.data.geometry import Geometry
from captcha_ssl.methods.instances import Crops
from captcha_ssl.methods.projection import ProjectorSettings, build_projector
from captcha_ssl.methods.settings import InstanceSettings
from captcha_ssl.models.encoder import Encoder, build_encoder, standardize
from captcha_ssl.models.parameters import parameter_groups
from captcha_ssl.models.task import Progress, Task
from captcha_ssl.recognition.evaluation.evaluate import evaluate
from captcha_ssl.recognition.fine_tuning.config import FinetuneConfig
from captcha_ssl.recognition.fine_tuning.finetune import Finetuning
from captcha_ssl.recognition.fine_tuning.labeled_data import FinetuneData
from captcha_ssl.recognition.fine_tuning.settings import FinetuneSettings
from captcha_ssl.synthesis import classic
from captcha_ssl.synthesis.canvas import Pixels
from captcha_ssl.synthesis.render import renderer
from captcha_ssl.synthesis.settings import PictureSettings
from captcha_ssl.training.loop import train
from captcha_ssl.training.settings import LoopSettings
from captcha_ssl.views.crops import cut_all
from captcha_ssl.views.settings import ViewSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

ARMS = ("simclr", "centered", "negatives", "positives")
SCRATCH = "scratch"
GEOMETRY = Geometry(1, 32, 88)
_LENGTH = 4
_POOL_SEED, _TEST_SEED = 1, 900
_TEMPERATURE = 0.1


@dataclass(frozen=True)
class Pile:
    """Pictures uint8 `[N, 1, 32, 88]`, their texts, and the column of every character's middle."""

    images: Pixels
    texts: list[str]
    middles: npt.NDArray[np.float32]

    @property
    def classes(self) -> Tensor:
        """The place of every character in the charset, int64 `[N, 4]`."""
        return torch.tensor([[DISTINCT.index(c) for c in text] for text in self.texts])

    def dataset(self, rows: slice) -> Dataset:
        """Some of the pictures with their texts."""
        texts = self.texts[rows]
        return Dataset(self.images[rows], texts, [str(i) for i in range(len(texts))], GEOMETRY, [])


def draw(count: int, seed: int) -> Pile:
    """Pictures of `classic` as a benchmark trains on them, and where their characters stand."""
    settings = PictureSettings(
        seed=seed, style="classic", charset=DISTINCT, width=88, height=32, channels=1
    )
    render, images, texts, middles = renderer(settings), [], [], []
    for index in range(count):
        with _noted_places() as places:
            image, text = render(index)
        images.append(image)
        texts.append(text)
        middles.append(places)
    return Pile(np.stack(images), texts, np.array(middles, np.float32))


@contextmanager
def _noted_places() -> Iterator[list[float]]:
    """The middles of the letters drawn inside, as columns of a picture 88 pixels wide."""
    lay, places = classic._lay, []

    def noting(mask: Pixels, picture: Pixels, layers: Any, left: int, top: int) -> None:
        lay(mask, picture, layers, left, top)
        full = picture.shape[2] - 2 * classic._MARGIN
        middle = left - classic._MARGIN + mask.shape[1] / 2
        places.append(middle / full * GEOMETRY.width)

    classic._lay = noting
    try:
        yield places
    finally:
        classic._lay = lay


Batch = tuple[Tensor, Tensor, Tensor]
"""Pictures, middles and classes of their characters."""


class Bound(Task):
    """SimCLR on crops of which it may be told more than a pile tells."""

    def __init__(self, encoder: Encoder, arm: str, pile: Pile) -> None:
        super().__init__()
        self.encoder, self.arm = encoder, arm
        self.crops = Crops(InstanceSettings(), ViewSettings())
        self.projector = build_projector(encoder, ProjectorSettings())
        self._pile, classes = pile, pile.classes
        flat = classes.flatten()
        self._others = [(flat == c).nonzero()[:, 0] for c in range(len(DISTINCT))]

    def forward(self, batch: Batch, progress: Progress) -> dict[str, Tensor]:
        images, middles, classes = batch
        if self.arm == ARMS[0]:
            one, other = self.crops.views(images)
            return {"loss": _contrast(self._embed(one), self._embed(other), None)}
        # As many characters of each picture as there are crops of it otherwise.
        chosen = torch.rand(classes.shape).argsort(1)[:, : self.crops.count]
        shown = classes.gather(1, chosen).T.flatten()
        first = self._cut(images, middles.gather(1, chosen))
        second = self._of_same(shown) if self.arm == "positives" else first
        one, other = self.crops.view(first), self.crops.view(second)
        known = None if self.arm == "centered" else shown
        return {"loss": _contrast(self._embed(one), self._embed(other), known)}

    def _embed(self, view: Tensor) -> Tensor:
        projected: Tensor = self.projector(self.crops.embed(self.encoder, view))
        return projected

    def _cut(self, images: Tensor, middles: Tensor) -> Tensor:
        """Crops around `middles` `[B, n]`: `[n · B, 1, 32, width and margins]`."""
        margin, width = self.crops.margin, self.crops.width
        lefts = (middles - width / 2).round().long().T
        return cut_all(standardize(images), lefts - margin, width + 2 * margin)

    def _of_same(self, shown: Tensor) -> Tensor:
        """For every character a crop of the same one somewhere in the pile."""
        picks = [self._others[c][torch.randint(len(self._others[c]), ())] for c in shown.tolist()]
        picked = torch.stack(picks)
        rows, places = picked // _LENGTH, picked % _LENGTH
        images = torch.from_numpy(self._pile.images[rows.numpy()])
        middles = torch.from_numpy(self._pile.middles)[rows, places]
        return self._cut(images, middles[:, None])


def _contrast(a: Tensor, b: Tensor, classes: Tensor | None) -> Tensor:
    """InfoNCE as in `losses/infonce.py`, without negatives of an anchor's own class, if given."""
    z = F.normalize(torch.cat([a, b]).float(), dim=1)
    count = len(z)
    logits = z @ z.T / _TEMPERATURE
    positive = torch.arange(count).roll(count // 2)
    out = torch.eye(count, dtype=torch.bool)
    if classes is not None:
        both = classes.repeat(2)
        out = (both[:, None] == both) & (torch.arange(count) != positive[:, None])
    return F.cross_entropy(logits.masked_fill(out, float("-inf")), positive)


def pretrain(arm: str, pile: Pile, steps: int, seed: int) -> dict[str, Tensor]:
    """The weights of an encoder after so many steps."""
    torch.manual_seed(seed)
    task = Bound(build_encoder("tiny", GEOMETRY.channels, GEOMETRY.height), arm, pile)
    loop = LoopSettings(lr=1e-3, seed=seed, log_every=steps)
    images, middles = torch.from_numpy(pile.images), torch.from_numpy(pile.middles)
    classes = pile.classes
    groups = parameter_groups(task, loop.lr, loop.weight_decay)

    def fetch(rows: Tensor) -> Batch:
        return images[rows], middles[rows], classes[rows]

    train(task, groups, fetch, len(images), steps, loop)
    return task.encoder.state_dict()


def read(
    weights: dict[str, Tensor] | None,
    pile: Pile,
    test: Dataset,
    labels: int,
    steps: int,
    seed: int,
    rates: tuple[float, ...],
    self_training: bool,
) -> dict[str, float]:
    """Exact match on `test` after fine-tuning with each learning rate of the encoder."""
    rows = slice(seed * labels, (seed + 1) * labels)
    data = FinetuneData(
        pile.dataset(rows),
        Charset(DISTINCT),
        unlabeled=pile.dataset(slice(None)) if self_training else None,
    )
    found = {}
    for rate in rates:
        config = FinetuneConfig(
            finetune=FinetuneSettings(steps=steps),
            loop=LoopSettings(lr=rate, seed=seed, log_every=steps),
        )
        job = Finetuning(config, data)
        if weights:
            job.recognizer.encoder.load_state_dict(weights)
        found[f"{rate:g}"] = evaluate(job.train().recognizer, test).exact_match
    return found


def main() -> None:
    """Print every figure as soon as it is known, then the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--images", type=int, default=20_000, help="pictures of the pile")
    parser.add_argument("--test", type=int, default=2_000, help="held-out pictures")
    parser.add_argument("--steps", type=int, default=2_000, help="steps of pretraining")
    parser.add_argument("--finetune-steps", type=int, default=800)
    parser.add_argument("--labels", default="100,500")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--rates", default="0.003,0.006", help="learning rates that each arm tries")
    parser.add_argument("--arms", default=",".join((SCRATCH, *ARMS)))
    parser.add_argument("--self-training", action="store_true")
    parser.add_argument("--json", type=Path, help="where to keep the figures, and to go on from")
    asked = parser.parse_args()
    pile = draw(asked.images, _POOL_SEED)
    held_out = draw(asked.test, _TEST_SEED)
    test = held_out.dataset(slice(None))
    rates = tuple(float(rate) for rate in asked.rates.split(","))
    arms, counts = asked.arms.split(","), [int(count) for count in asked.labels.split(",")]
    rows: list[dict[str, Any]] = []
    if asked.json and asked.json.exists():
        rows = json.loads(asked.json.read_text())
    known = {(row["arm"], row["labels"], row["seed"]) for row in rows}
    for seed in range(asked.seeds):
        for arm in arms:
            if all((arm, labels, seed) in known for labels in counts):
                continue
            weights = None if arm == SCRATCH else pretrain(arm, pile, asked.steps, seed)
            for labels in counts:
                found = read(
                    weights,
                    pile,
                    test,
                    labels,
                    asked.finetune_steps,
                    seed,
                    rates,
                    asked.self_training,
                )
                rows.append({"arm": arm, "labels": labels, "seed": seed, "read": found})
                print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
                if asked.json:
                    asked.json.write_text(json.dumps(rows, indent=1) + "\n")
    _print(rows, arms, counts, rates)


def _print(
    rows: list[dict[str, Any]], arms: list[str], counts: list[int], rates: tuple[float, ...]
) -> None:
    """The best rate of each arm, by its mean, and the paired gain over `simclr`."""

    def best(arm: str, labels: int) -> list[float]:
        mine = [row["read"] for row in rows if (row["arm"], row["labels"]) == (arm, labels)]
        means = {rate: fmean(read[f"{rate:g}"] for read in mine) for rate in rates}
        rate = max(rates, key=means.__getitem__)
        return [100 * read[f"{rate:g}"] for read in mine]

    print("| arm | " + " | ".join(f"{n} labels | − simclr" for n in counts) + " |")
    print("| --- |" + " ---: | ---: |" * len(counts))
    for arm in arms:
        cells = []
        for labels in counts:
            mine, plain = best(arm, labels), best(ARMS[0], labels) if ARMS[0] in arms else []
            cells.append(with_interval(mine))
            gains = [m - p for m, p in zip(mine, plain, strict=bool(plain))]
            cells.append(with_interval(gains, sign="+") if gains and arm != ARMS[0] else "–")
        print(f"| `{arm}` | " + " | ".join(cells) + " |")


def with_interval(values: list[float], sign: str = "") -> str:
    """The mean of values in percent, with half of its interval if there are several."""
    found = estimate(values)
    if found.high is None:
        return f"{found.mean:{sign}.1f}"
    return f"{found.mean:{sign}.1f} ± {found.high - found.mean:.1f}"


if __name__ == "__main__":
    main()
