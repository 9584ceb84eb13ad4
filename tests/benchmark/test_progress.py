from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from captcha_ssl.benchmark.plan.arms import Arm
from captcha_ssl.benchmark.runs.progress import BenchmarkListener, Countdown
from captcha_ssl.benchmark.runs.records import Row, Trial
from captcha_ssl.duration import duration

SCORE: dict[str, Any] = {
    **{"labels": 200, "lr": 1e-3, "exact_match": 0.5, "cer": 0.2, "converged": True},
    **{"final_loss": 0.1, "steps": 600},
}


def trial(arm: str, seconds: float) -> Trial:
    return Trial(**SCORE, arm=arm, seconds=seconds)


def test_the_time_left_counts_matched_runs_separately():
    lines: list[str] = []
    shown: list[Row] = []
    arms = (Arm("scratch"), Arm("long", match_compute=True))
    progress = Countdown(
        BenchmarkListener(lines.append, shown.append),
        arms,
        {"scratch": 2, "long": 3},
        matched_seconds=300,
        processes=1,
    )
    progress.skipped(trial("scratch", 20))
    assert lines == []
    progress.finished(trial("scratch", 40))
    assert lines[-1].startswith("[2/5] scratch, 200 labels, tuning lr 0.001: exact match 50.0%")
    # Three matched ones are left, each the usual 30 s and 300 s more.
    assert lines[-1].endswith("40 s; about 16 min left")
    progress.finished(replace(trial("long", 330), recipe="ramp=0"))
    assert ", tuning lr 0.001, ramp=0: " in lines[-1]
    progress.finished(trial("long", 330))
    assert shown == []
    row = Row(**SCORE, arm="long", seconds=330, seed=1, pretrain_seed=None)
    progress.finished(row)
    assert lines[-1].endswith("; done")
    assert shown == [row]


def test_self_training_arms_are_expected_to_take_longer():
    lines: list[str] = []
    arms = (Arm("scratch"), Arm("scratch-self-training", self_training=True))
    todo = {"scratch": 2, "scratch-self-training": 2}
    progress = Countdown(BenchmarkListener(lines.append), arms, todo, 0, processes=1)
    progress.finished(trial("scratch", 100))
    assert lines[-1].endswith("about 9 min left")  # 100 s, and twice 2.3 times as long
    progress.finished(trial("scratch", 100))
    progress.finished(trial("scratch-self-training", 300))
    assert lines[-1].endswith("about 5 min left")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (99, "99 s"), (150, "2 min"), (5940, "99 min"), (11_100, "3 h 05 min")],
)
def test_durations_in_words(seconds: float, text: str):
    assert duration(seconds) == text
