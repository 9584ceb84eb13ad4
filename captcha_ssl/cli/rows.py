"""What the lines of a format of `predict` have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from captcha_ssl.recognition.reading.predictor import Prediction


class Rows(ABC):
    """The lines of a format: one before the predictions, one for each of them, one at the end.

    Each of them may be missing.
    """

    header: str | None = None

    @abstractmethod
    def __call__(self, prediction: Prediction) -> str | None:
        """The line of a prediction."""

    def check(self, paths: Iterable[str]) -> None:  # noqa: B027
        """Raise UserError if an image at one of these paths can have no line."""

    def end(self) -> str | None:
        """The last line."""
        return None

    def remark(self) -> str | None:
        """What to say about all of them, not in the output."""
        return None
