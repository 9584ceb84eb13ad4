from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.slow


def check_data(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "captcha_ssl", "check-data", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "set"
    folder.mkdir()
    for seed, name in enumerate("abc"):
        pixels = np.random.default_rng(seed).integers(0, 256, (20, 60, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{name}.png")
    (folder / "labels.csv").write_text("filename,label\na.png,x1\nb.png,yy\nc.png,x2\n")
    return folder


def test_a_good_dataset_is_described_on_stdout(folder: Path):
    result = check_data(folder)
    assert (result.returncode, result.stderr) == (0, "")
    for fact in ("table of labels", "60×20 (3)", "4 characters: 12xy", "2 ×3", "144×48 gray"):
        assert fact in result.stdout


def test_json_is_for_programs(folder: Path):
    report = json.loads(check_data(folder, "--format", "json").stdout)
    assert report["images"] == 3
    assert report["labels"]["lengths"] == {"2": 3}


def test_rejected_rows_are_shown_listed_and_change_the_exit_code(folder: Path, tmp_path: Path):
    (folder / "b.png").write_bytes(b"")
    result = check_data(folder, "--rejected", tmp_path / "bad.csv")
    assert result.returncode == 1
    assert "b.png: empty file (0 bytes)" in result.stdout
    rows = list(csv.reader((tmp_path / "bad.csv").open()))
    assert rows == [["row", "reason"], ["b.png", "empty file (0 bytes)"]]


def test_the_sheet_is_a_picture(folder: Path, tmp_path: Path):
    assert check_data(folder, "--sheet", tmp_path / "sheet.png").returncode == 0
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.format == "PNG"


@pytest.mark.parametrize("name", ["gone", "empty"])
def test_no_dataset_is_one_line_on_stderr(tmp_path: Path, name: str):
    (tmp_path / "empty").mkdir()
    result = check_data(tmp_path / name)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("captcha-ssl: error: ")
    assert result.stderr.count("\n") == 1


def run(*arguments: object) -> int:
    from captcha_ssl.cli.main import run as run_here

    return run_here(["check-data", *map(str, arguments), "--quiet"])


def test_control_characters_do_not_reach_the_terminal(folder: Path, capsys):
    (folder / "labels.csv").write_text("filename,label\na.png,1\x1b[31m2\nb\x1b.png,2\n")
    assert run(folder) == 1
    said = capsys.readouterr().out
    assert "\x1b" not in said
    assert "\\x1b" in said and "labels.csv line 3: b\\x1b.png: no such file" in said


def test_a_sheet_is_not_drawn_among_the_images(folder: Path, tmp_path: Path, capsys):
    before = sorted(folder.iterdir())
    assert run(folder, "--sheet", folder / "sheet.png") == 2
    assert "would become an image of it" in capsys.readouterr().err
    assert sorted(folder.iterdir()) == before


def test_a_sheet_that_cannot_be_written_is_refused_before_the_work(folder: Path, capsys):
    (folder / "a.png").write_bytes(b"")
    assert run(folder, "--sheet", "sheet.psd") == 2
    heard = capsys.readouterr()
    assert heard.out == "" and "ends in .png" in heard.err


def test_no_line_is_longer_than_a_screen(folder: Path, capsys):
    characters = "".join(map(chr, range(0x4E00, 0x4E00 + 5_000)))
    (folder / "labels.csv").write_text(f"filename,label\na.png,{characters}\n", encoding="utf-8")
    assert run(folder) == 0
    assert max(map(len, capsys.readouterr().out.splitlines())) < 1_000


def test_rejected_csv_contains_no_formula(folder: Path, tmp_path: Path):
    rows = '=1+1,x\n"@x, y",z\n'
    (folder / "labels.csv").write_text(f"filename,label\na.png,x\n{rows}")
    assert run(folder, "--rejected", tmp_path / "bad.csv") == 1
    cells = [row[0] for row in csv.reader((tmp_path / "bad.csv").open())]
    assert cells == ["row", "labels.csv line 3: =1+1", "labels.csv line 4: @x, y"]
