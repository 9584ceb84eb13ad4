"""The name of a run in a tracker: the same for every resume."""

from __future__ import annotations

from hashlib import blake2b
from pathlib import Path

PROJECT = "captcha-ssl"


def run_id(path: Path) -> str:
    """Eight letters and digits that identify the run's folder, however its path is written."""
    return blake2b(str(path.resolve()).encode(), digest_size=4).hexdigest()
