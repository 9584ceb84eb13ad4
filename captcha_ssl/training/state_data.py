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


def told_in(metadata: dict[str, str]) -> dict[str, Any]:
    """The metadata entry of a state; an earlier version wrote only the step."""
    if "step" in metadata:
        return {"step": metadata["step"]}
    told: dict[str, Any] = json.loads(metadata[WORD])
    return told


def data_of_state(file: Path) -> Fingerprint:
    """The fingerprint of the data in a state; empty if the file is absent, old or damaged."""
    try:
        with utf8_path(file) as plain, safe_open(plain, framework="np") as opened:
            return dict(told_in(opened.metadata())["data"])
    except (SafetensorError, OSError, KeyError, TypeError, ValueError, RecursionError):
        return {}
