"""The estimate of the time that a training still takes."""

from __future__ import annotations

from captcha_ssl.cli.training_progress import TimeLeft, left_words


def test_no_time_is_shown_before_two_steps_are_timed():
    left = TimeLeft()
    assert left(50, 1000, 100.0) is None
    assert left_words(None) == left_words(0.0) == ""


def test_a_slow_start_does_not_count():
    left = TimeLeft()
    left(50, 1000, 100.0)  # Half of it went into loading.
    assert left(100, 1000, 110.0) == 180.0
    assert left_words(180.0) == "  about 3 min left"


def test_only_the_latest_steps_count():
    left = TimeLeft()
    now = 0.0
    for step in range(50, 550, 50):
        now += 10.0
        left(step, 1000, now)
    for step in range(550, 900, 50):
        now += 20.0
        seconds = left(step, 1000, now)
    assert seconds == (1000 - 850) * 20.0 / 50
