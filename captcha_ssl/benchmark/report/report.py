"""benchmark.json, the pictures, and the report as Markdown and as one HTML file."""

from __future__ import annotations

import json
from pathlib import Path

from captcha_ssl.atomic import atomic_write_text
from captcha_ssl.benchmark.report.comparison import worth_comparing
from captcha_ssl.benchmark.report.comparison_plot import COMPARISON_PLOT, plot_comparison
from captcha_ssl.benchmark.report.content import DATA, content
from captcha_ssl.benchmark.report.learning_curves import CURVES_PLOT, plot_curves
from captcha_ssl.benchmark.report.markdown import markdown
from captcha_ssl.benchmark.report.plots import PLOT, plot_accuracy
from captcha_ssl.benchmark.report.results import Results
from captcha_ssl.benchmark.report.web_page import web_page

REPORT, PAGE = "report.md", "report.html"


def write_report(out: Path, results: Results) -> None:
    """Write everything into `out`, each file atomically. Raises OSError."""
    text = json.dumps(results.to_json(), indent=2, ensure_ascii=False)
    atomic_write_text(out / DATA, text + "\n")
    if worth_comparing(results):
        plot_comparison(out / COMPARISON_PLOT, results)
    else:
        plot_accuracy(out / PLOT, results)
    if results.details:
        plot_curves(out / CURVES_PLOT, results)
    blocks = list(content(results))
    atomic_write_text(out / REPORT, markdown(blocks))
    title = f"captcha-ssl benchmark: {results.data['source']}"
    atomic_write_text(out / PAGE, web_page(title, blocks, out))
