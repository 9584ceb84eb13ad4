"""What a run is called in a tracker: the same name each time it goes on."""

from __future__ import annotations

from hashlib import blake2b
from pathlib import Path

PROJECT = "captcha-ssl"


def run_id(path: Path) -> str:
    """Eight letters and digits that stand for the run's folder, wherever it is named from."""
    return blake2b(str(path.resolve()).encode(), digest_size=4).hexdigest()
