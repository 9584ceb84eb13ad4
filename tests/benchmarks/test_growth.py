from __future__ import annotations

import gzip
import json
from pathlib import Path

import cv2

from benchmarks.gpu.growth import draw, points

CASE = Path(__file__).parents[2] / "docs/results/gpu-case.json.gz"


def test_the_points_are_those_of_the_table_on_the_page(tmp_path: Path) -> None:
    found = points(json.loads(gzip.decompress(CASE.read_bytes())))
    means = {(p.method, p.images, p.taught): f"{100 * p.mean:.1f}" for p in found}
    assert means["simclr", 3906 * 1024, True] == "95.3"
    assert means["simsiam", 244 * 1024, False] == "86.6"
    assert means["scratch", 0, True] == "94.3"
    # The arm at another rate is not on the line.
    assert len(found) == 11
    draw(found, tmp_path / "growth.png")
    assert cv2.imread(str(tmp_path / "growth.png")) is not None
