"""The same commands with the same seed give the results that are kept in expected.json."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.golden.runs import CHOICE_FREE, EXPECTED, differences, fingerprint, results

pytestmark = pytest.mark.slow


def test_results_equal_the_kept_ones(tmp_path: Path) -> None:
    kept = json.loads(EXPECTED.read_text())
    # To the last bit where arithmetic is the same; within a tolerance on another processor.
    exact = kept["fingerprint"] == fingerprint()
    found, wanted = results(tmp_path), kept["results"]
    if not exact:
        found, wanted = ({name: side[name] for name in CHOICE_FREE} for side in (found, wanted))
    changed = list(differences(wanted, found, exact=exact))
    assert not changed, "\n".join(
        [*changed[:20], "if this is meant, run python -m tests.golden and commit the file"]
    )


def test_a_difference_is_seen() -> None:
    one = {"rows": [{"cer": 0.5, "arm": "a"}], "digest": "x"}
    other = {"rows": [{"cer": 0.7, "arm": "b"}], "digest": "y", "more": 1}
    said = list(differences(one, other, exact=False))
    assert said == ["/more is new", "/rows/0/arm: 'a' became 'b'", "/rows/0/cer: 0.5 became 0.7"]
    assert "/digest: 'x' became 'y'" in list(differences(one, other, exact=True))
    assert not list(differences({"cer": 0.5}, {"cer": 0.501}, exact=False))
