"""Accuracy, alone and beside the F1 of a positive label.

Both sides come out of the same answer format, so there is nothing left to normalise: an answer is
right if it is the gold answer, letter for letter.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from t2t_xfer.metrics.base import Metric, percent
from t2t_xfer.metrics.chance import chance_level
from t2t_xfer.records import Gold

if TYPE_CHECKING:
    from t2t_xfer.metrics.base import Floats


class Accuracy(Metric):
    """Share of right answers. An invalid prediction is a wrong one.

    XTREME's `evaluate.py` compares stripped lines and divides by the number of predictions;
    `statistics_by_id` makes sure that this is the number of examples.
    """

    name = "accuracy"
    answers = ("label", "choice")
    signature: ClassVar[str] = "accuracy|match:exact|invalid:wrong|version:1"

    def statistics(
        self, gold: Gold, value: Gold | None, evidence: float | None = None
    ) -> tuple[float, ...]:
        """1 for a right answer, 0 for a wrong one."""
        return (float(value == gold),)

    def score(self, sums: Floats, n: Floats) -> Floats:
        """The share of ones."""
        return percent(sums[..., 0], n)

    def chance(self, golds: Sequence[Gold], options: Sequence[str]) -> float:
        """The share of the rarest answer."""
        counts = Counter(golds)
        return chance_level(counts[name] for name in options)


@dataclass(frozen=True)
class AccuracyF1(Metric):
    """The mean of accuracy and the F1 of the positive label, as GLUE scores QQP.

    An invalid prediction is wrong, and not a positive one. The positive label is named, never
    guessed from an order: F1 of the other label is another number.

    >>> metric = AccuracyF1("paraphrase")
    >>> metric.scored([metric.statistics("paraphrase", "different")]).value
    0.0
    """

    positive: str = ""
    """The label whose F1 counts: the task's `positive_label`."""
    name = "accuracy_f1"
    answers = ("label",)

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

    def score(self, sums: Floats, n: Floats) -> Floats:
        """The mean of both figures."""
        both = self.details(sums, n)
        return (both["accuracy"] + both["f1"]) / 2

    def details(self, sums: Floats, n: Floats) -> dict[str, Floats]:
        """F1 is 0 where no example is positive and none is called so."""
        f1 = percent(2 * sums[..., 1], sums[..., 2] + sums[..., 3])
        return {"accuracy": percent(sums[..., 0], n), "f1": f1}
