"""Finds the kinds of characters that nearly all images of a folder show, without labels.

A model that also reads letters sometimes reads the 0 of a captcha of digits as an O. The other
images of the folder show that there are only digits.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from itertools import combinations

import numpy as np

from captcha_ssl.data.charset import Charset
from captcha_ssl.recognition.reading.decoding import BLANK
from captcha_ssl.recognition.reading.text_reader import TextReader

_ODD = 8.0
"""Nats that a reading may lose within the kinds; if it loses more, it has other characters."""
_MOST_ODD = 0.05
_OVERWHELMING = 40.0
"""Nats by which the kinds must explain the images better than the whole charset."""
_NAMES = {"Nd": "digits", "Lu": "capital letters", "Ll": "small letters"}


class Settled:
    """Reads like `reader`, but only `characters`, except for images with clear evidence against it.

    If the best reading of an image has other characters and loses more than 8 nats without them, it
    is kept.
    """

    def __init__(self, reader: TextReader, characters: str) -> None:
        self.reader, self.charset = reader, reader.charset
        self.geometry, self.calibration = reader.geometry, reader.calibration
        self.length = reader.length
        self.characters = characters
        self._kept = _classes(reader.charset, characters)

    def logits(self, images: np.ndarray) -> np.ndarray:
        """uint8 [N, C, H, W] → float32 [N, T, K]; −∞ where a character is ruled out."""
        logits = self.reader.logits(images)
        held = _lost(logits, self._kept) <= _ODD
        ruled_out = np.ones(logits.shape[2], bool)
        ruled_out[self._kept] = False
        return np.where(held[:, None, None] & ruled_out, np.float32(-np.inf), logits)


def settle(logits: np.ndarray, charset: Charset) -> str | None:
    """The characters of the kinds that images with float `logits` [N, T, K] show, if it is clear.

    A text of n characters from a charset of K has only the k characters of those kinds with a
    chance of (k / K)ⁿ; a reading within them loses some likelihood. The sum of both over the
    images, in nats, must be overwhelming, and at most one image in twenty may be clearly against
    it. None if this holds for no choice of kinds, or if all kinds are needed.
    """
    best, found = _OVERWHELMING, None
    for characters in _choices(charset):
        kept = _classes(charset, characters)
        lost = _lost(logits, kept)
        if (lost > _ODD).mean() > _MOST_ODD:
            continue
        gained = _lengths(logits, kept) * np.log(len(charset) / len(characters))
        # An exception counts as one image in twenty.
        evidence = np.logaddexp(gained - lost, np.log(_MOST_ODD)).sum()
        if evidence > best:
            best, found = float(evidence), characters
    return found


def kinds_in_words(characters: str) -> str:
    """What kinds `characters` are, such as "digits and small letters"."""
    found = {_kind(character) for character in characters}
    names = [name for kind, name in _NAMES.items() if kind in found]
    names += ["other characters"] if found - set(_NAMES) else []
    return " and ".join(names)


def _choices(charset: Charset) -> list[str]:
    """The characters of every choice of kinds but that of all of them."""
    kinds: dict[str, str] = {}
    for character in charset.characters:
        kind = _kind(character)
        kinds[kind] = kinds.get(kind, "") + character
    sizes = range(1, len(kinds))
    return ["".join(some) for size in sizes for some in combinations(kinds.values(), size)]


def _kind(character: str) -> str:
    category = unicodedata.category(character)
    return category if category in _NAMES else "rest"


def _classes(charset: Charset, characters: Sequence[str]) -> np.ndarray:
    """The blank and the classes of `characters`."""
    wanted = set(characters)
    own = [k for k, c in enumerate(charset.characters, 1) if c in wanted]
    return np.array([BLANK, *own], int)


def _lost(logits: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """Nats between the best path [N] and the best of those through the classes `kept`."""
    lost: np.ndarray = (logits.max(2) - logits[:, :, kept].max(2)).sum(1)
    return lost


def _lengths(logits: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """How many characters [N] the best paths through the classes `kept` spell."""
    path = logits[:, :, kept].argmax(2)
    starts = np.diff(path, axis=1, prepend=-1) != 0
    counts: np.ndarray = (starts & (path > 0)).sum(1)
    return counts
