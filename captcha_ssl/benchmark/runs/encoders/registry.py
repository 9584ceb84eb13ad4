"""The source of the encoder of each arm."""

from __future__ import annotations

from collections.abc import Callable

from captcha_ssl.benchmark.plan.arms import ADAPTED, FROM_SHIPPED, SYNTHETIC
from captcha_ssl.benchmark.plan.config import BenchmarkConfig
from captcha_ssl.benchmark.runs.encoders.adapted import AdaptedSource
from captcha_ssl.benchmark.runs.encoders.of_method import MethodSource
from captcha_ssl.benchmark.runs.encoders.shipped import ShippedSource
from captcha_ssl.benchmark.runs.encoders.source import EncoderSource
from captcha_ssl.benchmark.runs.encoders.synthetic import SyntheticSource
from captcha_ssl.models.shipped import SHIPPED

SPECIAL: dict[str, Callable[[BenchmarkConfig], EncoderSource]] = {
    SYNTHETIC: SyntheticSource,
    SHIPPED: ShippedSource,
    ADAPTED: AdaptedSource,
}
"""The sources that are no method; any other name is that of a variant of a method."""


def encoder_source(name: str, config: BenchmarkConfig) -> EncoderSource:
    """The source of the encoder of arm `name`."""
    if name in SPECIAL:
        return SPECIAL[name](config)
    method = name.removesuffix(FROM_SHIPPED)
    return MethodSource(config, method, continues=method != name)
