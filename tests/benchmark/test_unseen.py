"""Images of a style that no run learns from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest

from captcha_ssl.benchmark.plan.config import BenchmarkConfig
from captcha_ssl.benchmark.report.report import write_report
from captcha_ssl.benchmark.report.results import Results
from captcha_ssl.benchmark.report.summary import summarize
from captcha_ssl.benchmark.runs import job
from captcha_ssl.config import Given
from captcha_ssl.data.dataset import Dataset, load_dataset
from captcha_ssl.errors import UserError
from captcha_ssl.recognition.evaluation.evaluate import evaluate

pytestmark = pytest.mark.slow


def configure(**given: Any) -> BenchmarkConfig:
    return BenchmarkConfig.read(Given(**given))


Run = Callable[..., Results]
HEADING = "## In a style that no run is trained on"


@pytest.fixture
def scored(monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[str], float]]:
    """The labels of everything that was read, and the exact match."""
    found: list[tuple[list[str], float]] = []

    def watched(recognizer: Any, data: Dataset) -> Any:
        read = evaluate(recognizer, data)
        found.append((list(data.labels or []), read.exact_match))
        return read

    monkeypatch.setattr(job, "evaluate", watched)
    return found


def test_every_reported_run_reads_them_and_no_trial_does(
    run: Run, scored: list[tuple[list[str], float]], tmp_path: Path
) -> None:
    out, settings = tmp_path / "out", ("unseen_style=fast", "label_counts=4", "length=2")
    results = run(out, *settings)
    drawn = load_dataset(out / "unseen-data", labeled=True)
    assert len(drawn) == results.data["unseen"] == 10
    assert all(len(label) == 2 and set(label) <= set("ABC") for label in drawn.labels or [])
    read = [exact for labels, exact in scored if labels == list(drawn.labels or [])]
    assert read == [row.unseen for row in results.rows]
    assert len(scored) == 2 * len(results.rows) + len(results.trials)
    assert HEADING in (out / "report.md").read_text()
    assert (
        "Each reported run also reads 10 images rendered in the style fast"
        in (out / "report.md").read_text()
    )
    again = run(out, *settings, resume=True)
    assert again.rows == results.rows


def test_the_gain_there_is_paired_over_the_baseline_of_the_test_images(
    results: Callable[..., Results], tmp_path: Path
) -> None:
    plain = results({("scratch", 100): [0.5, 0.7], ("simclr", 100): [0.8, 0.8]})
    write_report(tmp_path / "without", plain)
    assert HEADING not in (tmp_path / "without/report.md").read_text()

    unseen = {"scratch": [0.2, 0.4], "simclr": [0.3, 0.6]}
    rows = [replace(row, unseen=unseen[row.arm][row.seed - 1]) for row in plain.rows]
    entries = summarize(rows, plain.configuration.arms)
    scratch, simclr = entries
    assert scratch.unseen_gain is None
    assert simclr.unseen is not None and simclr.unseen_gain is not None
    assert simclr.unseen.mean == pytest.approx(fmean(unseen["simclr"]))
    # Differences 0.1 and 0.2: half = 12.7062 · 0.0707107 / √2.
    assert simclr.unseen_gain.mean == pytest.approx(0.15)
    assert simclr.unseen_gain.high == pytest.approx(0.15 + 0.63531, abs=1e-5)

    found = replace(plain, rows=rows, entries=entries, data=plain.data | {"unseen": 10})
    write_report(tmp_path / "with", found)
    report = (tmp_path / "with/report.md").read_text()
    assert "| 100 | simclr | 45.0% ± 190.6 | +15.0 ± 63.5 | scratch |" in report.split(HEADING)[1]


@pytest.mark.parametrize(
    "settings",
    [
        ("unseen_style=classic",),
        ("style=plain,wavy", "unseen_style=wavy,fast"),
        ("unseen_style=fast", "arms=scratch,synthetic"),
    ],
)
def test_a_style_that_is_trained_on_is_refused(settings: tuple[str, ...]) -> None:
    with pytest.raises(UserError, match="is learned from; name another style"):
        configure(assignments=settings)


def test_images_of_the_user_have_no_style() -> None:
    configure(assignments=["unseen_style=classic"], flags={"data": Path("own")})


def test_a_style_of_the_preset_that_is_turned_off_stays_so_in_the_written_settings(
    tmp_path: Path,
) -> None:
    begun = configure(assignments=["preset=standard", "unseen_style=none"])
    for comments in (False, True):
        (tmp_path / "config.toml").write_text(begun.to_toml(comments=comments))
        again = configure(file=tmp_path / "config.toml")
        assert again.benchmark.unseen_style is None
        assert again.to_toml() == begun.to_toml()


def test_a_style_that_lacks_a_character_is_refused_before_anything_is_written(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("captcha_ssl.synthesis.render._stands_alone", lambda c: c != "B")
    with pytest.raises(UserError, match="'fast' cannot draw 'B'"):
        run(tmp_path / "out", "unseen_style=fast", "label_counts=4", "length=2", "seed=7")
    assert not (tmp_path / "out").exists()
