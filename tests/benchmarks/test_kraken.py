"""The comparison with kraken, with two programs in its place that only write down their calls."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks.kraken import (
    KRAKEN,
    OURS,
    PRETRAINED,
    SCRATCH,
    TEST,
    Cell,
    Comparison,
    Kraken,
    Labeled,
    Recipe,
    Sizes,
    Trained,
    convert,
    divide,
    read_part,
    report,
    write_part,
)


class Pretender:
    """A side that reads everything right but with one of its settings, and counts its trainings."""

    fine_tunings = (Recipe("bad", ()), Recipe("good", ()), Recipe("as good", ()))
    pretrainings = (Recipe("first", ()), Recipe("second", ()))

    def __init__(self) -> None:
        self.calls: list[str] = []

    def pretrain(self, pretraining: Recipe, recipe: Recipe, pile: Path, out: Path) -> Trained:
        self.calls.append(f"pretrain {recipe.name}")
        return Trained(out, 7.0)

    def finetune(
        self, recipe: Recipe, start: Path | None, labeled: Labeled, seed: int, out: Path
    ) -> Trained:
        self.calls.append(f"{recipe.name} from {start and start.name}")
        return Trained(out, 5.0)

    def read(self, recipe: Recipe, model: Path, images: Sequence[Path]) -> list[str]:
        right = [image.with_suffix(".gt.txt").read_text(encoding="utf-8") for image in images]
        return ["" if recipe.name == "bad" else text for text in right]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    (tmp_path / "data").mkdir()
    rows = [("filename", "label")]
    for index in range(40):
        image = np.full((24, 72, 3), 255, np.uint8)
        image[4:20, 8:64] = rng.integers(0, 256, (16, 56, 3), np.uint8)
        cv2.imwrite(str(tmp_path / "data" / f"{index}.png"), image)
        rows.append((f"{index}.png", f"{index:04}"))
    with (tmp_path / "data" / "labels.csv").open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows(rows)
    return tmp_path / "data"


def test_both_sides_get_the_same_files_and_no_test_image_to_learn_from(
    tmp_path: Path, data: Path
) -> None:
    sizes = Sizes(pile=25, test=10, labels=10, seeds=2)
    convert(data, tmp_path / "images", sizes)
    parts = {p.parent.relative_to(tmp_path / "images"): p for p in tmp_path.rglob("images.txt")}
    listed = {name.as_posix(): path.read_text().splitlines() for name, path in parts.items()}
    assert {name: len(files) for name, files in listed.items()} == {
        "test": 10,
        "pile": 25,
        "tries/learned": 8,
        "tries/held-out": 2,
        "seed-0/learned": 9,
        "seed-0/held-out": 1,
        "seed-1/learned": 9,
        "seed-1/held-out": 1,
    }
    pixels = {name: {Path(f).read_bytes() for f in files} for name, files in listed.items()}
    assert not pixels["test"] & pixels["pile"]
    assert all(pixels[name] <= pixels["pile"] for name in pixels if name != "test")
    for name in listed.keys() - {"pile"}:
        files, texts = read_part(tmp_path / "images" / name)
        assert [str(file) for file in files] == listed[name]
        assert [file.with_suffix(".gt.txt").read_text() for file in files] == texts
        original = cv2.imread(str(data / f"{int(texts[0])}.png"))
        assert np.array_equal(cv2.imread(listed[name][0]), original)
    assert not (tmp_path / "images" / "pile" / "labels.csv").exists()
    assert {Path(f).with_suffix(".gt.txt").read_text() for f in listed["pile"]} == {"x"}


def test_the_tries_hold_out_a_fifth_of_the_labels_of_the_first_seed() -> None:
    parts = divide(range(100, 200), [1, 2], Sizes(labels=50, seeds=3))
    tries = parts["tries/learned"] + parts["tries/held-out"]
    assert len(parts["tries/held-out"]) == 10
    assert set(tries) == set(parts["seed-0/learned"] + parts["seed-0/held-out"])
    assert set(tries) != set(parts["seed-1/learned"] + parts["seed-1/held-out"])


def test_an_image_in_color_is_written_with_its_colors(tmp_path: Path) -> None:
    red = np.zeros((4, 6, 3), np.uint8)
    red[..., 0] = 255
    write_part(tmp_path / "new", [red], ["R"], tmp_path / "final")
    assert cv2.imread(str(tmp_path / "new" / "00000.png"))[0, 0].tolist() == [0, 0, 255]
    assert (tmp_path / "new" / "images.txt").read_text() == f"{tmp_path / 'final' / '00000.png'}\n"


def test_the_first_settings_without_an_error_are_tested_and_what_is_finished_is_kept(
    tmp_path: Path, data: Path
) -> None:
    sizes = Sizes(pile=25, test=10, labels=10, seeds=2)
    convert(data, tmp_path / "images", sizes)
    sides = {KRAKEN: Pretender(), OURS: Pretender()}
    for _ in range(2):
        comparison = Comparison(tmp_path, dict(sides), sizes)
        comparison.choose()
        comparison.test()
    assert sides[KRAKEN].calls == [
        "bad from None",
        "good from None",
        "pretrain good",
        "good from kraken-first",
        "good from None",
        "good from kraken-first",
        "good from None",
        "good from kraken-first",
    ]
    assert sides[OURS].calls[-1] == "good from shipped"
    tested = [cell for cell in comparison.cells if cell.part == TEST]
    assert {(cell.exact_match, cell.cer) for cell in tested} == {(1.0, 0.0)}
    assert comparison.cells[0].cer == 1.0


def test_flags_reach_ketos_in_its_order(tmp_path: Path) -> None:
    ketos = tmp_path / "ketos"
    ketos.write_text(
        '#!/bin/sh\nfor last; do :; done\nmkdir "$last"\n: > "$last/best_1.safetensors"\n'
    )
    ketos.chmod(0o755)
    labeled = Labeled(tmp_path / "a", tmp_path / "b", scored=False)
    side = Kraken(ketos, times=3)
    made = side.finetune(side.fine_tunings[1], tmp_path / "start", labeled, 3, tmp_path / "out")
    assert made.model == tmp_path / "out" / "best_1.safetensors"
    words = (tmp_path / "out.log").read_text().split()
    assert words[words.index("-s") + 1] == "3" and words.index("-s") < words.index("train")
    assert words[words.index("-N") + 1] == "180"
    assert words[words.index("--load") + 1] == str(tmp_path / "start")
    assert words[words.index("-e") + 1] == str(tmp_path / "b" / "images.txt")


def test_the_table_pairs_the_seeds() -> None:
    match = {(KRAKEN, SCRATCH): (0.1, 0.3), (OURS, SCRATCH): (0.6, 0.9)}
    match[OURS, PRETRAINED] = (0.8, 0.9)
    cells = [
        Cell(*arm, seed, share, 0.25, 60.0, 100.0 * (name == PRETRAINED))
        for (side, name), shares in match.items()
        for arm in [(side, TEST, name)]
        for seed, share in enumerate(shares)
    ]
    cells.append(Cell(KRAKEN, "fine-tuning", "default", 0, 0.0, 1.0, 59.0))
    text = report(cells, Sizes())
    assert "| kraken | fine-tuning | default | 0.0% | 100.0% | 59 |" in text
    assert (
        "| captcha-ssl | pretrained | 85.0% ± 63.5 | 82.7–87.1 | 25.0% ± 0.0 | 2 | 100 + 60 |"
        in text
    )
    assert "- captcha-ssl scratch over kraken scratch: +55.0 ± 63.5" in text
    assert "- captcha-ssl pretrained over captcha-ssl scratch: +10.0 ± 127.1" in text
    assert "over kraken pretrained" not in text
