"""How well predictions match references: pure functions of texts.

Every share is over at least one text; without any, ValueError or ZeroDivisionError is raised.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import sqrt
from statistics import NormalDist, fmean

GAP = ""
"""In an alignment, a character that one of the two texts does not have."""


@dataclass
class CharacterScore:
    """The results for the `n` occurrences of a character in the references."""

    n: int = 0
    correct: int = 0
    deleted: int = 0
    substituted: Counter[str] = field(default_factory=Counter)


def edit_distance(reference: str, prediction: str) -> int:
    """The fewest insertions, deletions and substitutions between two texts (Levenshtein 1966)."""
    return 0 if reference == prediction else _distances(reference, prediction)[-1][-1]


def align(reference: str, prediction: str) -> list[tuple[str, str]]:
    """Pairs (reference character, predicted character) along one shortest edit path.

    A character left out pairs with GAP, one too many has GAP for its reference. If several paths
    are shortest, characters are paired rather than skipped, from the right.
    """
    distances = _distances(reference, prediction)
    i, j = len(reference), len(prediction)
    pairs = []
    while i or j:
        here = distances[i][j]
        if i and j and here == distances[i - 1][j - 1] + (reference[i - 1] != prediction[j - 1]):
            i, j = i - 1, j - 1
            pairs.append((reference[i], prediction[j]))
        elif i and here == distances[i - 1][j] + 1:
            i -= 1
            pairs.append((reference[i], GAP))
        else:
            j -= 1
            pairs.append((GAP, prediction[j]))
    return pairs[::-1]


def exact_match(references: Sequence[str], predictions: Sequence[str]) -> float:
    """Share of texts that are right in every character."""
    return fmean(r == p for r, p in zip(references, predictions, strict=True))


def cer(references: Sequence[str], predictions: Sequence[str]) -> float:
    """Character error rate: summed edit distances over summed reference lengths (may pass 1)."""
    pairs = zip(references, predictions, strict=True)
    return sum(edit_distance(r, p) for r, p in pairs) / sum(map(len, references))


def one_minus_ned(references: Sequence[str], predictions: Sequence[str]) -> float:
    """1 − mean(edit distance / length of the longer text), as in ICDAR's reading contests."""
    return 1 - fmean(
        edit_distance(r, p) / max(len(r), len(p), 1)
        for r, p in zip(references, predictions, strict=True)
    )


def length_accuracy(references: Sequence[str], predictions: Sequence[str]) -> float:
    """Share of predictions that are as long as their reference."""
    return fmean(len(r) == len(p) for r, p in zip(references, predictions, strict=True))


def blank_rate(predictions: Sequence[str]) -> float:
    """Share of empty predictions: near 1 for a recognizer stuck on the CTC plateau."""
    return fmean(not p for p in predictions)


def wilson_interval(successes: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Bounds of a proportion at a confidence `level` (Wilson 1927, without continuity correction).

    Unlike the normal interval it keeps within 0 to 1 and does not vanish at 0 or n successes.
    """
    z = NormalDist().inv_cdf((1 + level) / 2)
    share = successes / n
    center = share + z * z / (2 * n)
    half = z * sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    # Rounding must not move a bound beyond the share or out of 0…1.
    low, high = (center - half) / scale, (center + half) / scale
    return min(share, max(0.0, low)), max(share, min(1.0, high))


def per_character_table(
    references: Sequence[str], predictions: Sequence[str]
) -> dict[str, CharacterScore]:
    """A score for every character of the references, sorted."""
    table = {character: CharacterScore() for character in sorted(set("".join(references)))}
    for (character, read), count in _aligned(references, predictions).items():
        if character == GAP:
            continue
        score = table[character]
        score.n += count
        if read == character:
            score.correct += count
        elif read == GAP:
            score.deleted += count
        else:
            score.substituted[read] += count
    return table


def confusions(
    references: Sequence[str], predictions: Sequence[str], top: int = 20
) -> list[tuple[str, str, int]]:
    """The most frequent errors as (reference character, predicted character, count).

    GAP on the right is a missing character, on the left an extra one.
    """
    pairs = _aligned(references, predictions)
    errors = [(r, p, count) for (r, p), count in pairs.items() if r != p]
    return sorted(errors, key=lambda error: (-error[2], error[:2]))[:top]


def _aligned(references: Sequence[str], predictions: Sequence[str]) -> Counter[tuple[str, str]]:
    pairs: Counter[tuple[str, str]] = Counter()
    for reference, prediction in zip(references, predictions, strict=True):
        pairs.update(align(reference, prediction))
    return pairs


def _distances(reference: str, prediction: str) -> list[list[int]]:
    """Edit distances between all beginnings: row i, column j for the first i and j characters."""
    rows = [list(range(len(prediction) + 1))]
    for i, expected in enumerate(reference, start=1):
        above, row = rows[-1], [i]
        for j, found in enumerate(prediction, start=1):
            row.append(min(above[j - 1] + (expected != found), above[j] + 1, row[-1] + 1))
        rows.append(row)
    return rows
