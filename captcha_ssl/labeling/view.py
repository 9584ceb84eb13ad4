"""What the page shows: an image with its neighbors, the progress, and the characters so far."""

from __future__ import annotations

import shlex
from collections import Counter
from itertools import islice
from typing import Any

from captcha_ssl.data.name_list import STDIN
from captcha_ssl.labeling.label_state import LabelState

AHEAD, BEHIND = 7, 3
"""The number of further images that the page shows."""


def page_view(state: LabelState, index: int | None, pace: float | None) -> dict[str, Any]:
    """The image `index`, if any, and all that stands beside it.

    `pace` is the mean time of an answer in seconds, if it is known.
    """
    done = state.done()
    here = state.queue.place(index)
    return {
        "review": state.review,
        "finished": index is None or (done >= state.target and not state.answered(index)),
        "table": str(state.answers.path),
        "commands": _commands(state),
        "item": None if index is None else _item(state, index),
        "before": [_item(state, i) for i in _before(state, here)],
        "after": [_item(state, i) for i in islice(state.open(here + 1), AHEAD)],
        "progress": _progress(state, done, pace),
        "characters": _characters(state),
        "lengths": Counter(map(len, state.answers.labels.values())),
    }


def _commands(state: LabelState) -> list[tuple[str, str]]:
    """What a user can do next with the labels: what it is for, and the command."""
    table = shlex.quote(str(state.answers.path))
    # Images from a pipe cannot be read again.
    piles = [shlex.quote(str(path)) for path in state.pile.paths if path != STDIN]
    unlabeled = [word for pile in piles for word in ("--unlabeled", pile)]
    commands = [
        ("Check", ["check-data", table]),
        ("Train", ["finetune", table, *unlabeled, "--out", "runs/reader"]),
    ]
    if piles and not state.review:
        commands.insert(0, ("Find typing errors", ["label", *piles, "--out", table, "--review"]))
    return [(what, " ".join(["captcha-ssl", *words])) for what, words in commands]


def _before(state: LabelState, here: int) -> list[int]:
    shown = (i for i in state.queue.backward(here) if i not in state.guesses.damaged)
    return list(islice(shown, BEHIND))[::-1]


def _item(state: LabelState, index: int) -> dict[str, Any]:
    name = state.name(index)
    reading = state.guesses.readings.get(index)
    label = state.answers.labels.get(name)
    guess: dict[str, Any] | None = None
    if reading is not None:
        sure = [round(value, 3) for value in reading.char_confidences]
        guess = {
            "text": state.guess(index),
            "confidence": reading.confidence,
            "characters": sure,
        }
    return {
        "index": index,
        "name": name,
        "label": label,
        "fill": state.fill.get(index),
        "guess": guess,
        "unreadable": name in state.unreadable.names,
        "answered": state.answered(index),
    }


def _progress(state: LabelState, done: int, pace: float | None) -> dict[str, Any]:
    left = max(0, state.target - done)
    return {
        "done": done,
        "target": state.target,
        "unreadable": len(state.unreadable.names),
        "damaged": len(state.guesses.damaged),
        "per_minute": None if pace is None else 60 / max(pace, 1e-3),
        "seconds_left": None if pace is None else pace * left,
    }


def _characters(state: LabelState) -> list[tuple[str, int]]:
    """Each character with its count in the labels, the rarest first; 0 for those only read."""
    counts = Counter("".join(state.answers.labels.values()))
    for character in state.guesses.characters():
        counts.setdefault(character, 0)
    return sorted(counts.items(), key=lambda pair: (pair[1], pair[0]))
