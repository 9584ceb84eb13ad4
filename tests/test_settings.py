from __future__ import annotations

import tomllib
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from captcha_ssl.cli.configured import Configured
from captcha_ssl.cli.main import COMMANDS
from captcha_ssl.config import SECTIONS, Given
from captcha_ssl.errors import UserError
from captcha_ssl.settings import Settings, options, setting
from captcha_ssl.settings_text import commented_toml, described, to_toml


class Color(Settings):
    """A settings class with a field of every kind."""

    shade: str = setting("gray", "which color", choices=("gray", "green"))
    depth: float = setting(0.5, "how deep", low=0.0, high=1.0)
    steps: int | None = setting(None, "how many", low=1)
    rates: tuple[float, ...] = setting((0.1, 0.2), "several", low=0.0)
    bold: bool = setting(False, "thick")
    where: Path | None = setting(None, "place")


def one(**options: Any) -> Color:
    return Given(**options).over(Color())[Color]


def test_without_values_the_defaults_apply() -> None:
    assert one() == Color()


def test_file_then_set_then_flag(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text('shade = "green"\ndepth = 0.1\nsteps = 3\n')
    got = one(file=file, assignments=["depth=0.2", "steps=4"], flags={"steps": 5, "shade": None})
    assert (got.shade, got.depth, got.steps) == ("green", 0.2, 5)


def test_true_in_a_file_is_not_a_number_and_is_shown_as_written(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text("steps = true\n")
    with pytest.raises(UserError, match="steps = true: expected a whole number"):
        one(file=file)


def test_a_file_may_have_a_table_for_each_command(tmp_path: Path) -> None:
    file = tmp_path / "recipe.toml"
    file.write_text("[pretrain]\nbatch-size = 8\n[finetune]\nbatch_size = 3\nunknown = 1\n")
    assert Given(file, section="pretrain").values == {"batch_size": (8, str(file))}
    assert Given(file, section="benchmark").values == {}
    file.write_text("batch_size = 5\nlr = 1.0\n[pretrain]\nbatch_size = 8\n")
    values = Given(file, section="pretrain").values
    assert {key: value for key, (value, _) in values.items()} == {"batch_size": 8, "lr": 1.0}
    file.write_text("pretrain = 3\n")
    with pytest.raises(UserError, match=r"pretrain is a table of settings; write \[pretrain\]"):
        _ = Given(file, section="pretrain").values


def test_text_is_composed_like_labels() -> None:
    class Signs(Settings):
        charset: str = setting("a", "characters")

    assert Given(assignments=["charset=e\u0301a"]).over(Signs()).parts == (Signs(charset="éa"),)


def test_dashes_and_underscores_are_the_same(tmp_path: Path) -> None:
    class Two(Settings):
        batch_size: int = setting(1, "images")

    file = tmp_path / "c.toml"
    file.write_text("batch-size = 3\n")
    assert Given(file=file).over(Two()).parts == (Two(batch_size=3),)
    assert Given(assignments=["batch-size=4"]).over(Two()).parts == (Two(batch_size=4),)


@pytest.mark.parametrize(
    ("assignment", "said"),
    [
        ("shadde=green", "unknown setting 'shadde'; did you mean 'shade'"),
        ("zzz=1", "unknown setting 'zzz'; --settings lists all"),
        ("shade=gren", "did you mean 'green'"),
        ("shade=x", "choose from gray, green"),
        ("depth=1.5", "from 0.0 to 1.0"),
        ("depth=nan", "expected a finite number"),
        ("depth=inf", "expected a finite number"),
        ("steps=inf", "expected a whole number"),
        ("depth=deep", "expected a number"),
        ("steps=0", "from 1"),
        ("steps=1.5", "expected a whole number"),
        ("rates=0.1,-1", "out of range"),
        ("steps=1000000000000000000", "out of range; allowed: from 1 to 1000000000000"),
        ("bold=maybe", "expected true or false"),
        ("bold", "key=value"),
    ],
)
def test_a_wrong_value_is_named_with_the_allowed_ones(assignment: str, said: str) -> None:
    with pytest.raises(UserError) as caught:
        one(assignments=[assignment])
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_several_choices_are_separated_by_commas() -> None:
    class Paint(Settings):
        shades: str = setting("gray", "colors", choices=("gray", "green"), several=True)

    found = Given(assignments=["shades=green,gray"]).over(Paint())
    assert found[Paint].shades == "green,gray"
    with pytest.raises(UserError, match="shades = 'gren' is not known; did you mean 'green'"):
        Given(assignments=["shades=gray,gren"]).over(Paint())
    with pytest.raises(UserError, match="'green,gray' is not known"):
        one(assignments=["shade=green,gray"])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("shade = ", "not valid TOML"),
        ("shade = 3", "expected text"),
        ("steps = 1.5", "expected a whole number"),
        ("depth = true", "expected a number"),
        ("[depth]\nx = 1", "expected a number"),
        ("color = 1", "unknown setting 'color'"),
        ("rates = 5", "expected a list"),
        ("steps = inf", "expected a finite number"),
        ("depth = -inf", "expected a finite number"),
        ('shade = "a\\u0000"', "a zero character"),
    ],
)
def test_a_wrong_file_is_named(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "c.toml"
    file.write_text(text)
    with pytest.raises(UserError, match=said) as caught:
        one(file=file)
    assert str(file) in str(caught.value)


@given(
    st.builds(
        Color,
        shade=st.sampled_from(["gray", "green"]),
        depth=st.floats(0, 1),
        steps=st.none() | st.integers(1, 10**9),
        rates=st.lists(st.floats(0, 1e6), min_size=1, max_size=4).map(tuple),
        bold=st.booleans(),
    )
)
def test_written_settings_are_read_back(
    tmp_path_factory: pytest.TempPathFactory, color: Color
) -> None:
    file = tmp_path_factory.mktemp("toml") / "c.toml"
    for text in (to_toml(color), commented_toml([color])):
        file.write_text(text)
        assert one(file=file) == color


def test_two_classes_may_not_share_a_name() -> None:
    with pytest.raises(ValueError, match="shade"):
        Given().over(Color(), Color())


def test_peek_reads_one_value_by_the_same_order(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text('method = "a"\n')
    assert Given(file, (), {"method": None}).peek("method") == "a"
    assert Given(file, ["method=b"], {"method": None}).peek("method") == "b"
    assert Given(file, ["method=b"], {"method": "c"}).peek("method") == "c"
    assert Given(file, (), {"method": None}).peek("other") is None


def test_a_comment_says_what_a_key_means_and_what_is_allowed() -> None:
    text = commented_toml([Color(steps=3)])
    assert '# which color (gray, green; default gray)\nshade = "gray"' in text
    assert "# how deep (from 0.0 to 1.0; default 0.5)\ndepth = 0.5" in text
    assert "# place (default none)\n# where =" in text
    assert tomllib.loads(text)["steps"] == 3


def test_a_class_refuses_what_a_user_may_not_set() -> None:
    for wrong in ({"depth": 2}, {"shade": "blue"}, {"deep": 0.5}, {"steps": True}):
        with pytest.raises(ValidationError):
            Color(**wrong)
    with pytest.raises(ValidationError):
        Color().depth = 0.2  # type: ignore[misc]


def test_a_copy_is_checked_and_knows_what_was_set() -> None:
    color = Color(steps=3).replace(depth=0.2)
    assert (color.steps, color.depth) == (3, 0.2)
    assert (color.explicit("depth"), color.explicit("shade")) == (0.2, None)
    with pytest.raises(ValidationError):
        color.replace(steps=0)


def test_a_value_that_matches_the_pattern_is_allowed_beside_the_choices() -> None:
    class Place(Settings):
        device: str = setting("cpu", "where", choices=("cpu", "cuda"), pattern=r"cuda:\d+")

    for name in ("cpu", "cuda", "cuda:7"):
        assert Place(device=name).device == name
    with pytest.raises(UserError, match="device = 'cuad' is not known; did you mean 'cuda'"):
        Given(flags={"device": "cuad"}).over(Place())


def test_choices_may_be_computed_late() -> None:
    class Late(Settings):
        name: str = setting("a", "which", choices=lambda: ("a", "b"))

    assert described(options(Late)["name"]) == "which (a, b; default a)"
    assert Late(name="b").name == "b"


def test_every_command_with_settings_may_have_a_table_in_a_shared_file() -> None:
    places = [command.place for command in COMMANDS.values() if isinstance(command, Configured)]
    kinds = [
        getattr(import_module(module), name) for module, name in (p.split(":") for p in places)
    ]
    assert {kind.section for kind in kinds} == set(SECTIONS)
