"""The probability that a recognizer gives to a text, over all its paths. Needs only NumPy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from captcha_ssl.recognition.reading.decoding import BLANK


def text_log_probabilities(
    logits: np.ndarray, texts: Sequence[Sequence[int]], temperature: float = 1.0
) -> np.ndarray:
    """The logarithms of the probabilities of `texts`, float64 [N], from logits [N, T, K].

    A text is a sequence of classes from 1 up. Its probability is the sum over the paths that
    collapse to it (Graves et al., ICML 2006, section 4.1); −inf where it does not fit into the
    frames. The logits are divided by `temperature` first.
    """
    wide = logits.astype(np.float64) / temperature
    wide -= wide.max(axis=2, keepdims=True)
    scores = wide - np.log(np.exp(wide).sum(axis=2, keepdims=True))
    longest = max(map(len, texts), default=0)
    # Blanks around every class; shorter texts are padded with blanks at the end.
    states = np.full((len(texts), 2 * longest + 1), BLANK)
    for row, text in zip(states, texts, strict=True):
        row[1 : 2 * len(text) : 2] = text
    emitted = np.take_along_axis(scores, states[:, None, :], axis=2)
    # A blank may be skipped between two classes that differ.
    skips = np.zeros(states.shape, bool)
    skips[:, 2:] = (states[:, 2:] != BLANK) & (states[:, 2:] != states[:, :-2])
    total = np.full(states.shape, -np.inf)
    total[:, :2] = emitted[:, 0, :2]
    for frame in range(1, emitted.shape[1]):
        moved, jumped = np.full_like(total, -np.inf), np.full_like(total, -np.inf)
        moved[:, 1:], jumped[:, 2:] = total[:, :-1], total[:, :-2]
        jumped[~skips] = -np.inf
        total = np.logaddexp(np.logaddexp(total, moved), jumped) + emitted[:, frame]
    last = 2 * np.array([len(text) for text in texts])
    rows = np.arange(len(texts))
    in_class = np.where(last > 0, total[rows, np.maximum(last - 1, 0)], -np.inf)
    found: np.ndarray = np.logaddexp(total[rows, last], in_class)
    return found
