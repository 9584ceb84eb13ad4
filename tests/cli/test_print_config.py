"""--print-config is read back by --config to the same settings, for every command that has it."""

from __future__ import annotations

import re
import tomllib
from itertools import pairwise
from pathlib import Path

import pytest

from captcha_ssl.cli.main import run
from captcha_ssl.methods.registry import METHODS

CALLS = [
    ("generate", "out", "--count", "3", "--length", "4,3-8", "--shard", "2/3", "--seed", "5"),
    ("finetune", "data", "--labels", "20", "--lr", "1e-4", "--freeze", "--init-from", "a b"),
    ("finetune", "data", "--init-from", "none"),
    ("pretrain", "data", "--init-from", "none"),
    ("benchmark", "--preset", "standard", "--methods", "simclr:loss=triplet,moco"),
    ("benchmark", "data", "--preset", "paper", "--label-counts", "100,300"),
    *(("pretrain", "data", "--method", name, "--set", "lr=2e-4") for name in METHODS),
]


@pytest.mark.parametrize("call", CALLS, ids=lambda call: " ".join(call[:4]))
def test_the_printed_configuration_is_read_back(
    call: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*call, "--print-config"]) == 0
    printed = capsys.readouterr().out
    assert tomllib.loads(printed)
    (tmp_path / "config.toml").write_text(printed, encoding="utf-8")
    place = [] if call[0] == "benchmark" else [call[1]]
    assert run([call[0], *place, "--config", f"{tmp_path}/config.toml", "--print-config"]) == 0
    assert capsys.readouterr().out == printed


@pytest.mark.parametrize("command", ["pretrain", "finetune"])
def test_a_printed_configuration_leaves_the_start_open(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([command, "data", "--print-config"]) == 0
    printed = capsys.readouterr().out
    # An encoder that is named rules out the shipped model.
    assert tomllib.loads(printed)["init_from"] == "auto"
    assert "encoder" not in tomllib.loads(printed)
    assert "default none" not in printed.split("init_from =")[0].split("#")[-1]
    assert run([command, "data", "--print-config", "--encoder", "tiny"]) == 0
    assert tomllib.loads(capsys.readouterr().out)["encoder"] == "tiny"


@pytest.mark.parametrize(
    ("call", "nearest"),
    [
        (("pretrain", "x", "--method", "simlcr"), "simclr"),
        (("pretrain", "x", "--loss", "infonc"), "infonce"),
        (("pretrain", "x", "--encoder", "smal"), "small"),
        (("pretrain", "x", "--instances", "windw"), "window"),
        (("pretrain", "x", "--set", "tempratur=1"), "temperature"),
        (("finetune", "x", "--set", "alignmnt=1"), "alignment"),
        (("generate", "x", "--style", "clasic"), "classic"),
        (("generate", "x", "--format", "pakced"), "packed"),
        (("benchmark", "--preset", "standrad"), "standard"),
        (("benchmark", "--arms", "scrach"), "scratch"),
        (("benchmark", "--methods", "moco,simlcr"), "simclr"),
        (("benchmark", "--set", "label_count=5"), "label_counts"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else value,
)
def test_a_typing_error_is_answered_with_the_nearest_name(
    call: tuple[str, ...], nearest: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*call, "--print-config"]) == 2
    assert f"did you mean '{nearest}'?" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["pretrain", "finetune", "adapt", "generate", "tune"])
def test_settings_that_nobody_set_have_the_default_beside_them(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([command, "data", "--settings"]) == 0
    lines = capsys.readouterr().out.splitlines()
    starts = [number for number, line in enumerate(lines) if re.match(r"  \w", line)]
    assert len(starts) > 10
    for start, end in pairwise([*starts, len(lines)]):
        name, assigned, value = lines[start].strip().partition(" =")
        meaning = " ".join(lines[start + 1 : end]).split("default ")[-1]
        default = " ".join(meaning.split()).partition(")")[0]
        # A default that is chosen later has no value yet.
        assert default and (not assigned or default.partition(":")[0] == value.strip()), name
