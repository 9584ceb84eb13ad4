"""Several datasets as one, and lists of files, in every command that takes images."""

from __future__ import annotations

import io
import json
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest

from captcha_ssl.cli.main import run
from captcha_ssl.data.name_list import _read_once
from captcha_ssl.data.sources import open_source

SHIPPED = str(Path(__file__).parents[2] / "captcha_ssl/shipped/model-32.safetensors")
_RUN = ("--device", "cpu", "--quiet", "--set", "encoder=tiny")
_TINY = (
    "--label-counts",
    "4",
    "--seeds",
    "1",
    "--arms",
    "scratch",
    "--set",
    "test=4",
    "--quiet",
    "--set",
    "finetune_steps=2",
    "--set",
    "finetune_batch_size=2",
    "--set",
    "lr_grid=1e-3",
    "--set",
    "head_lr_grid=1e-3",
    "--set",
    "processes=1",
    "--device",
    "cpu",
    "--set",
    "encoder=tiny",
)


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two packed sets of 12, and a folder of 6 images with their labels in the names."""
    place = tmp_path_factory.mktemp("sets")
    fast = ("--style", "fast", "--charset", "AB", "--channels", "1", "--quiet")
    for seed, name in enumerate(("one", "two")):
        given = ("--count", "12", "--seed", str(seed), "--set", "height=24", "--set", "width=64")
        assert run(["generate", str(place / name), *given, *fast]) == 0
    drawn = ("--count", "6", "--format", "folder", "--seed", "2")
    assert run(["generate", str(place / "drawn"), *drawn, *fast]) == 0
    source = open_source(place / "drawn", want_labels=True)
    (place / "files").mkdir()
    for name, label in zip(source.names, source.labels or (), strict=True):
        (place / "drawn" / name).rename(place / "files" / f"{label}_{Path(name).name}")
    return place


@pytest.fixture
def said(
    sets: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> pytest.CaptureFixture[str]:
    """In the folder of the sets, with the names of the files in list.txt and on stdin."""
    monkeypatch.chdir(sets)
    names = [f"files/{file.name}" for file in sorted((sets / "files").iterdir())]
    (sets / "list.txt").write_text("\n".join(names))
    _read_once.cache_clear()
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO("\n".join(names).encode())))
    return capsys


LISTS = [("--files-from", "list.txt"), ("--files-from", "-"), ("-",), ("@list.txt",)]


@pytest.mark.parametrize("given", LISTS)
def test_a_list_is_a_dataset(
    said: pytest.CaptureFixture[str], tmp_path: Path, given: Sequence[str]
) -> None:
    assert run(["check-data", *given, "one", "--format", "json", "--quiet"]) == 0
    report = json.loads(said.readouterr().out)
    assert (report["images"], report["labels"]["charset"]) == (18, "AB")
    out = str(tmp_path / "out")
    assert run(["convert", *given, "two", out, "--format", "lmdb", "--quiet"]) == 0
    assert len(open_source(Path(out), want_labels=True)) == 18
    look = ("--init-from", SHIPPED, "--device", "cpu", "--quiet")
    said.readouterr()
    assert run(["suggest", *given, "--count", "6", *look]) == 0
    assert set(said.readouterr().out.split()) == set(Path("list.txt").read_text().split())
    sheet = str(tmp_path / "sheet.png")
    assert run(["neighbors", *given, "one", "two", sheet, "--rows", "2", *look]) == 0


@pytest.mark.parametrize("given", LISTS[1:])
def test_a_training_takes_several_sets_and_lists(
    said: pytest.CaptureFixture[str], tmp_path: Path, given: Sequence[str]
) -> None:
    start = ("--steps", "2", "--batch-size", "4", *_RUN)
    encoder = str(tmp_path / "encoder")
    assert run(["pretrain", *given, "one", "two", "--out", encoder, *start]) == 0
    reader = str(tmp_path / "reader")
    piles = ("--unlabeled", "one", "--unlabeled", "@list.txt")
    told = ["finetune", *given, "two", "--init-from", encoder, "--out", reader, *piles, *start]
    assert run(told) == 0
    config = tomllib.loads((tmp_path / "reader" / "config.toml").read_text())
    assert config["unlabeled"] == ["one", "@list.txt"]
    # The names of both piles are told apart from others when the run is resumed.
    assert run([*told, "--resume"]) == 0
    said.readouterr()
    assert run([*told[: -len(start)], *start, "--resume", "--unlabeled", "two"]) == 2
    assert "started with other settings (unlabeled)" in said.readouterr().err
    assert run(["evaluate", reader, *given, "one", "--format", "json", "--quiet"]) == 0
    assert json.loads(said.readouterr().out)["n"] == 18


def test_one_pile_is_written_as_earlier_versions_did(
    said: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for given, written in (((), None), (("--unlabeled", "a,b"), "a,b")):
        assert run(["finetune", "one", *given, "--print-config"]) == 0
        assert tomllib.loads(said.readouterr().out).get("unlabeled") == written
    file = tmp_path / "begun.toml"
    file.write_text('unlabeled = "a,b"\n')
    assert run(["finetune", "--config", str(file), "--print-config"]) == 0
    assert 'unlabeled = "a,b"' in said.readouterr().out
    file.write_text('unlabeled = ["a", "b"]\n')
    given = ("--set", "unlabeled=none")
    assert run(["finetune", "--config", str(file), *given, "--print-config"]) == 0
    assert "unlabeled" not in tomllib.loads(said.readouterr().out)


def test_a_benchmark_takes_several_sets(said: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    out = tmp_path / "bench"
    assert run(["benchmark", "one", "@list.txt", "--out", str(out), *_TINY]) == 0
    data = json.loads((out / "benchmark.json").read_text())["data"]
    assert data["source"] == "one, @list.txt"
    assert data["pool"] + data["test"] + data["copies_removed"] == 18


def test_predict_takes_lists_in_its_arguments(said: pytest.CaptureFixture[str]) -> None:
    assert run(["predict", "@list.txt", "one", "--quiet", "--no-adapt"]) == 0
    assert len(said.readouterr().out.splitlines()) == 18


@pytest.mark.parametrize("given", [("--files-from", "list.txt"), ("@list.txt",)])
def test_a_list_names_files_and_nothing_else(
    said: pytest.CaptureFixture[str], given: Sequence[str]
) -> None:
    first = sorted(Path("files").iterdir())[0].as_posix()
    Path("list.txt").write_text(f"files\n{first}\n/\nfiles/*.png\n")
    assert run(["predict", *given, "--format", "jsonl", "--quiet"]) == 1
    rows = [json.loads(line) for line in said.readouterr().out.splitlines()]
    folder = "a folder; a list names files"
    told = [(row["path"], row.get("error")) for row in rows]
    expected = [("files", folder), (first, None), ("/", folder), ("files/*.png", "no such file")]
    assert told == expected
    # As in every other command.
    assert run(["check-data", *given, "--format", "json", "--quiet"]) == 1
    rejected = json.loads(said.readouterr().out)["rejected"]
    assert [(row["row"], row["reason"]) for row in rejected] == [expected[0], *expected[2:]]
    Path("list.txt").write_text("\n")
    for command in ("predict", "check-data"):
        assert run([command, *given, "--quiet"]) == 2
        assert "list.txt: no names of files in it" in said.readouterr().err
    Path("list.txt").write_text("/\n")
    for command in (["check-data"], ["pretrain", "--out", "run"], ["finetune", "--out", "run"]):
        assert run([*command, *given, "--quiet"]) == 2
        assert f"names no image, first /: {folder}" in said.readouterr().err


@pytest.mark.parametrize(
    "command", [["check-data"], ["convert", "out", "--format", "lmdb"], ["evaluate", SHIPPED]]
)
def test_without_any_images_the_message_says_what_to_name(
    said: pytest.CaptureFixture[str], command: list[str]
) -> None:
    assert run(command) == 2
    err = said.readouterr().err
    assert "name folders, tables or archives, or --files-from FILE" in err
