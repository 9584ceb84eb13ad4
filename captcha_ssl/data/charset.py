"""The characters that a recognizer can read, and their CTC classes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from captcha_ssl.errors import UserError
from captcha_ssl.printable import quoted


@dataclass(frozen=True)
class Charset:
    """Sorted, distinct characters: class 0 is the CTC blank, class k + 1 is `characters[k]`.

    Raises ValueError when `characters` is empty, unsorted or repeats itself.
    """

    characters: str

    def __post_init__(self) -> None:
        if not self.characters or "".join(sorted(set(self.characters))) != self.characters:
            raise ValueError(f"not a sorted set of characters: {self.characters!r}")

    @classmethod
    def from_labels(cls, labels: Iterable[str]) -> Charset:
        """Every character that occurs in `labels`. Raises UserError when there is none."""
        characters = set().union(*labels)
        if not characters:
            raise UserError("the labels hold no characters; check the label column")
        return cls("".join(sorted(characters)))

    def __len__(self) -> int:
        return len(self.characters)

    @property
    def num_classes(self) -> int:
        """The characters and the blank."""
        return len(self.characters) + 1

    def unknown(self, text: str) -> str:
        """The characters of `text`, in order, that have no class."""
        return "".join(character for character in text if character not in self.characters)

    def encode(self, text: str) -> list[int]:
        """Classes 1…len of `text`. Raises UserError naming a character that has none."""
        unknown = self.unknown(text)
        if unknown:
            raise UserError(
                f"label {quoted(text)}: character {quoted(unknown[0])} "
                f"is not in the charset {quoted(self.characters)}"
            )
        return [self.characters.index(character) + 1 for character in text]

    def decode(self, classes: Iterable[int]) -> str:
        """The text of classes 1…len. Raises ValueError for the blank and for larger classes."""
        classes = list(classes)
        if any(not 1 <= value <= len(self.characters) for value in classes):
            raise ValueError(f"classes must lie in 1..{len(self.characters)}: {classes}")
        return "".join(self.characters[value - 1] for value in classes)


def frames_needed(text: str) -> int:
    """The smallest number of frames for `text` in CTC (Graves et al. 2006).

    One for each character, and one for the blank between two equal neighbors.
    """
    return len(text) + sum(left == right for left, right in zip(text, text[1:], strict=False))
