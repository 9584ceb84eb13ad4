"""The gain that README.md quotes, computed again from the runs of its benchmark."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from statistics import mean

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "docs" / "results"


def misread(file: str, arm: str, labels: int = 500) -> str:
    """The texts that an arm misreads, in percent, as the mean over the seeds of a benchmark."""
    rows = json.loads(gzip.decompress((RESULTS / file).read_bytes()))["rows"]
    found = [row["exact_match"] for row in rows if (row["arm"], row["labels"]) == (arm, labels)]
    assert len(found) >= 4
    return f"{100 * (1 - mean(found)):.1f}%"


def test_the_gain_in_the_readme_is_that_of_its_runs() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    gain = text.partition("## The gain")[2].partition("##")[0]
    runs, arms = "standard.json.gz", ("scratch", "simclr-self-training", "scratch-self-training")
    assert re.findall(r"\d+\.\d%", gain) == [
        *(misread(runs, arm) for arm in (*arms, "simclr")),
        misread(runs, "scratch", 2500),
        misread("gpu-small-500.json.gz", "scratch"),
        misread("gpu-small-500.json.gz", "simclr:pretrain_steps=12000-self-training"),
    ]
    command = json.loads(gzip.decompress((RESULTS / runs).read_bytes()))["command"]
    assert command in (RESULTS / "standard.md").read_text(encoding="utf-8")


def test_what_is_read_without_a_label_is_as_measured() -> None:
    found = json.loads((ROOT / "docs/results/no-labels.json").read_text(encoding="utf-8"))
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    part = text.partition("## Without a label")[2].partition("##")[0]
    dots = found["captcha_ds_dots"]
    assert re.findall(r"\d+\.\d%", part) == [f"{dots[key]:.1%}" for key in ("before", "after")]
    page = (ROOT / "docs/results/no-labels.md").read_text(encoding="utf-8")
    for name, row in found.items():
        shares = " | ".join(f"{row[key]:.1%}" for key in ("sure", "right", "before", "after"))
        assert f"{name} | {shares} |" in page.replace("`", "")
