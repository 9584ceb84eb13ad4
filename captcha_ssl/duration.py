"""Durations in words."""

from __future__ import annotations


def duration(seconds: float) -> str:
    """Seconds in a readable form: 45 s, 12 min, 3 h 05 min."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60:02} min"
