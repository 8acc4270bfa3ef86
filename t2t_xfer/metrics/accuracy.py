"""Accuracy: the share of examples whose answer is the gold answer, letter for letter.

Both sides come out of the same answer format, so there is nothing left to normalise. XTREME's
`evaluate.py` compares stripped lines and divides by the number of predictions; `metric.py` makes
sure that this is the number of examples.

Accuracy and F1 of the positive label, as GLUE scores QQP: their mean, both in the details.

The positive label is named, never guessed from an order: F1 of the other label is another number.

>>> metric = AccuracyF1("paraphrase")
>>> metric.score([metric.statistics("paraphrase", "different")]).value
0.0
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from t2t_xfer.metrics.base import percent, sums
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


@dataclass(frozen=True)
class AccuracyF1:
    """The mean of accuracy and F1. An invalid prediction is wrong, and not a positive one."""

    positive: str = ""
    """The label whose F1 counts: the task's `positive_label`."""
    name: str = "accuracy_f1"

    @property
    def signature(self) -> str:
        """Names the positive label."""
        return f"accuracy_f1|mean:accuracy,f1|positive:{self.positive}|invalid:wrong|version:1"

    def statistics(
        self, gold: Gold, value: Gold | None, evidence: float | None = None
    ) -> tuple[float, ...]:
        """Four counts of 0 or 1: right; positive and right; predicted positive; gold positive."""
        if not self.positive:
            raise ValueError("the metric accuracy_f1 needs a positive label")
        predicted, positive = value == self.positive, gold == self.positive
        return tuple(map(float, (value == gold, predicted and positive, predicted, positive)))

    def score(self, rows: Sequence[tuple[float, ...]]) -> Score:
        """0 to 100. F1 is 0 where no example is positive and none is called so."""
        right, both, predicted, gold = sums(rows)
        accuracy, f1 = percent(right, len(rows)), percent(2 * both, predicted + gold)
        details = {"accuracy": accuracy, "f1": f1}
        return Score(self.name, (accuracy + f1) / 2, len(rows), details, self.signature)
