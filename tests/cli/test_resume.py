"""Resume goes on with the data that a run was started with, and with no other."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from captcha_ssl.cli.main import run

SCRATCH = ("--init-from", "none")
FEW = ("--batch-size", "4", "--device", "cpu", "--quiet")


def dataset(folder: Path, seed: int = 0, size: tuple[int, int] = (32, 40)) -> Path:
    (folder / "images").mkdir(parents=True)
    rng = np.random.default_rng(seed)
    rows = []
    for index in range(12):
        name = f"{index:02d}.png"
        Image.fromarray(rng.integers(0, 256, size, np.uint8)).save(folder / "images" / name)
        rows.append((name, "ABC"[index % 3]))
    write_table(folder, rows)
    return folder


def table(folder: Path) -> list[tuple[str, str]]:
    with (folder / "labels.csv").open(newline="") as file:
        return [(name, label) for name, label in list(csv.reader(file))[1:]]


def write_table(folder: Path, rows: list[tuple[str, str]]) -> None:
    with (folder / "labels.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("filename", "label"), *rows])


def swap_two_labels(folder: Path) -> None:
    rows = table(folder)
    rows[0], rows[1] = (rows[0][0], rows[1][1]), (rows[1][0], rows[0][1])
    write_table(folder, rows)


def another_character(folder: Path) -> None:
    write_table(folder, [(name, label.replace("A", "Z")) for name, label in table(folder)])


def rename_an_image(folder: Path) -> None:
    rows = table(folder)
    (folder / "images" / rows[-1][0]).rename(folder / "images" / "99.png")
    write_table(folder, [*rows[:-1], ("99.png", rows[-1][1])])


def drop_an_image(folder: Path) -> None:
    (folder / "images" / "11.png").unlink()
    write_table(folder, table(folder)[:-1])


def repaint_an_image(folder: Path) -> None:
    file = folder / "images" / "05.png"
    Image.fromarray(255 - np.asarray(Image.open(file))).save(file)


def wider_images(folder: Path) -> None:
    for file in (folder / "images").iterdir():
        Image.open(file).resize((80, 32)).save(file)


def twice_as_large(folder: Path) -> None:
    for file in (folder / "images").iterdir():
        image = Image.open(file)
        image.resize((2 * image.width, 2 * image.height)).save(file)


CHANGES = [
    (swap_two_labels, {"labels"}),
    (another_character, {"labels", "charset"}),
    (rename_an_image, {"names"}),
    (drop_an_image, {"images", "names", "labels", "sizes", "pixels"}),
    (repaint_an_image, {"pixels"}),
    (wider_images, {"geometry", "sizes", "pixels"}),
    (twice_as_large, {"sizes"}),
]


def changed(said: str) -> set[str]:
    """What the one line of an error names as changed."""
    (line,) = said.splitlines()
    assert line.startswith("captcha-ssl: error: ") and "started with other data" in line, line
    return set(line.partition("(changed: ")[2].partition(")")[0].split(", "))


def contents(folder: Path) -> dict[str, bytes]:
    return {str(f): f.read_bytes() for f in folder.rglob("*") if f.is_file() and f.suffix != ".txt"}


@pytest.mark.parametrize(
    ("change", "named"), CHANGES, ids=lambda value: getattr(value, "__name__", "")
)
def test_a_finished_reader_is_kept_when_the_data_has_changed(
    tmp_path: Path,
    change: Callable[[Path], None],
    named: set[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    data, out = dataset(tmp_path / "data"), tmp_path / "run"
    command = ["finetune", str(data), "--out", str(out), *SCRATCH, "--steps", "2", *FEW]
    assert run(command) == 0
    before = contents(out)
    assert run([*command, "--resume"]) == 0, "the same data resumes"
    assert contents(out) == before
    capsys.readouterr()
    change(data)
    assert run([*command, "--resume"]) == 2
    assert changed(capsys.readouterr().err) >= named
    assert contents(out) == before


def test_a_label_that_was_held_out_is_data_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, out = dataset(tmp_path / "data"), tmp_path / "run"
    command = ["finetune", str(data), "--out", str(out), *SCRATCH, "--steps", "1", *FEW]
    command += ["--validation", "0.5", "--labels", "4"]
    assert run(command) == 0
    before = contents(out)
    rows = table(data)
    for index in range(12):
        other = [(n, "B" if i == index and lab != "B" else lab) for i, (n, lab) in enumerate(rows)]
        if other == rows:
            continue
        write_table(data, other)
        capsys.readouterr()
        assert run([*command, "--resume"]) == 2
        assert changed(capsys.readouterr().err) == {"labels"}
    assert contents(out) == before


@pytest.mark.parametrize("change", [repaint_an_image, rename_an_image, drop_an_image])
def test_another_pile_is_named_as_such(
    tmp_path: Path, change: Callable[[Path], None], capsys: pytest.CaptureFixture[str]
) -> None:
    data, pile, out = dataset(tmp_path / "d"), dataset(tmp_path / "p", seed=1), tmp_path / "run"
    command = ["finetune", str(data), "--out", str(out), *SCRATCH, "--steps", "1", *FEW]
    command += ["--unlabeled", str(pile)]
    assert run(command) == 0
    before = contents(out)
    capsys.readouterr()
    change(pile)
    assert run([*command, "--resume"]) == 2
    assert all(name.startswith("pile ") for name in changed(capsys.readouterr().err))
    assert contents(out) == before


@pytest.mark.parametrize("change", [repaint_an_image, rename_an_image, wider_images])
def test_a_pretraining_continues_only_with_its_own_images(
    tmp_path: Path, change: Callable[[Path], None], capsys: pytest.CaptureFixture[str]
) -> None:
    data, out = dataset(tmp_path / "data"), tmp_path / "run"
    command = ["pretrain", str(data), "--out", str(out), "--steps", "2", *FEW]
    assert run(command) == 0
    before = contents(out)
    swap_two_labels(data)
    assert run([*command, "--resume"]) == 0, "labels are not learned from"
    assert contents(out) == before
    (out / "model.safetensors").unlink()
    change(data)
    capsys.readouterr()
    assert run([*command, "--resume"]) == 2
    assert changed(capsys.readouterr().err)
    assert not (out / "model.safetensors").exists()


def test_a_finished_model_without_its_state_is_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, out = dataset(tmp_path / "data"), tmp_path / "run"
    command = ["finetune", str(data), "--out", str(out), *SCRATCH, "--steps", "1", *FEW]
    assert run(command) == 0
    shutil.rmtree(out / "state")
    before = contents(out)
    capsys.readouterr()
    assert run([*command, "--resume"]) == 2
    assert "holds a finished model, but" in capsys.readouterr().err
    assert contents(out) == before


def test_other_arithmetic_is_a_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    data, out = dataset(tmp_path / "data"), tmp_path / "run"
    command = ["finetune", str(data), "--out", str(out), *SCRATCH, "--steps", "1", *FEW]
    assert run(command) == 0
    capsys.readouterr()
    assert run([*command, "--resume"]) == 0
    assert "arithmetic" not in capsys.readouterr().err
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    monkeypatch.setattr(torch, "__version__", "99.9.9")
    monkeypatch.setattr(torch, "get_num_threads", lambda: 77)
    assert run([*command, "--resume"]) == 0
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "arithmetic" in line]
    assert line.startswith("captcha-ssl: warning: ")
    for word in ("torch", "99.9.9", "threads", "77", "ONEDNN_MAX_CPU_ISA=AVX2"):
        assert word in line


def test_pixels_of_another_decoder_are_a_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    data, out = dataset(tmp_path / "data"), tmp_path / "run"
    command = ["pretrain", str(data), "--out", str(out), "--steps", "1", *FEW]
    assert run(command) == 0
    monkeypatch.setattr("cv2.__version__", "9.9")
    repaint_an_image(data)
    capsys.readouterr()
    assert run([*command, "--resume"]) == 0
    assert "pixels" in capsys.readouterr().err
    drop_an_image(data)
    assert run([*command, "--resume"]) == 2
