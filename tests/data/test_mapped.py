from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from captcha_ssl.data.dataset import load_dataset
from captcha_ssl.data.fingerprint import SAMPLE, fingerprint
from captcha_ssl.data.mapped import pick
from captcha_ssl.data.sources.packed import DESCRIPTION, FORMAT, LABELS, PIXELS, VERSION
from captcha_ssl.errors import UserError


def hollow(folder: Path, count: int) -> Path:
    """A packed pile of so many images whose file is a hole, but for the first and the last."""
    folder.mkdir()
    about = {"format": FORMAT, "version": VERSION, "channels": 1, "height": 32, "width": 96}
    (folder / DESCRIPTION).write_text(json.dumps(about | {"count": count}), encoding="utf-8")
    try:
        images = np.lib.format.open_memmap(folder / PIXELS, "w+", np.uint8, (count, 1, 32, 96))
    except OSError:
        pytest.skip("this file system holds no such file")
    images[0], images[-1] = 7, 9
    return folder


def mapped_megabytes() -> float:
    status = Path("/proc/self/status")
    if not status.is_file():
        pytest.skip("memory of mapped files is known on Linux alone")
    found = re.search(r"RssFile:\s+(\d+) kB", status.read_text(encoding="utf-8"))
    assert found is not None
    return int(found[1]) / 1024


def test_picked_images_are_those_at_the_places(tmp_path: Path):
    images = load_dataset(hollow(tmp_path / "pile", 10), labeled=False).images
    picked = pick(images, np.array([9, 0, 5]))
    assert not isinstance(picked, np.memmap)
    assert picked[:, 0, 0, 0].tolist() == [9, 7, 0]
    assert pick(np.arange(5), np.array([3, 1])).tolist() == [3, 1]


@pytest.mark.parametrize("gigabytes", [3, 3000])
def test_the_fingerprint_of_a_huge_pile_reads_its_sample_and_nothing_around(
    tmp_path: Path, gigabytes: int
):
    count = gigabytes * 10**9 // (32 * 96)
    data = load_dataset(hollow(tmp_path / "pile", count), labeled=False)
    before = mapped_megabytes()
    found = data.fingerprint()["pixels"]
    assert mapped_megabytes() - before < 200
    sample = np.zeros((SAMPLE, 1, 32, 96), np.uint8)
    sample[0], sample[-1] = 7, 9
    # A smaller array is read whole; the digest is over the same bytes.
    assert found == fingerprint(sample, data.geometry)["pixels"]


def test_a_table_of_few_labels_beside_very_many_images_is_one_error(tmp_path: Path):
    pile = hollow(tmp_path / "pile", 1_000_000_000)
    (pile / LABELS).write_text("index,label\n0,7\n", encoding="utf-8")
    with pytest.raises(UserError, match="999,999,999 of 1,000,000,000 images have no label"):
        load_dataset(pile, labeled=True)
