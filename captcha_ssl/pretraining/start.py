"""Chooses the encoder that a pretraining starts from, unless the user names one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from captcha_ssl.config import Given
from captcha_ssl.models.shipped import AUTO, SHIPPED, misfit
from captcha_ssl.pretraining.config import PretrainConfig
from captcha_ssl.training.run_directory import CONFIG


def settle_start(
    config: PretrainConfig, *, resumed: Path | None = None
) -> tuple[PretrainConfig, str]:
    """Replace `init_from` = `auto` by a start; the reason is empty if the user chose it.

    The shipped encoder is taken unless the settings ask for another one: recognizers read as well
    or better after a pretraining that began with it, on every set (docs/results/starts.md). A
    `resumed` run keeps what it began with. Raises UserError for a configuration of it that cannot
    be read.
    """
    if config.pretrain.init_from != AUTO:
        return config, ""
    if resumed is not None and (resumed / CONFIG).exists():
        return _from(config, Given(file=resumed / CONFIG).peek_path("init_from")), ""
    if unfit := misfit(config.model):
        return _from(config, None), f"starts from scratch: {unfit}"
    return (
        _from(config, Path(SHIPPED)),
        "starts from the shipped model; --init-from none starts from scratch",
    )


def _from(config: PretrainConfig, source: Path | None) -> PretrainConfig:
    return replace(config, pretrain=config.pretrain.replace(init_from=source))
