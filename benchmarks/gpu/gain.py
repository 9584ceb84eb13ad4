"""Does pretraining help there too, and how much of it? `captcha-ssl benchmark` on rendered images.

Its folder is kept: if the time is over before it ends, the next call goes on.
"""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.gpu.command import captcha_ssl
from benchmarks.gpu.record import Part, Parts
from benchmarks.gpu.sizes import Sizes


def parts(sizes: Sizes, scratch: Path) -> Parts:
    """One part: the experiment."""
    return {"benchmark": partial(_gain, sizes, scratch / "benchmark")}


def _gain(sizes: Sizes, out: Path) -> Part:
    changed = [word for setting in sizes.benchmark for word in ("--set", setting)]
    again = ["--resume"] * out.exists()
    seconds = captcha_ssl("benchmark", "--out", out, "--device", sizes.device, *changed, *again)
    found = json.loads((out / "benchmark.json").read_text(encoding="utf-8"))
    figures = [_figures(entry) for entry in found["summary"]]
    merged = {name: value for of_arm in figures for name, value in of_arm.items()}
    return Part({**merged, "whole command": (seconds, "s")}, found)


def _figures(entry: dict[str, Any]) -> dict[str, tuple[float | str, str]]:
    arm, runs = f"{entry['arm']}, {entry['labels']} labels", entry["runs"]
    figures: dict[str, tuple[float | str, str]] = {
        f"{arm}: exact match, mean of {runs}": (100 * entry["exact_match"]["mean"], "%"),
        f"{arm}: never left the CTC plateau": (f"{entry['stuck']} of {runs}", "runs"),
    }
    if entry["gain"]:
        mean, low, high = (100 * entry["gain"][key] for key in ("mean", "low", "high"))
        gained = "void" if entry["void"] else mean
        figures[f"{arm}: gain over {entry['baseline']}"] = (gained, "points")
        figures[f"{arm}: 95% interval of the gain"] = (f"{low:.1f} to {high:.1f}", "points")
    return figures
