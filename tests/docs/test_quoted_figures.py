"""The gain that README.md quotes, computed again from the runs of its benchmark."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from statistics import mean

ROOT = Path(__file__).parents[2]
RUNS = ROOT / "docs" / "results" / "standard-500.json.gz"


def misread(arm: str) -> str:
    """The texts that an arm misreads at 500 labels, in percent, as the mean over the seeds."""
    rows = json.loads(gzip.decompress(RUNS.read_bytes()))["rows"]
    found = [row["exact_match"] for row in rows if (row["arm"], row["labels"]) == (arm, 500)]
    assert len(found) == 3
    return f"{100 * (1 - mean(found)):.1f}%"


def test_the_gain_in_the_readme_is_that_of_its_runs() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    gain = text.partition("## The gain")[2].partition("##")[0]
    arms = ("scratch", "simclr-self-training", "scratch-self-training", "simclr")
    assert re.findall(r"\d+\.\d%", gain) == [misread(arm) for arm in arms]
    command = json.loads(gzip.decompress(RUNS.read_bytes()))["command"]
    assert command in (ROOT / "docs" / "results" / "standard-500.md").read_text(encoding="utf-8")


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
