"""Settings of the benchmark (torch-free, so that a typo is answered at once)."""

from __future__ import annotations

import string
from pathlib import Path
from typing import ClassVar

from captcha_ssl.benchmark.plan.presets import PRESETS
from captcha_ssl.settings import MOST_SEED, Settings, setting
from captcha_ssl.synthesis.settings import style_names
from captcha_ssl.training.settings import DEVICES


class BenchmarkSettings(Settings):
    """What is compared, on which images, and for how long each arm is trained.

    The defaults are those of the preset `quick`; see PRESETS.
    """

    title: ClassVar[str] = "Benchmark"

    preset: str = setting(
        "quick",
        "size of the experiment; each setting can still be changed",
        choices=tuple(PRESETS),
        flag="NAME",
    )
    data: tuple[Path, ...] = setting((), "labeled images; none: a set is rendered")
    pile: tuple[Path, ...] = setting(
        (),
        "unlabeled images to learn from besides those of DATA; may be repeated",
        flag="DATA",
    )

    unlabeled: int = setting(10_000, "rendered images besides the test set", low=1)
    style: str = setting(
        "classic",
        "style of rendered images; several styles are equally likely",
        choices=style_names,
        several=True,
    )
    length: str = setting("4", "characters in a rendered image: 4, or 4-6")
    charset: str = setting(
        string.digits + string.ascii_uppercase, "characters of the rendered images"
    )

    synthetic: int = setting(20_000, "labeled images rendered for the arm synthetic", low=1)
    synthetic_style: str = setting(
        "fast", "style of these images", choices=style_names, several=True
    )

    unseen_style: str | None = setting(
        None,
        "style of rendered images that every run is tested on and none is trained on",
        choices=style_names,
        several=True,
    )

    test: int = setting(2000, "test images; never more than a fifth of the data", low=1)
    test_seed: int = setting(
        0, "seed that alone decides which images are tested", low=0, high=MOST_SEED
    )

    methods: tuple[str, ...] = setting(
        ("simclr",),
        "ways to learn without labels: METHOD, or METHOD:KEY=VALUE:… for a variant",
        flag="A,B",
    )
    arms: tuple[str, ...] = setting(
        ("scratch", "pretrained"),
        "what to compare: scratch, synthetic, shipped, adapted (what the command adapt makes of "
        "shipped and the pool), METHOD, METHOD-from-shipped, each also with -strong, "
        "-self-training or, except scratch, -frozen; scratch-long, random-frozen; pretrained… "
        "stands for every method; ARM@N: at N labels only",
        flag="A,B",
    )
    label_counts: tuple[int, ...] = setting(
        (200,),
        "labels to fine-tune on; DATA must have twice as many, beside a fifth for the test",
        low=1,
        flag="N,M",
    )
    seeds: int = setting(3, "runs of each arm at each label count", low=1, flag="N")
    pretrain_seeds: int = setting(
        1, "pretraining runs of each method, taken in turn by the runs", low=1
    )

    adapt_steps: int = setting(400, "steps of the adaptation of the arm adapted", low=1)
    finetune_steps: int = setting(600, "steps of fine-tuning", low=1)
    finetune_batch_size: int = setting(32, "images per step of fine-tuning", low=1)
    head_lr: float = setting(5e-3, "learning rate of the head of an arm that is not frozen", low=0)
    freeze_first: float = setting(
        0.0,
        "share of the fine-tuning, at first, in which an arm with an encoder that has learned "
        "trains its head alone",
        low=0.0,
        high=1.0,
    )
    consistency: float = setting(
        0.0, "weight of the divergence between two views in fine-tuning, for every arm", low=0.0
    )
    alignment: float = setting(
        0.0, "weight of the evenly spaced loss in the first steps of every arm", low=0.0
    )
    alignment_steps: int = setting(
        200, "steps over which that weight falls to 0; at most 0.3 of all", low=1
    )
    finetune_strokes: int = setting(
        0,
        "most curved strokes drawn over an image in fine-tuning, for every arm",
        low=0,
    )
    lr_grid: tuple[float, ...] = setting((1e-3, 3e-3), "encoder learning rates to try", low=0)
    head_lr_grid: tuple[float, ...] = setting(
        (3e-3, 1e-2), "head learning rates to try for a frozen arm, as many as lr_grid has", low=0
    )
    recipes: tuple[str, ...] = setting(
        (),
        "recipes of self-training to try with each rate, KEY=VALUE:KEY=VALUE; none: the settings "
        "as they are",
    )

    seed: int = setting(
        0,
        "seed of the images, the tuning and the pretraining; runs count up from it",
        low=0,
        high=MOST_SEED,
        flag="N",
    )
    device: str = setting(
        "auto",
        "device: auto, cpu, cuda, cuda:N or mps",
        choices=DEVICES,
        pattern=r"cuda:\d+",
        flag="NAME",
    )
    precision: str = setting("auto", "arithmetic", choices=("auto", "fp32", "bf16"))
    processes: int = setting(
        0, "trainings at once; 0: one per core, or as many as fit into the memory of a GPU", low=0
    )


class PretrainingSettings(Settings):
    """Length and learning rate of the pretraining of each method."""

    title: ClassVar[str] = "Pretraining"

    pretrain_steps: int = setting(2000, "steps of pretraining", low=1)
    pretrain_batch_size: int = setting(32, "images per step of pretraining", low=2)
    pretrain_lr: float | None = setting(
        None,
        "peak learning rate of pretraining; none: the method's own, times √(N / 32) for N > 32 "
        "images per step, at most 6e-3",
        low=0.0,
    )
