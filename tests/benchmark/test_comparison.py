from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from captcha_ssl.benchmark.report.comparison import columns, lines, ranked, table, worth_comparing
from captcha_ssl.benchmark.report.comparison_plot import COMPARISON_PLOT
from captcha_ssl.benchmark.report.report import write_report
from captcha_ssl.benchmark.report.results import Results
from captcha_ssl.benchmark.runs.pretraining import EncoderRun

FIGURES = {
    ("scratch", 50): [0.2, 0.3],
    ("simclr", 50): [0.5, 0.6],
    ("moco", 50): [0.7, 0.6],
    ("vicreg", 50): [0.1, 0.0],
    ("moco-frozen", 50): [0.3, 0.3],
    ("random-frozen", 50): [0.01, 0.02],
}


@pytest.fixture
def compared(results: Callable[..., Results], tmp_path: Path) -> Results:
    file = tmp_path / "model.safetensors"
    file.touch()
    figures = dict.fromkeys(("deviation", "alignment", "uniformity"), 0.5)
    figures |= {"place_accuracy": 0.61, "place_chance": 0.2, "effective_rank": 42.4}
    pretrained = [EncoderRun(m, 0, file, 9, 30.0, figures) for m in ("simclr", "moco", "vicreg")]
    made = results(FIGURES, "methods=simclr,moco,vicreg")
    return replace(made, pretrained=pretrained)


def test_a_method_has_one_line_with_what_it_reads_fine_tuned_and_frozen(compared: Results) -> None:
    heads = columns(compared)
    rows = {row[0]: dict(zip(heads, row, strict=True)) for row in table(compared)}
    assert list(rows) == ["scratch", "random-frozen", "simclr", "moco", "vicreg"]
    assert rows["moco"]["fine-tuned 50"].startswith("65.0% ±")
    assert rows["moco"]["frozen 50"] == "30.0% ± 0.0, CER 23%"
    assert rows["moco"]["gain 50"].startswith("+40.0 ±")
    assert rows["moco"]["place accuracy"] == "61%"
    assert rows["moco"]["effective rank"] == "42.4"
    assert rows["moco"]["pretraining"] == "30 s"
    assert rows["simclr"]["frozen 50"] == "–"
    assert rows["scratch"]["gain 50"] == rows["scratch"]["place accuracy"] == "–"
    assert "(1/2 stuck)" in rows["vicreg"]["fine-tuned 50"]


def test_the_best_method_comes_first_and_what_was_not_fine_tuned_last(compared: Results) -> None:
    names = [line.name for line in ranked(lines(compared), 50)]
    assert names == ["moco", "simclr", "scratch", "vicreg", "random-frozen"]


def test_the_report_of_many_methods_has_their_table_and_their_picture(
    compared: Results, tmp_path: Path
) -> None:
    write_report(tmp_path, compared)
    report = (tmp_path / "report.md").read_text()
    assert "| moco | 65.0% ±" in report
    assert f"]({COMPARISON_PLOT})" in report
    with Image.open(tmp_path / COMPARISON_PLOT) as picture:
        assert picture.format == "PNG"
        assert picture.width > 800


def test_one_or_two_methods_need_no_comparison(compared: Results) -> None:
    assert worth_comparing(compared)
    assert not worth_comparing(replace(compared, pretrained=compared.pretrained[:2]))
