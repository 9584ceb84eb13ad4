"""What the saved state of a run says of the data it was trained on. Needs no torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from captcha_ssl.data.fingerprint import Fingerprint
from captcha_ssl.utf8_path import utf8_path

STATE_FILE = Path("state") / "state.safetensors"
"""Its place in a run directory."""
WORD = "run"
"""The metadata key of a state for everything except tensors."""


def data_of_state(file: Path) -> Fingerprint:
    """The fingerprint of the data in a state; empty if the file is absent, old or damaged."""
    try:
        with utf8_path(file) as plain, safe_open(plain, framework="np") as opened:
            told: Any = json.loads(opened.metadata()[WORD])
        return dict(told["data"])
    except (SafetensorError, OSError, KeyError, TypeError, ValueError, RecursionError):
        return {}
