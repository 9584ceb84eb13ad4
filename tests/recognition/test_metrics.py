"""Scores against slow references, published figures and examples worked by hand."""

from __future__ import annotations

from collections import Counter
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from captcha_ssl.recognition.evaluation.metrics import (
    GAP,
    CharacterScore,
    align,
    blank_rate,
    cer,
    confusions,
    edit_distance,
    exact_match,
    length_accuracy,
    one_minus_ned,
    per_character_table,
    wilson_interval,
)

TEXTS = st.text("abc", max_size=6)


@cache
def recursive_distance(a: str, b: str) -> int:
    """Levenshtein's definition as it stands."""
    if not a or not b:
        return len(a) + len(b)
    return min(
        recursive_distance(a[1:], b) + 1,
        recursive_distance(a, b[1:]) + 1,
        recursive_distance(a[1:], b[1:]) + (a[0] != b[0]),
    )


@given(TEXTS, TEXTS)
def test_edit_distance_is_the_recursive_definition(a: str, b: str) -> None:
    assert edit_distance(a, b) == recursive_distance(a, b)


@pytest.mark.parametrize(
    ("a", "b", "distance"),
    [("kitten", "sitting", 3), ("saturday", "sunday", 3), ("", "abc", 3), ("rosettacode", "", 11)],
)
def test_edit_distance_of_textbook_words(a: str, b: str, distance: int) -> None:
    assert edit_distance(a, b) == distance


@given(TEXTS, TEXTS, TEXTS)
def test_edit_distance_is_a_metric(a: str, b: str, c: str) -> None:
    assert (edit_distance(a, b) == 0) == (a == b)
    assert edit_distance(a, b) == edit_distance(b, a)
    assert edit_distance(a, c) <= edit_distance(a, b) + edit_distance(b, c)


@given(TEXTS, TEXTS)
def test_an_alignment_spells_both_texts_at_the_least_cost(a: str, b: str) -> None:
    pairs = align(a, b)
    assert "".join(left for left, _ in pairs) == a
    assert "".join(right for _, right in pairs) == b
    assert (GAP, GAP) not in pairs
    assert sum(left != right for left, right in pairs) == edit_distance(a, b)


@pytest.mark.parametrize(
    ("reference", "prediction", "pairs"),
    [
        ("AB12", "AB12", [("A", "A"), ("B", "B"), ("1", "1"), ("2", "2")]),
        ("AB12", "AB1Z", [("A", "A"), ("B", "B"), ("1", "1"), ("2", "Z")]),
        ("AB12", "A12", [("A", "A"), ("B", GAP), ("1", "1"), ("2", "2")]),
        ("A12", "AB12", [("A", "A"), (GAP, "B"), ("1", "1"), ("2", "2")]),
        ("AB", "BA", [("A", "B"), ("B", "A")]),
        ("AB", "", [("A", GAP), ("B", GAP)]),
        ("", "", []),
    ],
)
def test_alignments_worked_by_hand(
    reference: str, prediction: str, pairs: list[tuple[str, str]]
) -> None:
    assert align(reference, prediction) == pairs


def test_the_table_counts_what_each_character_was_read_as() -> None:
    references = ["AB12", "AB12", "A1", "22"]
    predictions = ["AB12", "AB1Z", "A", "2Z2"]
    assert per_character_table(references, predictions) == {
        "1": CharacterScore(n=3, correct=2, deleted=1),
        "2": CharacterScore(n=4, correct=3, substituted=Counter({"Z": 1})),
        "A": CharacterScore(n=3, correct=3),
        "B": CharacterScore(n=2, correct=2),
    }


@given(st.lists(st.tuples(TEXTS, TEXTS), max_size=8))
def test_the_table_counts_each_reference_character_once(pairs: list[tuple[str, str]]) -> None:
    references, predictions = [a for a, _ in pairs], [b for _, b in pairs]
    table = per_character_table(references, predictions)
    assert {c: score.n for c, score in table.items()} == dict(Counter("".join(references)))
    for score in table.values():
        assert score.n == score.correct + score.deleted + score.substituted.total()


def test_confusions_come_most_frequent_first_and_show_missing_and_extra_ones() -> None:
    references = ["O0", "O0", "AO", "X", "X"]
    predictions = ["00", "00", "AQ", "XI", ""]
    assert confusions(references, predictions) == [
        ("O", "0", 2),
        (GAP, "I", 1),
        ("O", "Q", 1),
        ("X", GAP, 1),
    ]
    assert confusions(references, predictions, top=1) == [("O", "0", 2)]


def test_scores_of_a_small_set_worked_by_hand() -> None:
    references = ["ABCD", "AB", "ABC", "A"]
    predictions = ["ABCD", "ABC", "", "B"]
    assert exact_match(references, predictions) == 1 / 4
    assert cer(references, predictions) == (0 + 1 + 3 + 1) / 10
    assert one_minus_ned(references, predictions) == pytest.approx(1 - (0 + 1 / 3 + 1 + 1) / 4)
    assert length_accuracy(references, predictions) == 2 / 4
    assert blank_rate(predictions) == 1 / 4


def test_the_error_rate_may_pass_one_but_one_minus_ned_stays_above_zero() -> None:
    assert cer(["A"], ["BBBB"]) == 4
    assert one_minus_ned(["A"], ["BBBB"]) == 0


@given(st.lists(TEXTS.filter(bool), min_size=1, max_size=6))
def test_a_perfect_reading_has_perfect_scores(texts: list[str]) -> None:
    assert exact_match(texts, texts) == one_minus_ned(texts, texts) == 1
    assert length_accuracy(texts, texts) == 1
    assert cer(texts, texts) == blank_rate(texts) == 0
    assert confusions(texts, texts) == []


@pytest.mark.parametrize("score", [exact_match, cer, one_minus_ned, length_accuracy, confusions])
def test_texts_without_a_partner_are_refused(score: object) -> None:
    assert callable(score)
    with pytest.raises(ValueError, match="zip"):
        score(["A", "B"], ["A"])


# Newcombe, "Two-sided confidence intervals for the single proportion" (Statistics in Medicine 17,
# 1998), table I, method 3.
@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_interval_gives_the_published_figures(
    successes: int, n: int, low: float, high: float
) -> None:
    assert wilson_interval(successes, n) == pytest.approx((low, high), abs=5e-5)


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_interval_holds_the_share_and_mirrors(counts: tuple[int, int]) -> None:
    successes, n = counts
    low, high = wilson_interval(successes, n)
    assert 0 <= low <= successes / n <= high <= 1
    assert wilson_interval(n - successes, n) == pytest.approx((1 - high, 1 - low))
    wider = wilson_interval(successes, n, level=0.99)
    assert wider[0] <= low and high <= wider[1]
