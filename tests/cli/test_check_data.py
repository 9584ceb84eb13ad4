from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


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
    for fact in ("table of labels", "60×20 (3)", "4 characters: 12xy", "2 ×3", "96×32 gray"):
        assert fact in result.stdout


def test_json_is_for_programs(folder: Path):
    report = json.loads(check_data(folder, "--format", "json").stdout)
    assert report["images"] == 3
    assert report["labels"]["lengths"] == {"2": 3}


def test_rejected_rows_are_shown_listed_and_told_by_the_exit_code(folder: Path, tmp_path: Path):
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
