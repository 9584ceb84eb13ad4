from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from captcha_ssl.benchmark.plan.settings import BenchmarkSettings
from captcha_ssl.benchmark.runs.material import Material, check_rendering, read_material, split
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


def written(folder: Path, first: int, count: int) -> Path:
    """Distinct gray pictures from shade `first` on, two texts of two letters in turn."""
    size = {"count": count, "channels": 1, "height": 32, "width": 64}
    with open_writer(folder, "packed", **size, about={}) as writer:
        for index in range(count):
            shade = np.full((1, 32, 64), first + index, np.uint8)
            writer.add(index, shade, "AB" if index % 2 else "CD")
    return folder


def test_a_pile_adds_what_is_neither_tested_nor_in_the_pool(tmp_path: Path):
    labeled, pile = written(tmp_path / "set", 0, 40), written(tmp_path / "pile", 0, 100)
    flags = {"data": labeled, "pile": (pile,), "label_counts": "16"}
    found, alone = (
        read_material([labeled], configure(flags=f)) for f in (flags, flags | {"pile": None})
    )
    assert (len(found.pool), len(found.test)) == (32, 8)
    # Of the pile's 100 images 8 are tested, and 32 are those of the pool.
    assert (found.from_pile, found.removed, len(found.unlabeled)) == (60, 8, 92)
    assert found.unlabeled.labels is None
    shades = {int(image[0, 0, 0]) for image in found.unlabeled.images}
    tested = {int(image[0, 0, 0]) for image in found.test.images}
    assert shades == set(range(100)) - tested
    assert found.training(16, seed=1).names == alone.training(16, seed=1).names
    assert (alone.from_pile, alone.removed) == (0, 0)
    assert found.fingerprint() != alone.fingerprint()
    assert alone.fingerprint().items() <= found.fingerprint().items()


def test_labels_to_tune_on_are_needed_only_where_something_is_tuned(tmp_path: Path):
    labeled = written(tmp_path / "set", 0, 40)
    flags = {"data": labeled, "label_counts": "20", "arms": "scratch"}
    with pytest.raises(UserError, match="as many to tune on take 40; .*, to 16 at most"):
        read_material([labeled], configure(flags=flags))
    one_rate = {"lr_grid": "0.003", "head_lr_grid": "0.003"}
    assert len(read_material([labeled], configure(flags=flags | one_rate)).pool) == 32
    with pytest.raises(UserError, match="32 images .* 33 labels; lower --label-counts, to 32"):
        read_material([labeled], configure(flags=flags | one_rate | {"label_counts": "33"}))


def test_a_pile_without_labels_to_go_with_is_refused():
    with pytest.raises(UserError, match="--pile: name labeled images of the same kind too"):
        check_rendering(configure(flags={"pile": ("pile",)}))
