from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

Draw = Callable[..., np.ndarray]


@pytest.fixture
def draw() -> Draw:
    """A random RGB picture uint8 [H, W, 3], the same for the same seed."""

    def picture(seed: int = 0, height: int = 20, width: int = 60) -> np.ndarray:
        return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)

    return picture


@pytest.fixture
def pile(tmp_path: Path, draw: Draw) -> Callable[..., Path]:
    """Write distinct pictures under the given names into a new folder."""

    def make(*names: str, folder: str = "pile") -> Path:
        for seed, name in enumerate(names):
            path = tmp_path / folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(draw(seed)).save(path)
        return tmp_path / folder

    return make


@pytest.fixture
def real() -> Callable[[str], Path]:
    """A set of real images that lies beside the checkout, or a skipped test."""

    def find(name: str) -> Path:
        folder = Path(__file__).parents[3] / "shared" / "data" / name
        if not folder.is_dir():
            pytest.skip(f"the real images {name} are not beside this checkout")
        return folder

    return find
