"""Seconds in words."""

from __future__ import annotations


def duration(seconds: float) -> str:
    """`12.3 s`, `5 min 20 s`, `2 h 3 min`."""
    if seconds < 100:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 100:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"
