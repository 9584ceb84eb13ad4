from __future__ import annotations

from itertools import chain

import pytest

from captcha_ssl.benchmark.plan.settings import BenchmarkSettings
from captcha_ssl.config import Given
from captcha_ssl.methods.registry import METHODS, method_class
from captcha_ssl.pretraining.settings import PretrainSettings
from captcha_ssl.settings import Settings
from captcha_ssl.training.settings import LoopSettings, ModelSettings

ALL = [method_class(name).settings_classes for name in METHODS]


@pytest.mark.parametrize(
    "beside", [(PretrainSettings, LoopSettings), (BenchmarkSettings,)], ids=len
)
def test_a_setting_means_one_thing_in_all_methods_together(
    beside: tuple[type[Settings], ...],
) -> None:
    """One file may configure several methods, as the benchmark does."""
    classes = list(dict.fromkeys((*beside, ModelSettings, *chain(*ALL))))
    assert len(Given().over(*(kind() for kind in classes)).parts) == len(classes)
