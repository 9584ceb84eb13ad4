from __future__ import annotations

import numpy as np
import pytest

from captcha_ssl.benchmark.plan.settings import BenchmarkSettings
from captcha_ssl.benchmark.runs.material import Material, split
from captcha_ssl.data.dataset import Dataset
from captcha_ssl.data.geometry import Geometry


def material(test_seed: int = 0, seed: int = 0) -> Material:
    images = np.arange(60, dtype=np.uint8).reshape(60, 1, 1, 1).repeat(64, 3)
    names = [f"image {i}" for i in range(60)]
    data = Dataset(images, ["AB"] * 59 + ["Z"], names, Geometry(1, 1, 64), [])
    return split(data, BenchmarkSettings(test=10, test_seed=test_seed, seed=seed))


@pytest.mark.parametrize("labels", [3, 25])
def test_validation_images_are_neither_trained_on_nor_tested(labels: int):
    found = material()
    train, validation = found.tuning(labels, seed=0)
    assert len(train) == len(validation) == labels
    assert not set(train.names) & set(validation.names)
    assert not {*train.names, *validation.names} & set(found.test.names)


def test_the_test_set_depends_on_its_own_seed_alone():
    assert material(seed=0).test.names == material(seed=9).test.names
    assert material(test_seed=0).test.names != material(test_seed=1).test.names


def test_the_charset_is_that_of_all_labels():
    assert all(material(test_seed=seed).charset.characters == "ABZ" for seed in range(5))
