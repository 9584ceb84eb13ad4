"""Predictions go to Label Studio and labels come back, each to its image."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest

from captcha_ssl.cli.main import run
from captcha_ssl.data.sources import open_source

TEXTS = {"a": "AB", "b c": "BCD", "ü": "AC"}


@dataclass
class Done:
    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def program(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Done]:
    """Runs a command in a folder, with a text on its standard input."""

    def call(folder: Path, *arguments: object, stdin: str = "") -> Done:
        monkeypatch.chdir(folder)
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        code = run(list(map(str, arguments)))
        said = capsys.readouterr()
        return Done(code, said.out, said.err)

    return call


@pytest.fixture
def folder(tmp_path: Path, draw_text: Callable[[str], np.ndarray]) -> Path:
    (tmp_path / "pile").mkdir()
    for name, text in TEXTS.items():
        cv2.imwrite(str(tmp_path / "pile" / f"{name}.png"), draw_text(text))
    return tmp_path


def test_a_round_trip_gives_every_image_its_text(
    folder: Path, reader_file: Path, program: Callable[..., Done]
) -> None:
    (folder / "pile" / "z.png").write_bytes(b"no image")
    done = program(folder, "predict", "pile", "--model", reader_file, "--format", "label-studio")
    assert done.returncode == 1 and "pile/z.png" in done.stderr
    tasks = json.loads(done.stdout)
    assert [task["data"]["path"] for task in tasks] == [f"pile/{name}.png" for name in TEXTS]
    assert tasks[1]["data"]["image"] == "/data/local-files/?d=pile/b%20c.png"
    for task, text in zip(tasks, TEXTS.values(), strict=True):
        (guess,) = task["predictions"]
        assert 0 <= guess["score"] <= 1 and guess["model_version"] == reader_file.name
        (result,) = guess["result"]
        assert result == {
            "from_name": "transcription",
            "to_name": "image",
            "type": "textarea",
            "value": {"text": [text]},
        }
    # JSON-MIN holds the data of each task and, by its name, what was typed.
    exported = [
        {**task["data"], "id": number, "transcription": f"{text}!", "annotator": 1}
        for number, (task, text) in enumerate(zip(tasks, TEXTS.values(), strict=True))
    ]
    (folder / "export.json").write_text(json.dumps(exported))
    source = open_source(folder / "export.json", want_labels=True)
    read = dict(zip(source.names, source.labels or (), strict=True))
    assert read == {f"pile/{name}.png": f"{text}!" for name, text in TEXTS.items()}
    # The export may lie beside the images, and without our own field.
    for task in exported:
        del task["path"]
    (folder / "pile" / "export.json").write_text(json.dumps(exported))
    beside = open_source(folder / "pile" / "export.json", want_labels=True)
    assert list(beside.labels or ()) == [f"{text}!" for text in TEXTS.values()]


def test_nothing_read_is_an_empty_list(
    folder: Path, reader_file: Path, program: Callable[..., Done]
) -> None:
    given = ("--model", reader_file, "--format", "label-studio")
    done = program(folder, "predict", "gone.png", *given)
    assert (done.returncode, done.stdout) == (1, "[]\n")


def test_names_of_files_come_from_a_file_or_from_standard_input(
    folder: Path, reader_file: Path, program: Callable[..., Done]
) -> None:
    names = [f"pile/{name}.png" for name in TEXTS]
    (folder / "list.txt").write_text("\n".join(names) + "\n\n")
    expected = "".join(f"{text}\n" for text in TEXTS.values())
    given = ("predict", "--model", reader_file, "--files-from")
    assert program(folder, *given, "list.txt").stdout == expected
    assert program(folder, *given, "-", stdin="\n".join(names)).stdout == expected
    assert program(folder, *given, "-", stdin="\0".join(names)).stdout == expected
    gone = program(folder, *given, "gone.txt")
    assert gone.returncode == 2 and "gone.txt: the list of files cannot be read" in gone.stderr
    none = program(folder, "predict", "--model", reader_file)
    assert none.returncode == 2 and "missing argument IMAGE" in none.stderr


def test_several_arguments_and_an_archive_are_read(
    folder: Path, reader_file: Path, program: Callable[..., Done]
) -> None:
    made = program(folder, "convert", "pile", "pile", "tars", "--format", "webdataset")
    assert made.returncode == 0, made.stderr
    given = ("predict", "--model", reader_file, "tars", "tars/shard-000000.tar")
    assert program(folder, *given).stdout.splitlines() == [*TEXTS.values()] * 4
