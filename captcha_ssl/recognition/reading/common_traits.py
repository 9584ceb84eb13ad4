"""Finds what nearly all images of a folder show, without labels: which characters, and how many.

A model that also reads letters sometimes reads the 0 of a captcha of digits as an O, and two
characters that touch as one. The other images of the folder show that there are only digits, and
how many.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from itertools import combinations

import numpy as np

from captcha_ssl.data.character_kinds import KIND_NAMES, kind_of
from captcha_ssl.data.charset import Charset
from captcha_ssl.models.model_card import Calibration
from captcha_ssl.recognition.reading.decoding import BLANK, UNCALIBRATED, best_paths
from captcha_ssl.recognition.reading.text_length import (
    CLEAR,
    TextLength,
    character_starts,
    nats_lost,
    path_lengths,
    path_of_length,
)
from captcha_ssl.recognition.reading.text_reader import TextReader, mean_confidence, to_readings

_ODD = 8.0
"""An image whose reading loses more nats than this within the kinds has other characters."""
_MOST_ODD = 0.05
_OVERWHELMING = 40.0
"""Nats by which some kinds, or one length, must explain the images better than all of them."""
_CONVINCING = 20.0
"""Nats by which some characters of these kinds must explain them better still."""
_MOSTLY_SURE = 0.65
"""The mean confidence of a reader whose misreadings may count as absent characters."""
_MOST = 0.6
"""The least share of readings that have the common length."""
_LENGTHS = 8
"""The number of lengths that a text could have, as far as nobody knows."""
_USUAL_KINDS = 0.85
"""The least share of the characters at a place that are of the kinds which it seems to have."""
_CHOICES_OF_KINDS = 15
"""The choices of four kinds that a place could have."""


class WithCommonCharacters:
    """Reads like `reader`, but rules out all characters except `characters`.

    An image keeps its own reading if that would lose more than 8 nats.
    """

    def __init__(self, reader: TextReader, characters: str) -> None:
        self.reader, self.charset = reader, reader.charset
        self.geometry, self.calibration = reader.geometry, reader.calibration
        self.length = reader.length
        self.characters = characters
        self._kept = _classes(reader.charset, characters)

    def logits(self, images: np.ndarray) -> np.ndarray:
        """uint8 [N, C, H, W] → float32 [N, T, K]; −∞ where a character is ruled out."""
        return self.ruled(self.reader.logits(images))

    def ruled(self, logits: np.ndarray) -> np.ndarray:
        """float [N, T, K] of its reader; −∞ where a character is ruled out."""
        held = _lost(logits, self._kept) <= _ODD
        ruled_out = np.ones(logits.shape[2], bool)
        ruled_out[self._kept] = False
        return np.where(held[:, None, None] & ruled_out, np.float32(-np.inf), logits)


def common_characters(
    logits: np.ndarray, charset: Charset, calibration: Calibration = UNCALIBRATED
) -> str | None:
    """The characters that images with float `logits` [N, T, K] show, if it is clear.

    These are some of the kinds of `charset`, and of these kinds those characters that are there at
    all. A text of n characters from a charset of K has only k of them with a chance of (k / K)ⁿ; a
    reading within the k loses some likelihood. The sum of both over the images, in nats, must be
    overwhelming, and at most one image in twenty may be clearly against it. None if this holds for
    no choice of kinds or characters.

    A reader that is unsure of most texts tells only the kinds: characters that it always misreads
    seem not to be there, and without them it loses little.
    """
    kinds = _kinds_shown(logits, charset)
    characters = kinds or charset.characters
    if _confidence_within(logits, charset, characters, calibration) < _MOSTLY_SURE:
        return kinds
    return _shown_of(logits, charset, characters) or kinds


def _kinds_shown(logits: np.ndarray, charset: Charset) -> str | None:
    best, found = _OVERWHELMING, None
    for characters in _choices(charset):
        kept = _classes(charset, characters)
        lost = _lost(logits, kept)
        gained = path_lengths(_paths_through(logits, kept)) * np.log(len(charset) / len(characters))
        evidence = _evidence(gained, lost)
        if evidence > best and _few_odd(lost):
            best, found = evidence, characters
    return found


def _shown_of(logits: np.ndarray, charset: Charset, characters: str) -> str | None:
    """The most frequent of `characters`, if the others do not seem to be there."""
    everything = _classes(charset, characters)
    paths = _paths_through(logits, everything)
    counts = np.bincount(paths[character_starts(paths)], minlength=logits.shape[2])
    frequent = sorted(characters, key=lambda each: -counts[charset.encode(each)[0]])
    lengths, lost_before = path_lengths(paths), _lost(logits, everything)
    best, found = _CONVINCING, set[str]()
    for count in range(1, len(characters)):
        lost = _lost(logits, _classes(charset, frequent[:count]))
        gained = lengths * np.log(len(characters) / count)
        # The choice of so many characters is itself made after the images.
        evidence = _evidence(gained, lost - lost_before) - _log_choices(len(characters), count)
        if evidence > best and _few_odd(lost):
            best, found = evidence, set(frequent[:count])
    return "".join(each for each in characters if each in found) or None


def common_text_length(logits: np.ndarray) -> TextLength | None:
    """The length of the texts in images with float `logits` [N, T, K], if nearly all have the same.

    By the same rule as the kinds of characters: texts of one length have less to choose from, and
    a reading of that length loses some likelihood. It is the length of most readings; None if that
    is not clear. Thin characters cost little to leave out, so most readings must have that length
    by themselves.
    """
    lengths = path_lengths(best_paths(logits))
    usual = int(np.bincount(lengths).argmax())
    if np.mean(lengths == usual) < _MOST:
        return None
    lost = nats_lost(logits, path_of_length(logits, usual))
    # Empty readings are those of images that cannot be read.
    if usual == 0 or not _few_odd(lost):
        return None
    return TextLength(usual, CLEAR) if _evidence(np.log(_LENGTHS), lost) > _OVERWHELMING else None


def with_common_kinds(
    length: TextLength, logits: np.ndarray, charset: Charset, calibration: Calibration
) -> TextLength:
    """`length` with the kinds of characters that each place has in nearly all texts.

    By the same rule as the kinds of all characters, from the float `logits` [N, T, K] of a reader
    that is sure of most texts. `length` itself if that is not clear, or rules nothing out.
    """
    readings = to_readings(logits, charset, calibration, length)
    if mean_confidence(readings) < _MOSTLY_SURE:
        return length
    texts = [reading.text for reading in readings if len(reading.text) == length.characters]
    if not texts:
        return length
    found = length.of_kinds(tuple(map(_usual_kinds, zip(*texts, strict=True))), charset)
    if found.allowed is None:
        return length
    possible = np.isfinite(logits).any(axis=(0, 1))
    choices = found.allowed[1:, 1:] & possible[1:]
    gained = np.log(possible[1:].sum() / choices.sum(axis=1)).sum()
    lost = nats_lost(logits, path_of_length(logits, length.characters, found.allowed))
    lost -= nats_lost(logits, length.paths(logits))
    evidence = _evidence(gained, lost) - length.characters * math.log(_CHOICES_OF_KINDS)
    return found if evidence > _OVERWHELMING and _few_odd(lost) else length


def _usual_kinds(characters: Sequence[str]) -> frozenset[str]:
    """The fewest kinds that nearly all of the characters at a place have."""
    counts = Counter(map(kind_of, characters))
    kinds: set[str] = set()
    covered = 0
    for kind, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        if covered >= _USUAL_KINDS * len(characters):
            break
        kinds.add(kind)
        covered += count
    return frozenset(kinds)


def characters_in_words(characters: str, charset: Charset) -> str:
    """What `characters` are, such as "digits and small letters" or "characters of 2345"."""
    found = {kind_of(character) for character in characters}
    if any(kind_of(each) in found for each in set(charset.characters) - set(characters)):
        return f"characters of {characters}"
    names = [name for kind, name in KIND_NAMES.items() if kind in found]
    names += ["other characters"] if found - set(KIND_NAMES) else []
    return " and ".join(names)


def of_same_kinds(characters: str, charset: Charset) -> str:
    """All of `charset` of the kinds that `characters` have: digits, capital letters and so on."""
    found = {kind_of(character) for character in characters}
    return "".join(each for each in charset.characters if kind_of(each) in found)


def _confidence_within(
    logits: np.ndarray, charset: Charset, characters: str, calibration: Calibration
) -> float:
    """The mean confidence of the texts [N] of these characters; that of an empty text is 0."""
    others = np.ones(logits.shape[2], bool)
    others[_classes(charset, characters)] = False
    within = np.where(others, np.float32(-np.inf), logits)
    return mean_confidence(to_readings(within, charset, calibration))


def _few_odd(lost: np.ndarray) -> bool:
    """Whether the nats [N] that readings lose speak clearly against it in few images."""
    return bool((lost > _ODD).mean() <= _MOST_ODD)


def _log_choices(of: int, count: int) -> float:
    """The logarithm of the number of ways to choose `count` out of `of`."""
    return math.log(math.comb(of, count))


def _evidence(gained: np.ndarray | float, lost: np.ndarray) -> float:
    """The sum over the images [N], where an exception counts as one image in twenty."""
    return float(np.logaddexp(gained - lost, np.log(_MOST_ODD)).sum())


def _choices(charset: Charset) -> list[str]:
    """The characters of every choice of kinds but that of all of them."""
    kinds: dict[str, str] = {}
    for character in charset.characters:
        kind = kind_of(character)
        kinds[kind] = kinds.get(kind, "") + character
    sizes = range(1, len(kinds))
    return ["".join(some) for size in sizes for some in combinations(kinds.values(), size)]


def _classes(charset: Charset, characters: Sequence[str]) -> np.ndarray:
    """The blank and the classes of `characters`."""
    wanted = set(characters)
    own = [k for k, c in enumerate(charset.characters, 1) if c in wanted]
    return np.array([BLANK, *own], int)


def _lost(logits: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """Nats between the best path [N] and the best of those through the classes `kept`."""
    lost: np.ndarray = (logits.max(2) - logits[:, :, kept].max(2)).sum(1)
    return lost


def _paths_through(logits: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """The best paths through the classes `kept`: classes int64 [N, T]."""
    paths: np.ndarray = kept[logits[:, :, kept].argmax(2)]
    return paths
