"""`python -m tests.golden` rewrites what test_golden.py compares with.

Run it after a change that is meant to change results, and say so in the commit message.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from tests.golden.runs import EXPECTED, differences, fingerprint, results


def main() -> None:
    """Write the file, and say what has changed in it."""
    with tempfile.TemporaryDirectory() as folder:
        found = {"fingerprint": fingerprint(), "results": results(Path(folder))}
    if EXPECTED.exists():
        for line in differences(json.loads(EXPECTED.read_text()), found, exact=True):
            print(line, file=sys.stderr)
    EXPECTED.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
    print(EXPECTED)


main()
