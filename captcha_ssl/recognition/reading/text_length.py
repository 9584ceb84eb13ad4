"""Reads texts of a known number of characters, and perhaps of known kinds at each place.

By their best CTC path. Needs only NumPy.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from captcha_ssl.data.character_kinds import Kinds, kind_of, kinds_at_places
from captcha_ssl.data.charset import Charset
from captcha_ssl.models.model_card import ModelCard
from captcha_ssl.recognition.reading.decoding import BLANK, best_paths

CLEAR = 3.0
"""Nats by which a text of another length must be likelier to be read. With 3, nine tenths of what a
fixed length gains remain, and nine tenths of the texts that have another one after all."""
_ROWS = 32
"""Rows that are read at once."""
CLASSES = 64
"""Time and memory grow with the classes: of more, those with the highest peaks are tried."""
_FEWEST, _FEWEST_OF_KINDS = 20, 50
"""Labels that show a common length, and the kinds of characters at each place."""
_ODD = 8.0
"""Nats by which a character of another kind must be likelier to be read."""


@dataclass(frozen=True)
class TextLength:
    """Texts of `characters`, and others only where they are likelier by more than `clear` nats.

    With `kinds`, which `of_kinds` sets for a charset, each place has characters of these kinds,
    unless others are likelier by more than 8 nats each.
    """

    characters: int
    clear: float = math.inf
    kinds: tuple[Kinds, ...] | None = None
    allowed: np.ndarray | None = field(default=None, compare=False, repr=False)
    """Whether the n-th character may be of class k, bool [characters + 1, K]; the first row is for
    the frames before all characters."""

    def of_kinds(self, kinds: tuple[Kinds, ...], charset: Charset) -> TextLength:
        """The same with these kinds at its places; without them if they rule nothing out."""
        own = [kind_of(character) for character in charset.characters]
        allowed = np.ones((self.characters + 1, charset.num_classes), bool)
        allowed[1:, 1:] = [[kind in at for kind in own] for at in kinds]
        if allowed.all():
            return replace(self, kinds=None, allowed=None)
        return replace(self, kinds=kinds, allowed=allowed)

    def fits(self, text: str) -> bool:
        """Whether a text has this length, and these kinds of characters."""
        if len(text) != self.characters:
            return False
        kinds = self.kinds or ()
        return all(kind_of(c) in at for c, at in zip(text, kinds, strict=False))

    def paths(self, logits: np.ndarray) -> np.ndarray:
        """The path that is read in each row of float logits [B, T, K]: classes int64 [B, T]."""
        found = best_paths(logits)
        # Where the best path of all has that length, there is no other to find.
        others = np.flatnonzero(path_lengths(found) != self.characters)
        paths = path_of_length(logits[others], self.characters)
        likely = nats_lost(logits[others], paths) <= self.clear
        found[others[likely]] = paths[likely]
        return found if self.allowed is None else self._of_its_kinds(logits, found, self.allowed)

    def _of_its_kinds(
        self, logits: np.ndarray, found: np.ndarray, allowed: np.ndarray
    ) -> np.ndarray:
        """`found`, with paths of the right kinds for those of this length that have others."""
        starts = character_starts(found)
        place = np.minimum(starts.cumsum(axis=1), self.characters)
        wrong = (starts & ~allowed[place, found]).sum(axis=1)
        others = np.flatnonzero((path_lengths(found) == self.characters) & (wrong > 0))
        paths = path_of_length(logits[others], self.characters, allowed)
        lost = _totals(logits[others], found[others]) - _totals(logits[others], paths)
        likely = lost <= _ODD * wrong[others]
        found[others[likely]] = paths[likely]
        return found


def read_paths(logits: np.ndarray, length: TextLength | None) -> np.ndarray:
    """The path that is read in each row of float logits [B, T, K], of a `length` if it is given."""
    return best_paths(logits) if length is None else length.paths(logits)


def common_length(labels: Sequence[str]) -> int | None:
    """The number of characters that all `labels` have; None if they have several, or are none."""
    found = {len(label) for label in labels}
    return found.pop() if len(found) == 1 else None


def usual_length(labels: Sequence[str], charset: Charset) -> TextLength | None:
    """The length that all `labels` share, for texts that are not clearly longer or shorter.

    With 50 labels or more, also the kinds of characters that they have at each place, where these
    are not all kinds of `charset`. None if they have several lengths, or are fewer than 20.
    """
    length = common_length(labels) if len(labels) >= _FEWEST else None
    if not length:
        return None
    found = TextLength(length, CLEAR)
    if len(labels) < _FEWEST_OF_KINDS:
        return found
    return found.of_kinds(kinds_at_places(labels), charset)


def length_of(card: ModelCard) -> TextLength | None:
    """The usual length of a model's texts, as its card says."""
    if card.length is None:
        return None
    found = TextLength(card.length, CLEAR)
    if card.kinds is None or card.charset is None:
        return found
    kinds = tuple(frozenset(at.split(" ")) for at in card.kinds)
    return found.of_kinds(kinds, Charset(card.charset))


def kinds_on_card(length: TextLength | None) -> tuple[str, ...] | None:
    """The kinds of a length as a model's card has them."""
    if length is None or length.kinds is None:
        return None
    return tuple(" ".join(sorted(at)) for at in length.kinds)


def path_lengths(paths: np.ndarray) -> np.ndarray:
    """The number of characters that paths of classes [B, T] collapse to: int64 [B]."""
    counts: np.ndarray = character_starts(paths).sum(axis=1)
    return counts


def character_starts(paths: np.ndarray) -> np.ndarray:
    """Whether a character begins in a frame of paths of classes [B, T]: bool [B, T]."""
    starts: np.ndarray = (np.diff(paths, axis=1, prepend=BLANK) != 0) & (paths != BLANK)
    return starts


def nats_lost(logits: np.ndarray, paths: np.ndarray) -> np.ndarray:
    """By how much `paths`, classes [B, T], are less likely than the best ones: float64 [B] nats.

    From float logits [B, T, K].
    """
    lost: np.ndarray = _totals(logits, best_paths(logits)) - _totals(logits, paths)
    return lost


def path_of_length(
    logits: np.ndarray, length: int, allowed: np.ndarray | None = None
) -> np.ndarray:
    """The most probable path of each row that collapses to `length` characters.

    Takes float `[B, T, K]` with class 0 the blank; returns classes int64 `[B, T]`. `allowed`, bool
    `[length + 1, K]`, says which classes the n-th character may have. A row that has no such path
    gets its best one of any length. Of many classes only the blank and those that are
    likeliest anywhere in a row are tried, in a few rows at a time.
    """
    pieces = [logits[at : at + _ROWS] for at in range(0, len(logits), _ROWS)]
    every = None if allowed is None else allowed[None]
    return np.concatenate([_paths_of_length(piece, length, every) for piece in pieces or [logits]])


def _paths_of_length(logits: np.ndarray, length: int, allowed: np.ndarray | None) -> np.ndarray:
    """`allowed` is bool `[1, length + 1, K]`, or has a row for each of the logits."""
    if logits.shape[2] > CLASSES:
        peaks = logits.max(axis=1)
        peaks[:, BLANK] = np.inf
        likely = np.argpartition(-peaks, CLASSES - 1, axis=1)[:, :CLASSES]
        # The blank stays the first class.
        likely.sort(axis=1)
        some = np.take_along_axis(logits, likely[:, None], 2)
        own = None if allowed is None else allowed[0][:, likely].transpose(1, 0, 2)
        places = _paths_of_length(some, length, own)
        return np.take_along_axis(likely, places, 1)
    paths, possible = _viterbi(logits, length, allowed)
    return np.where(possible[:, None], paths, logits.argmax(axis=2))


def _viterbi(
    logits: np.ndarray, length: int, allowed: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Paths int64 `[B, T]` and whether there are any bool `[B]`, for at most 256 classes.

    The recursion is over states (characters so far, class of the frame): a frame repeats its class,
    turns blank, or begins a character, which no frame of the same character may precede.
    """
    batch, count, classes = logits.shape
    rows, every = np.arange(batch), np.arange(classes)
    score = np.full((batch, length + 1, classes), -np.inf)
    score[:, 0, BLANK] = logits[:, 0, BLANK]
    score[:, 1:2, 1:] = logits[:, :1, 1:]
    if allowed is not None:
        score = np.where(allowed, score, -np.inf)
    came_from = []
    for frame in range(1, count):
        # A character is entered from the best class, or from the second if that is the best.
        first = score.argmax(2)
        best = np.take_along_axis(score, first[..., None], 2)
        is_best = every == first[..., None]
        others = np.where(is_best, -np.inf, score)
        second = others.argmax(2)
        runner_up = np.take_along_axis(others, second[..., None], 2)
        entered = np.roll(np.where(is_best, runner_up, best), 1, 1)
        source = np.roll(np.where(is_best, second[..., None], first[..., None]), 1, 1)
        entered[:, 0] = -np.inf
        entered[..., BLANK], source[..., BLANK] = best[..., 0], first
        if allowed is not None:
            entered = np.where(allowed, entered, -np.inf)
        came_from.append(np.where(score > entered, every, source).astype(np.uint8))
        score = np.maximum(score, entered) + logits[:, frame, None]
    state = score[:, length].argmax(1)
    possible = np.isfinite(score[rows, length, state])
    read = np.full(batch, length)
    path = [state]
    for sources in reversed(came_from):
        before = sources[rows, read, state].astype(np.int64)
        read = np.maximum(0, read - ((state != BLANK) & (before != state)))
        state = before
        path.append(state)
    return np.stack(path[::-1], 1), possible


def _totals(logits: np.ndarray, paths: np.ndarray) -> np.ndarray:
    """The logits along each path, added up: float64 [B]."""
    along = np.take_along_axis(logits, paths[..., None], 2)
    total: np.ndarray = along.sum(axis=(1, 2), dtype=np.float64)
    return total
