"""F1 of mined pairs: how many of those found are right, and how many of the right ones were found.

>>> pair_scores({("de-1", "en-7"), ("de-2", "en-9")}, {("de-1", "en-7")})["recall"]
100.0
"""

from __future__ import annotations

from collections.abc import Set
from typing import Any

from t2t_xfer.metrics.metric import percent


def pair_scores(found: Set[tuple[Any, ...]], gold: Set[tuple[Any, ...]]) -> dict[str, float]:
    """F1, precision and recall as XTREME scores BUCC, 0 to 100; all 0 if no pair is right."""
    right = len(found & gold)
    return {
        "f1": percent(2 * right, len(found) + len(gold)),
        "precision": percent(right, len(found)),
        "recall": percent(right, len(gold)),
    }
