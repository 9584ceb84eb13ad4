"""`predict --out FILE --resume` continues in order and reads nothing twice."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from captcha_ssl.cli.main import run


@pytest.fixture(scope="module")
def pile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine pictures, the fifth of them no picture."""
    folder = tmp_path_factory.mktemp("pile") / "pile"
    ask = ("--count", "8", "--style", "fast", "--format", "folder", "--quiet", "--workers", "1")
    assert run(["generate", str(folder), *ask]) == 0
    images = sorted(folder.rglob("*.png"))
    images[3].with_name(images[3].stem + "-damaged.png").write_bytes(b"no picture")
    return folder


def read(pile: Path, out: Path, *more: str) -> int:
    images = [str(image) for image in sorted(pile.rglob("*.png"))]
    return run(["predict", *images, "--out", str(out), "--batch-size", "2", "-q", *more])


@pytest.mark.parametrize("ending", ["jsonl", "tsv"])
@pytest.mark.parametrize("kept", [0, 1, 5, 7])
def test_an_interrupted_file_is_continued_to_the_same_bytes(
    pile: Path, tmp_path: Path, ending: str, kept: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from captcha_ssl.recognition.reading.inputs import Input

    whole = tmp_path / f"whole.{ending}"
    assert read(pile, whole) == 1
    lines = whole.read_bytes().splitlines(keepends=True)
    heads = int(ending == "tsv")
    assert len(lines) == 9 + heads
    broken = tmp_path / f"broken.{ending}"
    # The last line was being written.
    broken.write_bytes(b"".join(lines[: kept + heads]) + lines[kept + heads][:7])
    opened: list[str] = []
    pixels = Input.pixels
    monkeypatch.setattr(Input, "pixels", lambda item: (opened.append(item.name), pixels(item))[1])
    assert read(pile, broken, "--resume") == 1
    assert broken.read_bytes() == whole.read_bytes()
    assert len(opened) == 9 - kept
    # All of it is there: nothing is read, and the failed image still counts.
    opened.clear()
    assert read(pile, broken, "--resume") == 1
    assert not opened and broken.read_bytes() == whole.read_bytes()


def test_a_file_that_cannot_be_continued_is_refused(
    pile: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def said(*arguments: str) -> str:
        assert read(pile, *arguments) == 2  # type: ignore[arg-type]
        return capsys.readouterr().err

    out = tmp_path / "read.jsonl"
    out.write_text(json.dumps({"path": "another.png", "text": "a"}) + "\n")
    before = out.read_bytes()
    assert "add --resume or use another name" in said(out)
    assert "its 1 rows are of other images" in said(out, "--resume")
    assert out.read_bytes() == before
    out.write_text("not JSON\n")
    assert "line 1 is not one of --format jsonl" in said(out, "--resume")
    assert "--resume works with --format jsonl or tsv, not csv" in said(
        tmp_path / "read.csv", "--resume"
    )
    # No way is named that the next call refuses.
    out.with_suffix(".csv").write_text("path,text,confidence,error\n")
    assert "already holds something; use another name" in said(out.with_suffix(".csv"))
    assert run(["predict", str(pile), "--resume"]) == 2
    assert "name it with --out" in capsys.readouterr().err


def test_the_path_of_the_file_is_the_result(
    pile: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "read.jsonl"
    read(pile, out)
    assert capsys.readouterr().out == f"{out}\n"
    rows = [json.loads(line) for line in out.open()]
    assert [row["path"] for row in rows] == [str(image) for image in sorted(pile.rglob("*.png"))]
