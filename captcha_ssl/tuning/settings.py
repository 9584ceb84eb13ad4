"""Settings of the search. Light to import: the command line reads them for its help."""

from __future__ import annotations

from typing import ClassVar

from captcha_ssl.settings import MOST_SEED, Settings, setting
from captcha_ssl.training.settings import DEVICES

NO_METHOD = "none"
"""Instead of a method: no pretraining."""


class TuneSettings(Settings):
    """Which recipes are tried, and how each is scored."""

    title: ClassVar[str] = "Search"

    labels: int | None = setting(
        None,
        "use only this many labels, drawn by the seed; fewer are a subset of more",
        low=1,
        flag="N",
    )
    methods: tuple[str, ...] = setting(
        ("simclr", "dig", "rotation", "swav", "simsiam", "moco", "autoencoder"),
        "methods to try besides none; the first with its defaults is a baseline",
        flag="A,B",
    )
    only: tuple[str, ...] = setting(
        (),
        "dimensions to search, such as method,pretrain.crop_width,finetune.lr; none: all of them",
        flag="A,B",
    )
    trials: int | None = setting(
        None, "trials at most; none: as many as the budget allows", low=1, flag="N"
    )
    pretrain_steps: int = setting(2000, "steps of pretraining on the last rung", low=1, flag="N")
    finetune_steps: int = setting(
        600, "steps of fine-tuning; a recipe may ask for twice as many", low=1, flag="N"
    )
    rungs: int = setting(
        3, "stages of successive halving; only the best recipes reach the next", low=1, high=8
    )
    reduction: int = setting(
        3,
        "one of this many recipes reaches the next rung, with this many times the pretraining",
        low=2,
        high=10,
    )
    folds: int | None = setting(
        None,
        "folds of cross-validation on the labels; 1: hold out a quarter; none: 3 for fewer than "
        "300 labels, else 1",
        low=1,
        high=20,
    )
    images: int = setting(20_000, "images of DATA that trials learn from, at most", low=2)
    test: int = setting(
        2000,
        "labeled images of DATA that no trial sees because benchmark tests on them; at most a "
        "fifth of DATA; 0: none. Unused with LABELED",
        low=0,
    )
    test_seed: int = setting(
        0, "seed that selects these images, as in benchmark", low=0, high=MOST_SEED
    )
    seed: int = setting(
        0, "seed of the labels, the trials and the search", low=0, high=MOST_SEED, flag="N"
    )
    device: str = setting(
        "auto",
        "device: auto, cpu, cuda, cuda:N or mps",
        choices=DEVICES,
        pattern=r"cuda:\d+",
        flag="NAME",
    )
    precision: str = setting("auto", "arithmetic", choices=("auto", "fp32", "bf16"))

    def steps_on(self, rung: int) -> int:
        """Steps of pretraining on a rung; the first is 0."""
        return max(1, round(self.pretrain_steps / self.reduction ** (self.rungs - 1 - rung)))

    def folds_on(self, rung: int, folds: int) -> int:
        """Number of folds on a rung."""
        return -(-folds * (rung + 1) // self.rungs)
