"""The best CTC path of texts that have a known number of characters. Needs only NumPy."""

from __future__ import annotations

import numpy as np

from captcha_ssl.errors import UserError
from captcha_ssl.models.frames import frames
from captcha_ssl.recognition.reading.decoding import BLANK


def check_length(length: int | None, width: int) -> None:
    """Raise UserError for more characters than images `width` pixels wide have frames."""
    most = frames(width)
    if length is not None and length > most:
        raise UserError(
            f"--length {length}: the model reads at most {most} characters in images {width} "
            "pixels wide"
        )


def path_of_length(logits: np.ndarray, length: int) -> np.ndarray:
    """The most probable path of each row that collapses to `length` characters.

    Takes float `[B, T, K]` with class 0 the blank; returns classes int64 `[B, T]`. A row that has
    no such path gets its best one of any length. Viterbi's recursion over states (characters so
    far, class of the frame): a frame repeats its class, turns blank, or begins a character, which
    no frame of the same character may precede.
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
        others = np.where(every == first[..., None], -np.inf, score)
        second = others.argmax(2)
        runner_up = np.take_along_axis(others, second[..., None], 2)
        is_best = every == first[..., None]
        entered = np.roll(np.where(is_best, runner_up, best), 1, 1)
        source = np.roll(np.where(is_best, second[..., None], first[..., None]), 1, 1)
        entered[:, 0] = -np.inf
        entered[..., BLANK], source[..., BLANK] = best[..., 0], first
        came_from.append(np.where(score > entered, every, source))
        score = np.maximum(score, entered) + logits[:, frame, None]
    state = score[:, length].argmax(1)
    possible = np.isfinite(score[rows, length, state])
    read = np.full(batch, length)
    path = [state]
    for sources in reversed(came_from):
        before = sources[rows, read, state]
        read = np.maximum(0, read - ((state != BLANK) & (before != state)))
        state = before
        path.append(state)
    return np.where(possible[:, None], np.stack(path[::-1], 1), logits.argmax(2))
