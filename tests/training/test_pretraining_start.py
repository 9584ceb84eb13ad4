"""Which encoder a pretraining starts from when its user does not say."""

from __future__ import annotations

from pathlib import Path

import pytest

from captcha_ssl.config import Given
from captcha_ssl.models.shipped import AUTO, SHIPPED
from captcha_ssl.pretraining.config import PretrainConfig
from captcha_ssl.pretraining.start import settle_start


def config(**settings: object) -> PretrainConfig:
    return PretrainConfig.read(Given(flags=settings))


def test_the_shipped_model_is_the_start_of_who_names_none() -> None:
    assert config().pretrain.init_from == AUTO
    found, reason = settle_start(config(method="dig"))
    assert found.pretrain.init_from == Path(SHIPPED) and found.pretrain.method == "dig"
    assert "shipped" in reason and "--init-from none" in reason
    assert PretrainConfig.of("simclr").pretrain.init_from is None, "a benchmark's arms do not"


def test_what_the_user_names_stands() -> None:
    for named in ("none", "runs/encoder"):
        assert settle_start(config(init_from=named)) == (config(init_from=named), "")


def test_another_encoder_starts_from_scratch() -> None:
    found, reason = settle_start(config(encoder="tiny"))
    assert found.pretrain.init_from is None
    assert "has encoder small, not tiny" in reason


def test_color_starts_from_the_shipped_model_too() -> None:
    assert settle_start(config(channels=3))[0].pretrain.init_from == Path("shipped")


@pytest.mark.parametrize("begun", ["none", "shipped", "runs/encoder"])
def test_a_resumed_run_keeps_its_start(begun: str, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(config(init_from=begun).to_toml())
    found, reason = settle_start(config(), resumed=tmp_path)
    assert found.pretrain.init_from == config(init_from=begun).pretrain.init_from
    assert not reason
