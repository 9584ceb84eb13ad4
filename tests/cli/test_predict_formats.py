"""`predict` reads every format that the other commands read, and prints rows as CSV too."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from captcha_ssl.cli.main import run
from captcha_ssl.cli.prediction_rows import doubtful
from captcha_ssl.data.sources import open_source
from captcha_ssl.data.writers import open_writer
from captcha_ssl.recognition.reading.inputs import Inputs
from captcha_ssl.recognition.reading.predictor import Prediction
from captcha_ssl.recognition.reading.text_reader import Reading

Draw = Callable[[str], np.ndarray]
TEXTS = ["A", "BC", "DDD", "CAB"]


@pytest.fixture
def sets(tmp_path: Path, draw_text: Draw) -> Path:
    """One set of images in every format: packed, lmdb, folder, names, table.csv, paddle.txt."""
    for form in ("packed", "lmdb", "folder"):
        writer = open_writer(
            tmp_path / form, form, count=4, channels=3, height=32, width=64, about={}
        )
        with writer as opened:
            for index, text in enumerate(TEXTS):
                opened.add(index, draw_text(text).transpose(2, 0, 1), text)
    (tmp_path / "names").mkdir()
    rows = []
    for index, text in enumerate(TEXTS):
        Image.fromarray(draw_text(text)).save(tmp_path / "names" / f"{index}{text}_x.png")
        rows.append(f"names/{index}{text}_x.png")
    (tmp_path / "table.csv").write_text("filename,label\n" + "".join(f"{r},?\n" for r in rows))
    (tmp_path / "paddle.txt").write_text("".join(f"{r}\t?\n" for r in rows))
    return tmp_path


@pytest.fixture
def predict(
    sets: Path,
    reader_file: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., tuple[int, str, str]]:
    monkeypatch.chdir(sets)

    def call(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = run(["predict", *arguments, "--model", str(reader_file), "--device", "cpu"])
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


Predict = Callable[..., tuple[int, str, str]]


@dataclass
class _Refusing:
    recognizes: Callable[[Path], bool]


@pytest.mark.parametrize(
    ("argument", "first"),
    [
        ("packed", "packed/00000"),
        ("lmdb", "lmdb/image-000000001"),
        ("folder", "folder/images/00000.png"),
        ("folder/labels.csv", "folder/images/00000.png"),
        ("names", "names/0A_x.png"),
        ("table.csv", "names/0A_x.png"),
        ("paddle.txt", "names/0A_x.png"),
        ("pack*", "packed/00000"),
    ],
)
def test_every_format_is_read_in_its_order(predict: Predict, argument: str, first: str) -> None:
    assert predict(argument) == (0, "".join(f"{text}\n" for text in TEXTS), "")
    code, out, _ = predict(argument, "--format", "jsonl", "--batch-size", "3")
    rows = [json.loads(line) for line in out.splitlines()]
    assert code == 0 and [row["text"] for row in rows] == TEXTS
    assert rows[0]["path"] == first


def test_a_name_cannot_control_the_terminal(predict: Predict, sets: Path) -> None:
    (sets / "\x1b[31mred\u200b.png").write_bytes(b"no image")
    code, _, err = predict("\x1b[31mred\u200b.png", "x" * 5_000)
    assert code == 1
    assert "\\x1b[31mred\\u200b.png: not an image" in err
    assert "\x1b" not in err and max(map(len, err.splitlines())) < 2_000


def test_a_folder_without_read_permission_is_one_error(
    predict: Predict, sets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> bool:
        raise PermissionError(13, "Permission denied", str(path / "dataset.json"))

    monkeypatch.setattr("captcha_ssl.data.sources.recognize.FORMATS", [_Refusing(refuse)])
    code, out, err = predict("names", "packed/none.png")
    assert (code, out) == (1, "\n\n")
    assert err.splitlines()[0] == "captcha-ssl: error: names: cannot be read (Permission denied)"


def test_formats_and_files_may_be_mixed(predict: Predict) -> None:
    code, out, err = predict("packed", "names/1BC_x.png", "lmdb", "gone.png", "table.csv")
    assert out.split("\n") == [*TEXTS, "BC", *TEXTS, "", *TEXTS, ""]
    assert code == 1 and err == "captcha-ssl: error: gone.png: no such file\n"


def test_a_row_without_its_image_is_an_empty_line_at_its_place(
    predict: Predict, sets: Path
) -> None:
    rows = ["names/0A_x.png", "gone.png", "names/1BC_x.png", "../x.png", "names/2DDD_x.png"]
    (sets / "t.csv").write_text("filename,label\n" + "".join(f"{row},\n" for row in rows))
    code, out, err = predict("t.csv")
    assert (code, out) == (1, "A\n\nBC\n\nDDD\n")
    assert "t.csv line 3: gone.png: no such file" in err
    assert "t.csv line 5: ../x.png: outside the dataset folder" in err


@pytest.mark.parametrize("damage", ["packed/dataset.json", "packed/images.npy", "lmdb/data.mdb"])
def test_a_damaged_dataset_is_one_error_and_the_rest_is_read(
    predict: Predict, sets: Path, damage: str
) -> None:
    file = sets / damage
    file.write_bytes(file.read_bytes()[: 8 if damage.endswith("json") else 600])
    code, out, err = predict(damage.partition("/")[0], "names/0A_x.png")
    assert (code, out) == (1, "\nA\n")
    assert err.count("\n") == 1 and err.startswith("captcha-ssl: error: ")


def test_csv_is_standard_and_contains_no_formula(
    predict: Predict, sets: Path, draw_text: Draw
) -> None:
    odd = 'a,"b"\nc.png'
    for name in (odd, "=1+1.png"):
        Image.fromarray(draw_text("AB")).save(sets / name)
    code, out, _ = predict(odd, "=1+1.png", "gone.png", "--format", "csv", "--min-confidence", "0")
    rows = list(csv.reader(io.StringIO(out)))
    assert rows[0] == ["path", "text", "confidence", "error", "doubtful"]
    assert [row[:2] for row in rows[1:]] == [[odd, "AB"], ["'=1+1.png", "AB"], ["gone.png", ""]]
    assert 0.9 < float(rows[1][2]) <= 1
    assert rows[3][3:] == ["no such file", ""] and code == 1


def test_a_csv_of_predictions_is_a_table_of_labels(predict: Predict, sets: Path) -> None:
    code, out, _ = predict("names", "--format", "csv")
    assert code == 0
    (sets / "read.csv").write_text(out)
    assert list(open_source(sets / "read.csv", want_labels=True).labels or ()) == TEXTS


def test_inputs_are_a_sequence(sets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(sets)
    inputs = Inputs(["names", "gone.png", "packed", "-"])
    assert len(inputs) == 10
    names = [item.name for item in inputs]
    assert names == [inputs[place].name for place in range(10)] == [i.name for i in inputs[:]]
    assert inputs[-1].name == "-" and inputs[4].name == "gone.png"
    with pytest.raises(IndexError):
        inputs[10]


def test_a_pile_of_many_millions_is_not_listed(tmp_path: Path) -> None:
    count = 300_000_000
    shape = (count, 1, 1, 1)
    about = dict(zip(("count", "channels", "height", "width"), shape, strict=True))
    about |= {"format": "captcha-ssl-packed", "version": 1}
    (tmp_path / "dataset.json").write_text(json.dumps(about))
    with (tmp_path / "images.npy").open("wb") as file:
        header = {"descr": "|u1", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        file.truncate(file.tell() + count)
    inputs = Inputs([str(tmp_path)])
    assert len(inputs) == count
    assert inputs[count - 1].name.endswith("299999999")
    assert inputs[count - 1].pixels().shape == (1, 1, 3)


def test_plain_images_load_no_reader_of_datasets(sets: Path) -> None:
    command = [sys.executable, "-X", "importtime", "-m", "captcha_ssl", "predict"]
    root = str(Path(__file__).parents[2])
    done = subprocess.run(
        [*command, "names/0A_x.png"],
        cwd=sets,
        capture_output=True,
        text=True,
        env={"PYTHONPATH": root},
    )
    assert done.returncode == 0, done.stderr
    loaded = {
        line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()
    }
    assert "onnxruntime" in loaded
    assert not loaded & {"torch", "typer", "lmdb", "csv", "PIL", "rich"}


@pytest.mark.parametrize(
    ("text", "confidence", "least", "doubt"),
    [("AB", 0.95, 0.9, False), ("AB", 0.5, 0.9, True), ("", 0.99, 0.9, True), ("", 0.99, 0, False)],
)
def test_an_empty_text_is_doubtful_however_sure_it_is(
    text: str, confidence: float, least: float, doubt: bool
) -> None:
    read = Prediction("a.png", Reading(text, confidence, (confidence,) * len(text)))
    assert doubtful(read, least) is doubt
    assert doubtful(read, None) is None
