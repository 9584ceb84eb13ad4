from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from captcha_ssl.benchmark.plan.settings import BenchmarkSettings
from captcha_ssl.benchmark.runs.material import Material, read_material, split
from captcha_ssl.data.dataset import Dataset
from captcha_ssl.data.geometry import Geometry
from captcha_ssl.data.writers import open_writer
from captcha_ssl.errors import UserError
from tests.benchmark.conftest import configure


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


def test_too_few_images_besides_copies_of_those_that_are_tested(tmp_path: Path):
    size = {"count": 40, "channels": 1, "height": 32, "width": 64}
    with open_writer(tmp_path / "set", "packed", **size, about={}) as writer:
        for index in range(40):
            writer.add(index, np.full((1, 32, 64), 5 * (index // 2), np.uint8), f"A{index // 2}")
    config = configure(assignments=["label_counts=20"], flags={"data": tmp_path / "set"})
    said = r"24 images besides the test set \(and 8 copies of its images\) are too few"
    with pytest.raises(UserError, match=said):
        read_material([tmp_path / "set"], config)
