"""README.md: its pictures read as it says, its commands run, and it is short."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from captcha_ssl.api import Reader

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")


def test_it_can_be_read_in_three_minutes() -> None:
    assert len(TEXT.split()) < 900


def test_the_shipped_model_reads_the_images_as_shown() -> None:
    pictures, texts = (
        re.findall(pattern, line)
        for pattern, line in zip(
            (r"\((docs/pictures/read-\w+\.png)\)", r"`(\w+)`"),
            (line for line in TEXT.splitlines() if "read-captcha" in line or "`PM14A`" in line),
            strict=True,
        )
    )
    assert len(pictures) == 3
    digits = Reader(charset="0123456789")
    for picture, text in zip(pictures, texts, strict=True):
        reader = digits if text.isdigit() else Reader()
        assert [reading.text for reading in reader.read(ROOT / picture)] == [text]


@pytest.mark.slow
def test_its_commands_run_in_order(tmp_path: Path, of_these_sources: dict[str, str]) -> None:
    made = "--count 60 --charset 0123456789 --format folder --quiet"
    lines = [f"captcha-ssl generate {name} {made}" for name in ("labeled", "labeled-test", "new")]
    lines += ["cp -r labeled/images images", "cp new/images/00000.png image.png"]
    blocks = "".join(re.findall(r"^```sh\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL))
    for line in re.findall(r"^captcha-ssl .*$", blocks, re.MULTILINE):
        if line.split()[1] == "label":  # A page for a person; tests/labeling visits it.
            lines.append("head -30 labeled/labels.csv > images/labels.csv")
        else:
            lines.append(line.partition("#")[0])
            if line.split()[1] in ("pretrain", "adapt", "finetune"):
                lines[-1] += " --steps 2 --batch-size 8"
    assert len(lines) > 10
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", "\n".join(lines)],
        cwd=tmp_path,
        env=of_these_sources,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for run in ("reader", "own"):
        assert (tmp_path / "runs" / run / "model.onnx").is_file()
