"""The learning rate of a pretraining where the user gives none."""

from __future__ import annotations

from typing import Any

import pytest

from captcha_ssl.benchmark.plan.config import BenchmarkConfig
from captcha_ssl.config import Given
from captcha_ssl.methods.simclr import SimCLR
from captcha_ssl.pretraining.config import PretrainConfig


@pytest.mark.parametrize(
    ("batch_size", "times"), [(2, 1.0), (32, 1.0), (128, 2.0), (512, 4.0), (2048, 6.0)]
)
def test_it_grows_with_the_root_of_a_large_batch(batch_size: int, times: float) -> None:
    config = PretrainConfig.read(Given(flags={"batch_size": batch_size}))
    assert config.loop.lr == pytest.approx(times * SimCLR.peak_lr)
    benchmark = BenchmarkConfig.read(Given(flags={"pretrain_batch_size": batch_size}))
    assert benchmark.variants["simclr"].lr == config.loop.lr


@pytest.mark.parametrize(
    "given", [{"flags": {"lr": 0.5}}, {"assignments": ["lr=0.5"]}, {"flags": {"lr": "0.5"}}]
)
def test_a_given_rate_stays(given: dict[str, Any]) -> None:
    assignments = [*given.get("assignments", ()), "batch_size=1024"]
    config = PretrainConfig.read(Given(assignments=assignments, flags=given.get("flags", {})))
    assert config.loop.lr == 0.5


def test_in_a_printed_configuration_it_stays_open() -> None:
    printed = PretrainConfig.read(Given(flags={"batch_size": 64})).to_toml(comments=True)
    assert "\n# lr = " in printed and "\nlr = " not in printed
    given = PretrainConfig.read(Given(flags={"batch_size": 64, "lr": 0.5})).to_toml(comments=True)
    assert "\nlr = 0.5\n" in given


def test_a_written_configuration_reads_back() -> None:
    config = PretrainConfig.read(Given(flags={"batch_size": 64}))
    written = dict(line.split(" = ") for line in config.to_toml().splitlines() if " = " in line)
    assert float(written["lr"]) == config.loop.lr == pytest.approx(2**0.5 * SimCLR.peak_lr)
