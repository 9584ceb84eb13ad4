"""A labeling session: the next image, the labels, undo, and the progress."""

from __future__ import annotations

import shlex
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import RLock
from typing import Any, Protocol

from captcha_ssl.data.name_list import STDIN
from captcha_ssl.errors import UserError
from captcha_ssl.labeling.answers import Answers, NameList
from captcha_ssl.labeling.guesses import Guesses
from captcha_ssl.labeling.order import in_front
from captcha_ssl.labeling.pile import Pile

AHEAD, BEHIND = 7, 3
"""The number of further images that the page shows."""
LONGEST_LABEL = 256
_LONGEST_PAUSE = 60.0
"""Seconds; a longer gap between two answers counts as a break."""
_GAPS = 30
_ENOUGH_TO_KNOW = 10
"""From this many labels on, the session assumes one case if all letters so far have one case."""


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
    """The position of the image before it was skipped."""


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
        self.pile, self.answers, self.guesses = pile, answers, guesses
        self.target, self.review, self.learner = target, review, learner
        self.unreadable = NameList(_beside(answers.path, "unreadable"))
        self.reviewed = NameList(_beside(answers.path, "reviewed")) if review else None
        self._lock = RLock()
        self._names = {
            found: name for name in answers.labels if (found := pile.find(name)) is not None
        }
        self._fill: dict[int, str] = {}
        self._steps: list[_Step] = []
        self._gaps: deque[float] = deque(maxlen=_GAPS)
        self._last: float | None = None
        self._skipped: set[int] = set()
        first = self._unfinished()
        self._set_order(in_front([first], order) if first is not None else list(order))

    # What the page asks for.

    def view(self, index: int | None = None) -> dict[str, Any]:
        """The image `index`, or the next one without an answer, and everything shown with it."""
        with self._lock:
            if index is not None and index not in self._place:
                raise UserError("there is no such image")
            if index is None:
                index = next(self._open(0), None)
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
            step, name = self._begin(index), self._name(index)
            fresh, guess = name not in self.answers.labels, self._guess(index)
            self.answers.put(name, label)
            self._names[index] = name
            self.unreadable.remove(name)
            if guess is not None and (fresh or self.review):
                self.guesses.judge(guess == label)
            self._finish(step)
            if self.learner is not None:
                self.learner.note(self.answers.labels)
            return self._view(self._after(index))

    def set_aside(self, index: int) -> dict[str, Any]:
        """Mark an image unreadable, without a label; returns the view of the next one."""
        with self._lock:
            step, name = self._begin(index), self._name(index)
            self.unreadable.add(name)
            self.answers.remove(name)
            self._finish(step)
            return self._view(self._after(index))

    def skip(self, index: int) -> dict[str, Any]:
        """Move an image to the end; returns the view of the next one."""
        with self._lock:
            step = self._begin(index)
            following = next(self._open(self._place[index] + 1), None)
            self._place[index] = len(self._order)
            self._order.append(index)
            self._skipped.add(index)
            self._steps.append(step)
            return self._view(index if following is None else following)

    def undo(self) -> dict[str, Any]:
        """Undo the last answer or skip; returns the view of its image."""
        with self._lock:
            if not self._steps:
                raise UserError("there is nothing to undo")
            step = self._steps[-1]
            name = self._name(step.index)
            if step.label is None:
                self.answers.remove(name)
            else:
                self.answers.put(name, step.label)
            (self.unreadable.add if step.unreadable else self.unreadable.remove)(name)
            if self.reviewed is not None and not step.reviewed:
                self.reviewed.remove(name)
            if step.place is not None:
                self._place[step.index] = step.place
                self._skipped.discard(step.index)
            self._steps.pop()
            return self._view(step.index)

    def more(self, count: int) -> dict[str, Any]:
        """Raise the target to `count` more labels than there are."""
        with self._lock:
            self.target = max(self.target, self._done()) + count
            return self.view()

    def adopt(self, guesses: Guesses, order: Sequence[int] | None) -> None:
        """Guess with another recognizer from now on, and in another order if there is one."""
        with self._lock:
            self.guesses = guesses
            if order is not None:
                self._set_order(order)

    def model(self) -> dict[str, Any] | None:
        """The model that guesses, its share of right guesses, and the state of the next model."""
        right, judged = self.guesses.score()
        status = self.learner.status() if self.learner else {}
        if self.guesses.reader is None and not status:
            return None
        name = self.guesses.name if self.guesses.reader is not None else None
        return {"name": name, "right": right, "judged": judged, **status}

    # The state of the images.

    def _set_order(self, order: Sequence[int]) -> None:
        self._order = list(order)
        self._place = {index: place for place, index in enumerate(self._order)}

    def _unfinished(self) -> int | None:
        """The image whose row is incomplete; the rest of its label becomes the guess."""
        if self.answers.unfinished is None:
            return None
        name, label = self.answers.unfinished
        index = self.pile.find(name)
        if index is not None and label:
            self._fill[index] = label
        return index

    def _name(self, index: int) -> str:
        """The name of an image in the table."""
        return self._names.get(index, self.pile.names[index])

    def _answered(self, index: int) -> bool:
        name = self._name(index)
        if self.reviewed is not None:
            return name in self.reviewed.names
        return name in self.answers.labels or name in self.unreadable.names

    def _open(self, place: int) -> Iterator[int]:
        """The images from a position on that have no answer and can be shown."""
        for here in range(place, len(self._order)):
            index = self._order[here]
            if self._place[index] == here and not self._answered(index):
                if index not in self.guesses.damaged:
                    self.guesses.read([index])
                if index not in self.guesses.damaged:
                    yield index

    def _after(self, index: int) -> int | None:
        """The next image to be labeled; from the start again if there is none after this one."""
        following = next(self._open(self._place[index] + 1), None)
        return next(self._open(0), None) if following is None else following

    def _begin(self, index: int) -> _Step:
        if index not in self._place:
            raise UserError("there is no such image")
        name = self._name(index)
        reviewed = self.reviewed is not None and name in self.reviewed.names
        return _Step(
            index,
            self.answers.labels.get(name),
            name in self.unreadable.names,
            reviewed,
            self._place[index],
        )

    def _finish(self, step: _Step) -> None:
        if self.reviewed is not None:
            self.reviewed.add(self._name(step.index))
        now = time.monotonic()
        if self._last is not None and now - self._last < _LONGEST_PAUSE:
            self._gaps.append(now - self._last)
        self._last = now
        self._steps.append(step)

    def _done(self) -> int:
        if self.reviewed is None:
            return len(self.answers)
        return sum(map(self._answered, self._place))

    # What the page shows.

    def _view(self, index: int | None) -> dict[str, Any]:
        done = self._done()
        finished = index is None or (done >= self.target and not self._answered(index))
        here = len(self._order) if index is None else self._place[index]
        after: list[int] = []
        for following in self._open(here + 1):
            after.append(following)
            if len(after) == AHEAD:
                break
        return {
            "review": self.review,
            "finished": finished,
            "table": str(self.answers.path),
            "commands": self._commands(),
            "item": None if index is None else self._item(index),
            "before": [self._item(i) for i in self._before(here)],
            "after": [self._item(i) for i in after],
            "progress": self._progress(done),
            "characters": self._characters(),
            "lengths": Counter(map(len, self.answers.labels.values())),
            "model": self.model(),
            "can_undo": bool(self._steps),
        }

    def _commands(self) -> list[tuple[str, str]]:
        """What a user can do next with the labels: what it is for, and the command."""
        table = shlex.quote(str(self.answers.path))
        # What came through a pipe is gone.
        piles = [shlex.quote(str(path)) for path in self.pile.paths if path != STDIN]
        unlabeled = [word for pile in piles for word in ("--unlabeled", pile)]
        commands = [
            ("Check", ["check-data", table]),
            ("Train", ["finetune", table, *unlabeled, "--out", "runs/reader"]),
        ]
        if piles and not self.review:
            commands.insert(
                0, ("Find typing errors", ["label", *piles, "--out", table, "--review"])
            )
        return [(what, " ".join(["captcha-ssl", *words])) for what, words in commands]

    def _before(self, here: int) -> list[int]:
        found: list[int] = []
        for place in range(here - 1, -1, -1):
            index = self._order[place]
            if self._place[index] == place and index not in self.guesses.damaged:
                found.append(index)
                if len(found) == BEHIND:
                    break
        return found[::-1]

    def _item(self, index: int) -> dict[str, Any]:
        name = self._name(index)
        reading = self.guesses.readings.get(index)
        label = self.answers.labels.get(name)
        guess: dict[str, Any] | None = None
        if reading is not None:
            sure = [round(value, 3) for value in reading.char_confidences]
            guess = {
                "text": self._guess(index),
                "confidence": reading.confidence,
                "characters": sure,
            }
        return {
            "index": index,
            "name": name,
            "label": label,
            "fill": self._fill.get(index),
            "guess": guess,
            "unreadable": name in self.unreadable.names,
            "answered": self._answered(index),
            "skipped": index in self._skipped,
        }

    def _guess(self, index: int) -> str | None:
        """The reading, in upper or lower case if all letters typed so far have that case."""
        reading = self.guesses.readings.get(index)
        if reading is None:
            return None
        text = cased = reading.text
        if len(self.answers) >= _ENOUGH_TO_KNOW:
            typed = "".join(self.answers.labels.values())
            upper, lower = typed == typed.upper(), typed == typed.lower()
            if upper != lower:
                cased = text.upper() if upper else text.lower()
        # A few letters become two, and the number of confidences would be wrong.
        return cased if len(cased) == len(text) else text

    def _progress(self, done: int) -> dict[str, Any]:
        pace = sum(self._gaps) / len(self._gaps) if len(self._gaps) >= 3 else None
        left = max(0, self.target - done)
        return {
            "done": done,
            "target": self.target,
            "unreadable": len(self.unreadable.names),
            "damaged": len(self.guesses.damaged),
            "per_minute": None if pace is None else 60 / max(pace, 1e-3),
            "seconds_left": None if pace is None else pace * left,
        }

    def _characters(self) -> list[tuple[str, int]]:
        """Each character with its count in the labels, the rarest first; 0 for those only read."""
        counts = Counter("".join(self.answers.labels.values()))
        for character in self.guesses.characters():
            counts.setdefault(character, 0)
        return sorted(counts.items(), key=lambda pair: (pair[1], pair[0]))


def _beside(table: Path, what: str) -> Path:
    return table.with_name(f"{table.stem}-{what}.txt")
