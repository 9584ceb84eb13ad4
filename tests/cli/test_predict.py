"""The program reads images: what it prints where, in which order, with which exit code."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from captcha_ssl.cli.main import run
from captcha_ssl.data.sources import open_source
from captcha_ssl.models import shipped
from captcha_ssl.recognition.reading.recognizer import Recognizer
from captcha_ssl.synthesis.render import render
from captcha_ssl.synthesis.settings import PictureSettings

Draw = Callable[[str], np.ndarray]
Predict = Callable[..., subprocess.CompletedProcess[bytes]]


@pytest.fixture
def pile(tmp_path: Path, draw_text: Draw) -> Path:
    """A working directory with B.png, pile/AC.png, pile/D.png and two files that are no images."""
    (tmp_path / "pile").mkdir()
    for name in ("B", "pile/AC", "pile/D"):
        Image.fromarray(draw_text(Path(name).name)).save(tmp_path / f"{name}.png")
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.png").write_text("not an image")
    return tmp_path


@pytest.fixture
def predict(
    pile: Path,
    reader_file: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsysbinary: pytest.CaptureFixture[bytes],
) -> Predict:
    """Runs `predict` in the pile's directory with a model that reads it."""
    monkeypatch.chdir(pile)

    def predict(*arguments: str) -> subprocess.CompletedProcess[bytes]:
        command = ["predict", "--model", str(reader_file), "--device", "cpu", *arguments]
        return subprocess.CompletedProcess(command, run(command), *capsysbinary.readouterr())

    return predict


@pytest.fixture
def program(pile: Path, reader_file: Path) -> Predict:
    """The same as `predict`, in its own process."""

    def program(
        *arguments: str, data: bytes = b"", **environment: str
    ) -> subprocess.CompletedProcess[bytes]:
        command = [sys.executable, "-m", "captcha_ssl", "predict", "--model", str(reader_file)]
        root = str(Path(__file__).parents[2])
        return subprocess.run(
            [*command, "--device", "cpu", *arguments],
            **{"input": data, "cwd": pile, "capture_output": True, "check": False},
            env={**os.environ, "PYTHONPATH": root, **environment},
        )

    return program


def everything_on(terminal: int) -> bytes:
    """What is written to a pseudo-terminal until its last writer is gone."""
    shown = b""
    try:
        while part := os.read(terminal, 4096):
            shown += part
    except OSError:
        # Linux's way to say that this is the end.
        pass
    finally:
        os.close(terminal)
    return shown


def test_text_has_one_line_an_image_in_the_order_given(program: Predict, pile: Path) -> None:
    result = program("B.png", "pile", "pile/*.png", "-", data=(pile / "B.png").read_bytes())
    assert result.stdout.split(b"\n") == [b"B", b"AC", b"D", b"AC", b"D", b"B", b""]
    assert (result.returncode, result.stderr) == (0, b"")


def test_a_bad_image_gives_an_empty_line_and_the_rest_is_read(predict: Predict) -> None:
    result = predict("B.png", "empty.png", "gone.png", "pile", "--batch-size", "2")
    assert result.stdout.split(b"\n") == [b"B", b"", b"", b"AC", b"D", b""]
    assert result.stderr.decode().splitlines() == [
        "captcha-ssl: error: empty.png: empty file (0 bytes)",
        "captcha-ssl: error: gone.png: no such file",
    ]
    assert result.returncode == 1


def test_jsonl_has_a_row_an_image_with_confidences_or_an_error(predict: Predict) -> None:
    result = predict("pile/AC.png", "text.png", "B.png", "--format", "jsonl", "--quiet")
    good, bad, last = map(json.loads, result.stdout.splitlines())
    assert good.keys() == {"path", "text", "confidence", "char_confidences"}
    assert (good["path"], good["text"], last["text"]) == ("pile/AC.png", "AC", "B")
    assert len(good["char_confidences"]) == 2
    assert 0.9 < good["confidence"] <= min(good["char_confidences"]) <= 1
    assert bad.keys() == {"path", "error"}
    assert bad["path"] == "text.png" and "not an image" in bad["error"]
    assert result.returncode == 1


@pytest.mark.skipif(sys.platform != "linux", reason="other file systems refuse such a name")
def test_tsv_and_jsonl_keep_odd_paths_on_one_line(program: Predict, pile: Path) -> None:
    odd = "a\tb\nc\\d\rü\udcff.png"
    (pile / "B.png").rename(pile / odd)
    tsv = os.fsdecode(program(odd, "empty.png", "--format", "tsv").stdout)
    assert [line.split("\t")[:2] for line in tsv.split("\n")[:-1]] == [
        ["path", "text"],
        [r"a\tb\nc\\d\rü" + "\udcff.png", "B"],
        ["empty.png", ""],
    ]
    assert tsv.endswith("\t\tempty file (0 bytes)\n")
    (line,) = program(odd, "--format", "jsonl").stdout.splitlines()
    assert json.loads(line)["path"] == odd


def test_a_tsv_of_predictions_is_a_table_of_labels(predict: Predict, pile: Path) -> None:
    (pile / "read.tsv").write_bytes(predict("B.png", "pile", "--format", "tsv").stdout)
    source = open_source(pile / "read.tsv", want_labels=True)
    assert list(source.labels or ()) == ["B", "AC", "D"]
    with (pile / "read.tsv").open(newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert all(0.9 < float(row["confidence"]) <= 1 and not row["error"] for row in rows)


def test_a_console_that_cannot_show_a_path_gets_its_escape(program: Predict, pile: Path) -> None:
    (pile / "B.png").rename(pile / "ж.png")
    result = program("ж.png", "--format", "tsv", PYTHONIOENCODING="ascii")
    assert result.stdout.splitlines()[1].startswith(rb"\u0436.png" + b"\tB\t")
    assert result.returncode == 0


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
@pytest.mark.parametrize("quiet", [True, False])
def test_a_progress_bar_on_a_terminal_leaves_stdout_alone(
    pile: Path, reader_file: Path, quiet: bool
) -> None:
    terminal, end = os.openpty()
    command = [sys.executable, "-m", "captcha_ssl", "predict", "pile", "--model", str(reader_file)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "TERM": "xterm"}
    with subprocess.Popen(
        [*command, "--device", "cpu", *["--quiet"] * quiet],
        **{"stdout": subprocess.PIPE, "stderr": end, "cwd": pile, "env": environment},
    ) as process:
        os.close(end)
        shown = everything_on(terminal)
        assert process.stdout is not None and process.stdout.read() == b"AC\nD\n"
    assert process.returncode == 0
    assert (b"reading" in shown) != quiet


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["B.png", "--model", "gone"], "gone"),
        (["B.png", "--model", "text.png"], "text.png"),
        (["B.png", "--format", "xml"], "xml"),
        (["B.png", "--batch-size", "0"], "batch-size"),
        (["B.png", "--device", "cuda:99"], "cuda:99"),
        ([], "IMAGE"),
    ],
    ids=" ".join,
)
def test_a_wrong_command_line_is_one_line_and_exit_2(
    predict: Predict, arguments: list[str], message: str
) -> None:
    result = predict(*arguments)
    assert (result.returncode, result.stdout) == (2, b"")
    assert result.stderr.startswith(b"captcha-ssl: error: ")
    assert result.stderr.count(b"\n") == 1
    assert message in result.stderr.decode()


def test_a_doubtful_text_is_marked_and_makes_the_exit_code_1(predict: Predict) -> None:
    sure = json.loads(predict("B.png", "--format", "jsonl").stdout)["confidence"]
    above, below = str((1 + sure) / 2), str(sure / 2)

    text = predict("B.png", "--min-confidence", above)
    assert (text.returncode, text.stdout) == (1, b"B\n")
    assert text.stderr.startswith(b"captcha-ssl: doubtful: B.png: B (")

    rows = predict("B.png", "empty.png", "--min-confidence", above, "--format", "tsv")
    table = [line.split("\t") for line in rows.stdout.decode().splitlines()]
    assert [row[4] for row in table] == ["doubtful", "1", ""]
    assert b"doubtful" not in rows.stderr

    good = predict("B.png", "--min-confidence", below, "--format", "jsonl")
    assert json.loads(good.stdout)["doubtful"] is False
    assert (good.returncode, good.stderr) == (0, b"")


def test_a_table_of_labels_has_the_sure_texts(predict: Predict, pile: Path) -> None:
    sure = {}
    for line in predict("pile", "B.png", "--format", "jsonl").stdout.splitlines():
        row = json.loads(line)
        sure[row["path"]] = (row["text"], row["confidence"])
    lowest, next_one, *_ = sorted(confidence for _, confidence in sure.values())
    least = (lowest + next_one) / 2
    done = predict("pile", "B.png", "--format", "labels", "--min-confidence", str(least))
    assert done.returncode == 0
    kept = {path: text for path, (text, confidence) in sure.items() if confidence >= least}
    assert len(kept) == len(sure) - 1
    rows = list(csv.DictReader(done.stdout.decode().splitlines()))
    assert {row["filename"]: row["label"] for row in rows} == kept
    assert f"{len(kept)} of {len(sure)} texts are labels" in done.stderr.decode()
    # Every command reads that table.
    table = pile / "sure.csv"
    table.write_bytes(done.stdout)
    source = open_source(table, want_labels=True)
    assert dict(zip(source.names, source.labels or (), strict=True)) == kept


def test_a_table_of_labels_names_images_below_its_folder(
    predict: Predict, pile: Path, tmp_path: Path
) -> None:
    options = ("--format", "labels", "--min-confidence", "0")
    above = pile.parent / "above.csv"
    assert predict("B.png", *options, "--out", str(above)).returncode == 0
    assert f"{pile.name}/B.png,B" in above.read_text()
    (pile / "below").mkdir()
    wrong = predict("B.png", *options, "--out", "below/sure.csv")
    assert wrong.returncode == 2
    assert b"cannot name B.png; give it a place above the images" in wrong.stderr
    assert not (pile / "below" / "sure.csv").exists()


def test_an_exported_model_reads_the_same_without_torch(
    pile: Path, reader: Recognizer, reader_file: Path, tmp_path: Path
) -> None:
    model = tmp_path / "reader.onnx"
    assert run(["export", str(reader_file), str(model)]) == 0
    script = (
        "import sys; from captcha_ssl.cli.main import run; code = run(sys.argv[1:]); "
        "print('torch' in sys.modules, 'rich' in sys.modules, 'PIL' in sys.modules); sys.exit(code)"
    )
    command = [sys.executable, "-c", script, "predict", "pile", "--model", str(model)]
    result = subprocess.run(command, cwd=pile, capture_output=True, text=True, check=False)
    assert result.stdout.splitlines() == ["AC", "D", "False False False"], result.stderr
    assert result.returncode == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{file}", "model.bin"], ".onnx"),
        (["{folder}/gone", "model.onnx"], "no model here"),
        (["{folder}", "model.onnx"], "no model here"),
    ],
    ids=["name", "missing", "folder"],
)
def test_a_model_that_cannot_be_exported_is_one_line_and_exit_2(
    reader_file: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (reader_file.parent / "empty").mkdir(exist_ok=True)
    places = {"file": reader_file, "folder": reader_file.parent / "empty"}
    assert run(["export", *(argument.format(**places) for argument in arguments)]) == 2
    said = capsys.readouterr()
    assert said.out == "" and said.err.count("\n") == 1 and message in said.err


def test_without_any_model_it_says_what_to_do(
    pile: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(shipped, "FOLDER", pile / "shipped")
    assert run(["predict", str(pile / "B.png")]) == 2
    said = capsys.readouterr()
    assert said.out == "" and said.err.count("\n") == 1 and "--model" in said.err


def test_only_the_given_characters_are_read(predict: Predict) -> None:
    free = predict("pile/AC.png")
    told = predict("pile/AC.png", "--charset", "AB")
    assert free.stdout == b"AC\n"
    assert told.stdout != b"AC\n" and set(told.stdout.decode().strip()) <= {"A", "B"}
    assert told.returncode == 0
    everything = predict("pile/AC.png", "--charset", "ABCD", "--format", "jsonl")
    assert json.loads(everything.stdout)["text"] == "AC"


@pytest.mark.parametrize("length", [1, 3])
def test_texts_have_the_given_length(predict: Predict, length: int) -> None:
    assert predict("pile/AC.png", "--length", "2").stdout == b"AC\n"
    told = predict("pile/AC.png", "--length", str(length), "--format", "jsonl")
    read = json.loads(told.stdout)
    assert len(read["text"]) == len(read["char_confidences"]) == length
    assert read["confidence"] < 0.5


def test_a_length_and_a_charset_hold_together(predict: Predict) -> None:
    told = predict("pile/AC.png", "--charset", "BD", "--length", "3").stdout.decode().strip()
    assert len(told) == 3 and set(told) <= {"B", "D"}


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--charset", "AZ", "'Z' is unknown"),
        ("--charset", "", "is empty"),
        ("--length", "99", "--length 99: the model reads at most"),
        ("--length", "0", "--length 0: give a number"),
        ("--length", "two", "--length two: give a number"),
        ("--length", "9" * 5000, f"--length {'9' * 20}: give a number"),
    ],
)
def test_texts_that_the_model_cannot_read_are_refused_in_one_line(
    predict: Predict, option: str, value: str, said: str
) -> None:
    result = predict("pile/AC.png", option, value)
    assert result.returncode == 2 and result.stdout == b""
    assert result.stderr.count(b"\n") == 1 and said in result.stderr.decode()


@pytest.fixture
def digits(tmp_path: Path) -> Path:
    """40 pictures of four digits, among which the shipped model reads letters."""
    settings = PictureSettings(style="classic", charset="0189", seed=4)
    folder = tmp_path / "digits"
    folder.mkdir()
    for index in range(40):
        picture, text = render(settings, index)
        Image.fromarray(picture.transpose(1, 2, 0)).save(folder / f"{index:02}_{text}.png")
    return folder


def test_many_images_of_digits_are_read_as_digits_with_a_note(
    digits: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    truths = [file.stem[3:] for file in sorted(digits.iterdir())]
    assert run(["predict", str(digits)]) == 0
    settled = capsys.readouterr()
    assert (
        "nearly all images show only characters of 0189" in settled.err
        and "--no-adapt" in settled.err
    )
    assert run(["predict", str(digits), "--no-adapt"]) == 0
    free = capsys.readouterr()
    assert free.err == ""
    right = [
        sum(a == b for a, b in zip(out.split("\n"), truths, strict=False))
        for out in (settled.out, free.out)
    ]
    assert right[0] > right[1]
    assert settled.out.replace("\n", "").isdigit()
    assert run(["predict", str(digits), "--model", "shipped"]) == 0
    assert capsys.readouterr() == settled


def test_a_few_images_change_nothing(digits: Path, capsys: pytest.CaptureFixture[str]) -> None:
    few = [str(file) for file in sorted(digits.iterdir())[:20]]
    assert run(["predict", *few]) == 0
    assert capsys.readouterr().err == ""


def test_a_model_that_is_unsure_of_many_images_says_what_helps(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (20, 32, 96), np.uint8)
    files = [str(tmp_path / f"{index:02}.png") for index in range(20)]
    for file, pixels in zip(files, noise, strict=True):
        Image.fromarray(pixels).save(file)
    assert run(["predict", *files]) == 0
    assert "unsure of these images (mean confidence" in capsys.readouterr().err
    assert run(["predict", *files[1:]]) == run(["predict", *files, "--quiet"]) == 0
    assert capsys.readouterr().err == ""
