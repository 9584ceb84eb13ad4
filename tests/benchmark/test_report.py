from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from statistics import fmean

import pytest
from PIL import Image

from captcha_ssl.benchmark.report.caveats import caveats
from captcha_ssl.benchmark.report.plots import PLOT
from captcha_ssl.benchmark.report.report import write_report
from captcha_ssl.benchmark.report.results import Results

FIGURES = {
    ("scratch", 100): [0.21, 0.34, 0.29],
    ("scratch", 400): [0.61, 0.62, 0.66],
    ("simclr", 100): [0.51, 0.72, 0.48],
    ("simclr", 400): [0.71, 0.77, 0.73],
}


def test_the_figures_of_the_report_are_those_of_the_rows(
    results: Callable[..., Results], tmp_path: Path
):
    write_report(tmp_path, results(FIGURES))
    stored = json.loads((tmp_path / "benchmark.json").read_text())
    lines = (tmp_path / "report.md").read_text().splitlines()
    table = {tuple(line.split(" | ")[:2]): line for line in lines if line.startswith("| ")}
    for arm, labels in FIGURES:
        exact = [
            row["exact_match"]
            for row in stored["rows"]
            if (row["arm"], row["labels"]) == (arm, labels)
        ]
        assert exact == FIGURES[arm, labels]
        assert f"| {fmean(exact):.1%} ± " in table[f"| {labels}", arm]
    gain = 100 * (fmean(FIGURES["simclr", 400]) - fmean(FIGURES["scratch", 400]))
    assert f"| {gain:+.1f} ± " in table["| 400", "simclr"]
    assert "0/3" in table["| 400", "simclr"]


def test_the_json_holds_what_a_script_needs(results: Callable[..., Results], tmp_path: Path):
    write_report(tmp_path, results(FIGURES))
    stored = json.loads((tmp_path / "benchmark.json").read_text())
    promised = {"arm", "labels", "seed", "exact_match", "cer", "converged", "seconds", "lr"}
    assert all(promised <= row.keys() for row in stored["rows"])
    assert {"rows", "summary", "tuning", "settings", "environment"} <= stored.keys()
    assert stored["settings"]["label_counts"] == [100, 400]
    assert stored["settings"]["temperature"] > 0
    assert [t["lr"] for t in stored["tuning"] if t["chosen"]] == [3e-3] * 4
    (factor,) = (
        entry["savings"]["factor"]
        for entry in stored["summary"]
        if (entry["arm"], entry["labels"]) == ("simclr", 100)
    )
    assert 1 < factor < 4


def test_the_command_is_quoted_and_the_picture_shown(
    results: Callable[..., Results], tmp_path: Path
):
    write_report(tmp_path, results(FIGURES))
    report = (tmp_path / "report.md").read_text()
    assert "```\ncaptcha-ssl benchmark --out x\n```" in report
    assert f"]({PLOT})" in report
    with Image.open(tmp_path / PLOT) as picture:
        assert picture.format == "PNG"
        assert picture.width > 800


@pytest.mark.parametrize(
    ("figures", "settings", "warned", "not_warned"),
    [
        ({("scratch", 9): [0.0, 0.2], ("simclr", 9): [0.5, 0.6]}, (), "is void", "One seed"),
        ({("scratch", 9): [0.1, 0.2], ("simclr", 9): [0.5, 0.6]}, (), "2 seeds", "is void"),
        ({("scratch", 9): [0.1], ("simclr", 9): [0.5]}, (), "One seed", "wide intervals"),
        ({("simclr", 9): [0.1, 0.2]}, (), "no baseline to measure a gain against", "is void"),
        (
            {("scratch", 9): [0.1, 0.2], ("simclr", 9): [0.5, 0.6]},
            ("lr_grid=3e-4,1e-3,3e-3", "head_lr_grid=1,2,3"),
            "at an end of its grid for scratch at 9 (0.003), simclr at 9 (0.003)",
            "Few learning rates",
        ),
    ],
)
def test_the_caveats_fit_the_case(
    results: Callable[..., Results],
    figures: dict[tuple[str, int], list[float]],
    settings: tuple[str, ...],
    warned: str,
    not_warned: str,
):
    text = "\n".join(caveats(results(figures, *settings)))
    assert warned in text
    assert not_warned not in text


def test_nothing_in_a_name_or_a_label_is_html_in_the_report():
    from captcha_ssl.benchmark.report.blocks import Gallery, Items, Table, Text
    from captcha_ssl.benchmark.report.markdown import markdown
    from captcha_ssl.benchmark.runs.details import Misreading

    evil = "<img src=x onerror=alert(1)>"
    misread = Misreading("", f"A\n\n{evil}`", evil)
    blocks = [Text(evil), Items([evil]), Table([evil], [[evil]], ()), Gallery("t", [misread])]
    outside_code = re.sub(r"(`+) ?.*?\1", "", markdown(blocks))
    assert "<" not in outside_code
