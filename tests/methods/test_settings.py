from __future__ import annotations

from itertools import chain

import pytest

from captcha_ssl.benchmark.plan.settings import BenchmarkSettings
from captcha_ssl.methods.registry import METHODS, method_class
from captcha_ssl.settings import resolve
from captcha_ssl.training.settings import ModelSettings, PretrainLoopSettings, PretrainSettings

ALL = [method_class(name).settings_classes for name in METHODS]


@pytest.mark.parametrize(
    "beside", [(PretrainSettings, PretrainLoopSettings), (BenchmarkSettings,)], ids=len
)
def test_a_setting_means_one_thing_in_all_methods_together(beside: tuple[type, ...]) -> None:
    """One file may configure several methods, as the benchmark does."""
    classes = list(dict.fromkeys((*beside, ModelSettings, *chain(*ALL))))
    assert len(resolve(classes)) == len(classes)
