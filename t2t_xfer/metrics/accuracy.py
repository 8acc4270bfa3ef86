"""Accuracy: the share of examples whose answer is the gold answer, letter for letter.

Both sides come out of the same answer format, so there is nothing left to normalise. XTREME's
`evaluate.py` compares stripped lines and divides by the number of predictions; `metric.py` makes
sure that this is the number of examples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from t2t_xfer.metrics.metric import percent, sums
from t2t_xfer.records import Gold, Score


@dataclass(frozen=True)
class Accuracy:
    """Share of right answers. An invalid prediction is a wrong one."""

    name: str = "accuracy"
    signature: str = "accuracy|match:exact|invalid:wrong|version:1"

    def statistics(
        self, gold: Gold, value: Gold | None, evidence: float | None = None
    ) -> tuple[float, ...]:
        """1 for a right answer, 0 for a wrong one."""
        return (float(value == gold),)

    def score(self, rows: Sequence[tuple[float, ...]]) -> Score:
        """The share of ones, 0 to 100."""
        (right,) = sums(rows)
        return Score(self.name, percent(right, len(rows)), len(rows), {}, self.signature)
