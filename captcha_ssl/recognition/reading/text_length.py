"""Reads texts that have a known number of characters, by their best CTC path. Needs only NumPy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from captcha_ssl.models.model_card import ModelCard
from captcha_ssl.recognition.reading.decoding import BLANK, best_paths

CLEAR = 3.0
"""Nats by which a text of another length must be likelier to be read. With 3, nine tenths of what a
fixed length gains remain, and nine tenths of the texts that have another one after all."""
_ROWS = 32
"""Rows that are read at once."""
CLASSES = 64
"""Time and memory grow with the classes: of more, those with the highest peaks are tried."""
_FEWEST = 20
"""Labels that show a common length."""


@dataclass(frozen=True)
class TextLength:
    """Texts of `characters`, and others only where they are likelier by more than `clear` nats."""

    characters: int
    clear: float = math.inf

    def paths(self, logits: np.ndarray) -> np.ndarray:
        """The path that is read in each row of float logits [B, T, K]: classes int64 [B, T]."""
        found = best_paths(logits)
        # Where the best path of all has that length, there is no other to find.
        others = np.flatnonzero(path_lengths(found) != self.characters)
        paths = path_of_length(logits[others], self.characters)
        likely = nats_lost(logits[others], paths) <= self.clear
        found[others[likely]] = paths[likely]
        return found


def read_paths(logits: np.ndarray, length: TextLength | None) -> np.ndarray:
    """The path that is read in each row of float logits [B, T, K], of a `length` if it is given."""
    return best_paths(logits) if length is None else length.paths(logits)


def common_length(labels: Sequence[str]) -> int | None:
    """The number of characters that all `labels` have; None if they have several, or are none."""
    found = {len(label) for label in labels}
    return found.pop() if len(found) == 1 else None


def usual_length(labels: Sequence[str]) -> TextLength | None:
    """The length that all `labels` share, for texts that are not clearly longer or shorter.

    None if they have several, or are fewer than 20.
    """
    length = common_length(labels) if len(labels) >= _FEWEST else None
    return None if length is None else TextLength(length, CLEAR)


def length_of(card: ModelCard) -> TextLength | None:
    """The usual length of a model's texts, as its card says."""
    return None if card.length is None else TextLength(card.length, CLEAR)


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


def path_of_length(logits: np.ndarray, length: int) -> np.ndarray:
    """The most probable path of each row that collapses to `length` characters.

    Takes float `[B, T, K]` with class 0 the blank; returns classes int64 `[B, T]`. A row that has
    no such path gets its best one of any length. Of many classes only the blank and those that are
    likeliest anywhere in a row are tried, in a few rows at a time.
    """
    pieces = [logits[at : at + _ROWS] for at in range(0, len(logits), _ROWS)]
    return np.concatenate([_paths_of_length(piece, length) for piece in pieces or [logits]])


def _paths_of_length(logits: np.ndarray, length: int) -> np.ndarray:
    if logits.shape[2] > CLASSES:
        peaks = logits.max(axis=1)
        peaks[:, BLANK] = np.inf
        likely = np.argpartition(-peaks, CLASSES - 1, axis=1)[:, :CLASSES]
        # The blank stays the first class.
        likely.sort(axis=1)
        places = _paths_of_length(np.take_along_axis(logits, likely[:, None], 2), length)
        return np.take_along_axis(likely, places, 1)
    paths, possible = _viterbi(logits, length)
    return np.where(possible[:, None], paths, logits.argmax(axis=2))


def _viterbi(logits: np.ndarray, length: int) -> tuple[np.ndarray, np.ndarray]:
    """Paths int64 `[B, T]` and whether there are any bool `[B]`, for at most 256 classes.

    The recursion is over states (characters so far, class of the frame): a frame repeats its class,
    turns blank, or begins a character, which no frame of the same character may precede.
    """
    batch, count, classes = logits.shape
    rows, every = np.arange(batch), np.arange(classes)
    score = np.full((batch, length + 1, classes), -np.inf)
    score[:, 0, BLANK] = logits[:, 0, BLANK]
    score[:, 1:2, 1:] = logits[:, :1, 1:]
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
