"""recipe.toml: one file that pretrain, finetune and benchmark read, each its own table."""

from __future__ import annotations

from pathlib import Path

import pytest

from captcha_ssl.benchmark.plan.config import BenchmarkConfig
from captcha_ssl.config import Config, Given
from captcha_ssl.pretraining.config import PretrainConfig
from captcha_ssl.recognition.fine_tuning.config import FinetuneConfig
from captcha_ssl.training.settings import ModelSettings
from captcha_ssl.tuning.recipe import Recipe
from captcha_ssl.tuning.settings import TuneSettings
from captcha_ssl.tuning.space import Values, defaults, with_defaults

SETTINGS = TuneSettings(pretrain_steps=900, finetune_steps=400)
DIG: Values = {
    **with_defaults(defaults("dig", self_training=True), SETTINGS),
    **{"model.height": 48, "pretrain.mask_ratio": 0.54321, "pretrain.lr": 2e-3},
    **{"pretrain.jitter": 6, "finetune.lr": 4.4444e-3, "finetune.ramp": 0.05},
    **{"finetune.freeze_first": 0.1, "finetune.steps": 800, "finetune.pile_ratio": 3.0},
    "finetune.consistency": 0.2,
}


def _read(values: Values, tmp_path: Path, model: ModelSettings = ModelSettings()) -> list[Config]:  # noqa: B008
    file = tmp_path / "recipe.toml"
    recipe = Recipe(values, SETTINGS, model)
    file.write_text(recipe.to_toml(Path("pile"), 200, "why\nand how"))
    kinds: tuple[type[Config], ...] = (PretrainConfig, FinetuneConfig, BenchmarkConfig)
    return [kind.read(Given(file, section=kind.section)) for kind in kinds]


def test_all_three_commands_read_the_recipe(tmp_path: Path) -> None:
    pretrain, finetune, benchmark = _read(DIG, tmp_path)
    assert isinstance(pretrain, PretrainConfig)
    assert (pretrain.pretrain.method, pretrain.pretrain.steps) == ("dig", 900)
    assert (pretrain.loop.lr, pretrain.model.height) == (2e-3, 48)
    assert {"mask_ratio": 0.543, "jitter": 6}.items() <= _flat(pretrain).items()
    assert isinstance(finetune, FinetuneConfig)
    assert (finetune.finetune.steps, finetune.loop.lr) == (800, 4.44e-3)
    assert finetune.finetune.unlabeled == (Path("pile"),)
    assert finetune.finetune.freeze_first == 0.1
    assert (finetune.self_training.ramp, finetune.self_training.pile_ratio) == (0.05, 3.0)
    assert isinstance(benchmark, BenchmarkConfig)
    name = "dig:pretrain_lr=0.002:jitter=6:mask_ratio=0.543"
    assert set(benchmark.variants) == {"simclr", name}
    assert [arm.name for arm in benchmark.arms] == [
        "scratch",
        "simclr",
        name,
        "scratch-self-training",
        "simclr-self-training",
        f"{name}-self-training",
    ]
    assert benchmark.benchmark.lr_grid == (3e-3, 4.44e-3)
    assert benchmark.pretraining.pretrain_steps == 900
    assert (benchmark.benchmark.consistency, benchmark.benchmark.freeze_first) == (0.2, 0.1)
    assert (benchmark.self_training.ramp, benchmark.model.height) == (0.05, 48)


def test_the_recipe_has_the_settings_of_the_trial(tmp_path: Path) -> None:
    pretrain, finetune, benchmark = _read(DIG, tmp_path)
    recipe = Recipe(DIG, SETTINGS, ModelSettings())
    tried = recipe.pretraining(900, images=1000)
    assert tried is not None and _flat(pretrain) == _flat(tried)
    own = {"init_from", "unlabeled", "height"}  # of the encoder, of the pile; of its geometry
    was, found = _flat(recipe.finetuning(Path("e"))), _flat(finetune)
    assert {k: v for k, v in was.items() if k not in own} == {
        k: v for k, v in found.items() if k not in own
    }
    assert isinstance(benchmark, BenchmarkConfig)
    variant = benchmark.variants[next(name for name in benchmark.variants if ":" in name)]
    assert variant.settings == tried.method
    assert variant.lr == tried.loop.lr


def _flat(config: Config) -> dict[str, object]:
    return {key: value for part in config.parts for key, value in part.model_dump().items()}


@pytest.mark.parametrize(
    ("values", "start", "arms"),
    [
        (defaults("none"), None, ["scratch", "simclr"]),
        (
            defaults("none", "shipped"),
            "shipped",
            ["scratch", "shipped", "simclr-from-shipped"],
        ),
        (
            defaults("swav", "shipped"),
            "auto",
            ["scratch", "shipped", "simclr-from-shipped", "swav-from-shipped"],
        ),
    ],
)
def test_recipes_without_a_method_or_from_the_shipped_model(
    values: Values, start: str | None, arms: list[str], tmp_path: Path
) -> None:
    pretrain, finetune, benchmark = _read(with_defaults(values, SETTINGS), tmp_path)
    assert isinstance(pretrain, PretrainConfig)
    assert isinstance(finetune, FinetuneConfig)
    assert isinstance(benchmark, BenchmarkConfig)
    assert finetune.finetune.init_from == (Path(start) if start else None)
    assert [arm.name for arm in benchmark.arms] == arms
    from_shipped = values["start"] == "shipped" and values["method"] != "none"
    assert (pretrain.pretrain.init_from == Path("shipped")) == from_shipped
    assert (benchmark.model.encoder == "small") == (values["start"] == "shipped")


def test_pixel_settings_of_the_user_are_kept(tmp_path: Path) -> None:
    values = with_defaults(defaults("simclr"), SETTINGS)
    pretrain, _, benchmark = _read(values, tmp_path, ModelSettings(channels=3, encoder="small"))
    for config in (pretrain, benchmark):
        assert isinstance(config, PretrainConfig | BenchmarkConfig)
        assert (config.model.channels, config.model.encoder) == (3, "small")
