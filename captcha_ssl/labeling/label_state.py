"""The images of a labeling session: their labels, guesses and order, and which are open."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from captcha_ssl.labeling.answers import Answers, NameList
from captcha_ssl.labeling.guesses import Guesses
from captcha_ssl.labeling.order import in_front
from captcha_ssl.labeling.pile import Pile
from captcha_ssl.labeling.queue import Queue

_ENOUGH_TO_KNOW = 10
"""From this many labels on, guesses get the case of all letters so far if they have one case."""


class LabelState:
    """What is known of each image; labels are complete at `target`, reviews with `review`."""

    def __init__(
        self,
        pile: Pile,
        answers: Answers,
        guesses: Guesses,
        order: Sequence[int],
        target: int,
        review: bool,
    ) -> None:
        self.pile, self.answers, self.guesses = pile, answers, guesses
        self.target, self.review = target, review
        self.unreadable = NameList(_beside(answers.path, "unreadable"))
        self.reviewed = NameList(_beside(answers.path, "reviewed")) if review else None
        self.fill: dict[int, str] = {}
        """What a truncated row has left of a label."""
        self._names = {
            found: name for name in answers.labels if (found := pile.find(name)) is not None
        }
        first = self._unfinished()
        self.queue = Queue(order if first is None else in_front([first], order))

    def put(self, index: int, label: str) -> None:
        """Store the label of an image. Raises OSError; then nothing has changed."""
        name = self.name(index)
        self.answers.put(name, label)
        self._names[index] = name
        self.unreadable.remove(name)

    def name(self, index: int) -> str:
        """The name of an image in the table."""
        return self._names.get(index, self.pile.names[index])

    def answered(self, index: int) -> bool:
        """Whether an image needs no answer: it has one, or in a review it was reviewed."""
        name = self.name(index)
        if self.reviewed is not None:
            return name in self.reviewed.names
        return name in self.answers.labels or name in self.unreadable.names

    def open(self, place: int) -> Iterator[int]:
        """The images from a position on that have no answer and can be shown."""
        for index in self.queue.onward(place):
            if not self.answered(index):
                if index not in self.guesses.damaged:
                    self.guesses.read([index])
                if index not in self.guesses.damaged:
                    yield index

    def after(self, index: int) -> int | None:
        """The next image to be labeled; from the start again if there is none after this one."""
        following = next(self.open(self.queue.place(index) + 1), None)
        return next(self.open(0), None) if following is None else following

    def done(self) -> int:
        """The number of labels, or of reviewed images."""
        if self.reviewed is None:
            return len(self.answers)
        return sum(map(self.answered, self.queue))

    def guess(self, index: int) -> str | None:
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

    def _unfinished(self) -> int | None:
        """The image whose row is incomplete; the rest of its label becomes the guess."""
        if self.answers.unfinished is None:
            return None
        name, label = self.answers.unfinished
        index = self.pile.find(name)
        if index is not None and label:
            self.fill[index] = label
        return index


def _beside(table: Path, what: str) -> Path:
    return table.with_name(f"{table.stem}-{what}.txt")
