from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from captcha_ssl.benchmark.plan.arms import Arm, compute_models, counterpart
from captcha_ssl.benchmark.plan.config import BenchmarkConfig
from captcha_ssl.benchmark.plan.plan import Choice, choices, plan_cells
from captcha_ssl.benchmark.plan.presets import PRESETS
from captcha_ssl.config import Given
from captcha_ssl.errors import UserError
from captcha_ssl.methods.simclr import SimCLR
from captcha_ssl.models.shipped import ENCODER


def configure(**given: Any) -> BenchmarkConfig:
    return BenchmarkConfig.read(Given(**given))


@pytest.mark.parametrize("name", PRESETS)
def test_every_value_of_a_preset_applies(name: str):
    configuration = configure(flags={"preset": name})
    instances = configuration.parts
    known = {key: value for instance in instances for key, value in vars(instance).items()}
    assert {key: known[key] for key in PRESETS[name]} == PRESETS[name]
    assert known["preset"] == name


def test_a_flag_is_stronger_than_an_assignment_a_file_and_a_preset(tmp_path: Path):
    file = tmp_path / "c.toml"
    file.write_text('preset = "standard"\nseeds = 7\ntest = 70\nfinetune_steps = 70\n')
    configuration = BenchmarkConfig.read(
        Given(file=file, assignments=["test=80", "finetune_steps=80"], flags={"finetune_steps": 90})
    )
    settings = configuration.benchmark
    assert (settings.seeds, settings.test, settings.finetune_steps) == (7, 80, 90)
    assert settings.label_counts == PRESETS["standard"]["label_counts"]


def test_the_arms_of_a_preset_fit_other_label_counts():
    presets_own = configure(flags={"preset": "standard", "label_counts": "100,500"}).arms
    others = configure(flags={"preset": "standard", "label_counts": "500"}).arms
    assert [arm.name for arm in presets_own] == [arm.name for arm in others]
    assert {arm.name: arm.only_at for arm in presets_own}["scratch-self-training"] == (100, 500)
    assert {arm.only_at for arm in others} == {()}
    with pytest.raises(UserError, match="100 is not one of the label counts 500"):
        configure(flags={"label_counts": "500", "arms": "scratch@100"})


def test_the_stored_settings_read_back_to_the_same(tmp_path: Path):
    configuration = BenchmarkConfig.read(
        Given(assignments=["preset=paper", "temperature=0.3", "label_counts=5,6"])
    )
    (tmp_path / "c.toml").write_text(configuration.to_toml())
    assert configure(file=tmp_path / "c.toml") == configuration
    assert "temperature = 0.3" in configuration.to_toml()
    assert configure(assignments=["confidence=0.3"]).self_training.confidence == 0.3


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("preset=quik", "did you mean 'quick'"),
        ("methods=simcl", "did you mean 'simclr'"),
        ("arms=scratch,simclr-frozn", "did you mean 'simclr-frozen'"),
        ("methods=simclr:los=triplet", "--methods simclr:los=triplet: .*did you mean 'loss'"),
        ("methods=simclr:loss=tripled", "did you mean 'triplet'"),
        ("methods=simsiam:queue=9", "unknown setting 'queue'"),
        ("sedes=3", "did you mean 'seeds'"),
        ("arms=scratch,scratch-long", "needs a pretrained arm"),
        ("arms=synthetic,scratch-long", "needs a pretrained arm"),
        ("arms=scratch-self-trainig", "did you mean 'scratch-self-training'"),
        ("lr_grid=1e-3", "the same number of trials"),
        ("label_counts=0", "out of range"),
        ("arms=scratch,pretrained@100", "'pretrained@100': 100 is not one of the label counts 200"),
    ],
)
def test_what_cannot_be_planned_is_said_in_one_line(assignment: str, message: str):
    with pytest.raises(UserError, match=message):
        configure(assignments=[assignment])


@pytest.mark.parametrize("style", ["fast", "wavy,fast"])
def test_labels_of_the_same_style_are_no_control(style: str):
    with pytest.raises(UserError, match="synthetic_style 'fast' is the style of the images"):
        configure(assignments=["arms=synthetic", f"style={style}"])
    BenchmarkConfig.read(
        Given(assignments=["arms=synthetic", f"style={style}"], flags={"data": Path("own")})
    )


def test_a_variant_has_its_own_settings_and_shares_the_others():
    names = "methods=moco,simclr:loss=triplet:pretrain_lr=0.001,simclr"
    configuration = BenchmarkConfig.read(
        Given(assignments=[names, "temperature=0.3", "pretrain_steps=9"])
    )
    assert [arm.name for arm in configuration.arms][1:] == names.removeprefix("methods=").split(",")
    variant, plain = (configuration.variants[name] for name in names.split(",")[1:])
    assert (variant.method, plain.method) == ("simclr", "simclr")
    assert (variant.settings[0].loss, plain.settings[0].loss) == ("triplet", "infonce")
    assert variant.settings[0].temperature == plain.settings[0].temperature == 0.3
    assert (variant.lr, plain.lr) == (1e-3, SimCLR.peak_lr)
    assert variant.pretraining.pretrain_steps == plain.pretraining.pretrain_steps == 9


def test_a_rate_of_zero_is_not_a_missing_rate():
    configuration = configure(assignments=["methods=simclr:pretrain_lr=0"])
    assert configuration.variants["simclr:pretrain_lr=0"].lr == 0


def test_variants_are_stored_and_read_back(tmp_path: Path):
    configuration = BenchmarkConfig.read(
        Given(flags={"methods": "simclr:loss=triplet,autoencoder:variant=plain"})
    )
    (tmp_path / "c.toml").write_text(configuration.to_toml())
    assert configure(file=tmp_path / "c.toml") == configuration


def test_no_file_is_named_with_signs_that_some_systems_refuse():
    assert Arm("simclr:loss=triplet-frozen").folder == "simclr-loss-triplet-frozen"


def test_arms_come_once_in_the_requested_order():
    asked = "random-frozen,scratch,pretrained,pretrained-frozen,simclr,scratch-long"
    arms = configure(assignments=[f"arms={asked}"]).arms
    names = ["random-frozen", "scratch", "simclr", "simclr-frozen", "scratch-long"]
    assert [arm.name for arm in arms] == names
    assert [arm.method for arm in arms] == [None, None, "simclr", "simclr", None]
    assert [arm.freeze for arm in arms] == [True, False, False, True, False]
    assert [arm.match_compute for arm in arms] == [False] * 4 + [True]


def test_the_paper_preset_has_every_arm_that_a_reviewer_would_ask_for():
    arms = {arm.name: arm for arm in configure(flags={"preset": "paper"}).arms}
    plain = {name for name, arm in arms.items() if arm.method is None}
    assert plain == {"random-frozen"} | {
        f"scratch{kind}" for kind in ("", "-strong", "-long", "-self-training")
    }
    assert [arm.name for arm in compute_models(tuple(arms.values()))] == ["simclr"]
    assert {"synthetic", "simclr", "simclr-frozen", "simclr-self-training"} <= arms.keys()


def test_the_standard_preset_compares_self_training_with_and_without_pretraining():
    arms = {arm.name: arm for arm in configure(flags={"preset": "standard"}).arms}
    assert arms["scratch"].only_at == arms["simclr"].only_at == ()
    ours, theirs = arms["simclr-self-training"], arms["scratch-self-training"]
    assert ours.self_training and theirs.self_training and ours.only_at == theirs.only_at != ()


def test_an_arm_is_what_its_name_says():
    asked = "arms=scratch-strong,synthetic-self-training,pretrained-strong,pretrained-self-training"
    arms = configure(assignments=[asked, "methods=simclr,moco"]).arms
    assert [(arm.name, arm.method, arm.strong, arm.self_training) for arm in arms] == [
        ("scratch-strong", None, True, False),
        ("synthetic-self-training", "synthetic", False, True),
        ("simclr-strong", "simclr", True, False),
        ("moco-strong", "moco", True, False),
        ("simclr-self-training", "simclr", False, True),
        ("moco-self-training", "moco", False, True),
    ]


def test_every_arm_has_the_same_cells_and_none_uses_the_tuning_seed():
    configuration = BenchmarkConfig.read(
        Given(assignments=["label_counts=50,20", "seeds=2", "seed=10"])
    )
    cells = plan_cells(configuration.arms, configuration.benchmark)
    by_arm = {
        arm.name: [(cell.labels, cell.seed) for cell in cells if cell.arm == arm]
        for arm in configuration.arms
    }
    assert list(by_arm.values()) == [[(20, 11), (20, 12), (50, 11), (50, 12)]] * 2


def test_an_arm_may_be_run_at_some_label_counts_only():
    asked = ["label_counts=20,50,80", "seeds=1", "arms=scratch,scratch-long@50,pretrained@80@20"]
    configuration = configure(assignments=asked)
    cells = plan_cells(configuration.arms, configuration.benchmark)
    assert [(cell.arm.name, cell.labels) for cell in cells] == [
        ("scratch", 20),
        ("scratch", 50),
        ("scratch", 80),
        ("scratch-long", 50),
        ("simclr", 20),
        ("simclr", 80),
    ]
    assert [arm.name for arm in compute_models(configuration.arms)] == ["simclr"]


def test_every_arm_gets_as_many_trials():
    configuration = BenchmarkConfig.read(
        Given(assignments=["arms=scratch,random-frozen,simclr,simclr-frozen"])
    )
    counts = {len(choices(arm, configuration.benchmark)) for arm in configuration.arms}
    assert counts == {len(configuration.benchmark.lr_grid)}


def test_a_self_training_arm_tries_every_rate_with_every_recipe():
    names = "arms=scratch,scratch-self-training,pretrained-self-training"
    recipes = ("ramp=0", "ramp=0.5:pile_ratio=2")
    asked = ["lr_grid=0.1,0.2", f"recipes={','.join(recipes)}"]
    configuration = configure(assignments=[names, *asked])
    plain, scratch, pretrained = (
        choices(arm, configuration.benchmark) for arm in configuration.arms
    )
    assert plain == [Choice(0.1), Choice(0.2)]
    assert scratch == [Choice(rate, recipe) for rate in (0.1, 0.2) for recipe in recipes]
    assert pretrained == scratch
    unasked = configure(assignments=[names])
    assert {choice.recipe for choice in choices(unasked.arms[1], unasked.benchmark)} == {""}


def test_on_own_images_the_four_starts_are_compared_with_and_without_self_training() -> None:
    arms = configure(assignments=["data=images", "methods=simclr"]).arms
    assert [arm.name for arm in arms] == [
        f"{start}{kind}"
        for start in ("scratch", "shipped", "simclr", "simclr-from-shipped")
        for kind in ("", "-self-training")
    ]
    assert [arm.name for arm in configure().arms] == ["scratch", "simclr"]
    asked = configure(assignments=["data=images", "arms=scratch"]).arms
    assert [arm.name for arm in asked] == ["scratch"]


def test_an_arm_from_the_shipped_model_gives_all_arms_its_encoder() -> None:
    plain = configure(assignments=["arms=scratch,pretrained"]).model
    own = configure(assignments=["arms=scratch,pretrained-from-shipped"]).model
    assert plain.encoder == "tiny"
    assert (own.encoder, own.height) == (ENCODER, None)
    asked = configure(assignments=["arms=scratch,shipped", "encoder=tiny"]).model
    assert asked.encoder == "tiny", "what a user names stands, and is refused with a reason later"


def test_the_counterpart_of_an_arm_has_the_same_fine_tuning_without_pretraining() -> None:
    arms = configure(assignments=["data=images"]).arms
    found = {arm.name: other and other.name for arm in arms for other in [counterpart(arm, arms)]}
    assert found["simclr"] == found["shipped"] == "scratch"
    assert (
        found["simclr-self-training"] == found["shipped-self-training"] == "scratch-self-training"
    )
    assert found["simclr-from-shipped"] == "shipped"
    assert found["simclr-from-shipped-self-training"] == "shipped-self-training"
    without = configure(assignments=["data=images", "arms=scratch,simclr-from-shipped"]).arms
    assert getattr(counterpart(without[1], without), "name", None) == "scratch"
    alone = configure(assignments=["arms=scratch,simclr-strong"]).arms
    assert counterpart(alone[1], alone) is None


def test_without_a_method_only_arms_that_need_none_are_compared(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text("methods = []\n")
    assert [arm.name for arm in configure(file=file).arms] == ["scratch"]
