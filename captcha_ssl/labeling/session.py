"""A labeling session: the answers of the page, undo, and the pace."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from threading import RLock
from typing import Any, Protocol

from captcha_ssl.errors import UserError
from captcha_ssl.labeling.answers import Answers
from captcha_ssl.labeling.guesses import Guesses
from captcha_ssl.labeling.label_state import LabelState
from captcha_ssl.labeling.pile import Pile
from captcha_ssl.labeling.queue import Queue
from captcha_ssl.labeling.view import page_view

LONGEST_LABEL = 256
_LONGEST_PAUSE = 60.0
"""Seconds; a longer gap between two answers counts as a break."""
_GAPS, _FEWEST_GAPS = 30, 3
"""The latest gaps between answers that make the pace, and how many it takes."""


class Learner(Protocol):
    """Trains a recognizer on the labels so far, while the user continues."""

    def note(self, labels: dict[str, str]) -> None:
        """Called after each new label, with all of them."""

    def status(self) -> dict[str, Any]:
        """Its state for the page."""


@dataclass(frozen=True)
class _Step:
    """How to undo an answer."""

    index: int
    label: str | None
    unreadable: bool
    reviewed: bool
    place: int | None = None
    """The position of the image before it was skipped, if it was."""


class Session:
    """Labels images in `order`, or reviews labels, up to `target` of them.

    Methods may be called from several threads. Those that store an answer write it to disk before
    they return; if they raise OSError, nothing has changed.
    """

    def __init__(
        self,
        pile: Pile,
        answers: Answers,
        guesses: Guesses,
        order: Sequence[int],
        *,
        target: int,
        review: bool = False,
        learner: Learner | None = None,
    ) -> None:
        self.state = LabelState(pile, answers, guesses, order, target, review)
        self.learner = learner
        self._lock = RLock()
        self._steps: list[_Step] = []
        self._gaps: deque[float] = deque(maxlen=_GAPS)
        self._last: float | None = None

    @property
    def pile(self) -> Pile:
        """The images."""
        return self.state.pile

    @property
    def answers(self) -> Answers:
        """The table of labels."""
        return self.state.answers

    @property
    def guesses(self) -> Guesses:
        """The readings of the model."""
        return self.state.guesses

    def view(self, index: int | None = None) -> dict[str, Any]:
        """The image `index`, or the next one without an answer, and everything shown with it."""
        with self._lock:
            if index is not None and index not in self.state.queue:
                raise UserError("there is no such image")
            if index is None:
                index = next(self.state.open(0), None)
            return self._view(index)

    def answer(self, index: int, label: str) -> dict[str, Any]:
        """Store the label of an image; returns the view of the next one.

        Raises UserError, OSError.
        """
        label = label.strip()
        if not label:
            raise UserError("type the text of the image, or mark it unreadable")
        if len(label) > LONGEST_LABEL or not label.isprintable():
            raise UserError(f"a label has at most {LONGEST_LABEL} printable characters")
        with self._lock:
            step, guess = self._before(index), self.state.guess(index)
            self.state.put(index, label)
            fresh = step.label is None
            if guess is not None and (fresh or self.state.review):
                self.guesses.judge(guess == label)
            self._finish(step)
            if self.learner is not None:
                self.learner.note(self.answers.labels)
            return self._view(self.state.after(index))

    def set_aside(self, index: int) -> dict[str, Any]:
        """Mark an image unreadable, without a label; returns the view of the next one."""
        with self._lock:
            step, name = self._before(index), self.state.name(index)
            self.state.unreadable.add(name)
            self.answers.remove(name)
            self._finish(step)
            return self._view(self.state.after(index))

    def skip(self, index: int) -> dict[str, Any]:
        """Move an image to the end; returns the view of the next one."""
        with self._lock:
            step, place = self._before(index), self.state.queue.place(index)
            self._steps.append(replace(step, place=place))
            following = next(self.state.open(place + 1), None)
            self.state.queue.skip(index)
            return self._view(index if following is None else following)

    def undo(self) -> dict[str, Any]:
        """Undo the last answer or skip; returns the view of its image."""
        with self._lock:
            if not self._steps:
                raise UserError("there is nothing to undo")
            step = self._steps[-1]
            name = self.state.name(step.index)
            if step.label is None:
                self.answers.remove(name)
            else:
                self.answers.put(name, step.label)
            (self.state.unreadable.add if step.unreadable else self.state.unreadable.remove)(name)
            if self.state.reviewed is not None and not step.reviewed:
                self.state.reviewed.remove(name)
            if step.place is not None:
                self.state.queue.put_back(step.index, step.place)
            self._steps.pop()
            return self._view(step.index)

    def more(self, count: int) -> dict[str, Any]:
        """Raise the target to `count` more labels than there are."""
        with self._lock:
            self.state.target = max(self.state.target, self.state.done()) + count
            return self.view()

    def adopt(self, guesses: Guesses, order: Sequence[int] | None) -> None:
        """Guess with another recognizer from now on, and in another order if there is one."""
        with self._lock:
            self.state.guesses = guesses
            if order is not None:
                self.state.queue = Queue(order)
                # The old positions mean nothing in it.
                self._steps = [replace(step, place=None) for step in self._steps]

    def model(self) -> dict[str, Any] | None:
        """The model that guesses, its share of right guesses, and the state of the next model."""
        right, judged = self.guesses.score()
        status = self.learner.status() if self.learner else {}
        if self.guesses.reader is None and not status:
            return None
        name = self.guesses.name if self.guesses.reader is not None else None
        return {"name": name, "right": right, "judged": judged, **status}

    def _before(self, index: int) -> _Step:
        """How to undo what happens next to an image."""
        if index not in self.state.queue:
            raise UserError("there is no such image")
        name, reviewed = self.state.name(index), self.state.reviewed
        return _Step(
            index,
            self.answers.labels.get(name),
            name in self.state.unreadable.names,
            reviewed is not None and name in reviewed.names,
        )

    def _finish(self, step: _Step) -> None:
        if self.state.reviewed is not None:
            self.state.reviewed.add(self.state.name(step.index))
        now = time.monotonic()
        if self._last is not None and now - self._last < _LONGEST_PAUSE:
            self._gaps.append(now - self._last)
        self._last = now
        self._steps.append(step)

    def _view(self, index: int | None) -> dict[str, Any]:
        gaps = self._gaps
        pace = sum(gaps) / len(gaps) if len(gaps) >= _FEWEST_GAPS else None
        return {
            **page_view(self.state, index, pace),
            "model": self.model(),
            "can_undo": bool(self._steps),
        }
