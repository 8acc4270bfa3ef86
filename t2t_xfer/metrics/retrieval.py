"""Retrieval accuracy: the share of English sentences whose translation was found.

XTREME's Tatoeba score: accuracy at 1 in the direction English to target language, among all
target-language sentences of the split. A smaller split (`--limit`) has fewer wrong sentences to
find, so scores of different sizes do not compare.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from t2t_xfer.metrics.metric import percent, sums
from t2t_xfer.records import Gold, Score


@dataclass(frozen=True)
class RetrievalAccuracy:
    """Share of queries whose best candidate is the aligned one."""

    name: str = "retrieval_accuracy"
    signature: str = "retrieval_accuracy|direction:en-to-target|at:1|version:1"

    def statistics(
        self, gold: Gold, value: Gold | None, evidence: float | None = None
    ) -> tuple[float, ...]:
        """1 for the aligned sentence's id, 0 for another."""
        return (float(value == gold),)

    def score(self, rows: Sequence[tuple[float, ...]]) -> Score:
        """The share of ones, 0 to 100."""
        (found,) = sums(rows)
        return Score(self.name, percent(found, len(rows)), len(rows), {}, self.signature)
