"""Metrics of sentence pairs: Tatoeba's accuracy and BUCC's F1, as XTREME scores them.

    statistics of a foreign sentence     (right, mined, gold)
    has a partner, and it was found       1 1 1
    has one, another was mined            0 1 1
    has one, nothing was mined            0 0 1
    has none, something was mined         0 1 0

>>> pair_scores({("de-1", "en-7"), ("de-2", "en-9")}, {("de-1", "en-7")})["recall"]
100.0
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING, Any, ClassVar

from t2t_xfer.errors import UserError
from t2t_xfer.metrics.base import Metric, percent
from t2t_xfer.records import Gold, Prediction

if TYPE_CHECKING:
    from t2t_xfer.metrics.base import Floats


class RetrievalAccuracy(Metric):
    """Share of queries whose best candidate is the aligned one.

    Accuracy at 1 in the direction English to target language, among all target-language sentences
    of the split. A smaller split (`--limit`) has fewer wrong sentences to find, so scores of
    different sizes do not compare.
    """

    name = "retrieval_accuracy"
    answers = ("pair",)
    signature: ClassVar[str] = "retrieval_accuracy|direction:en-to-target|at:1|version:1"

    def statistics(
        self, gold: Gold, value: Gold | None, evidence: float | None = None
    ) -> tuple[float, ...]:
        """1 for the aligned sentence's id, 0 for another."""
        return (float(value == gold),)

    def score(self, sums: Floats, n: Floats) -> Floats:
        """The share of ones."""
        return percent(sums[..., 0], n)


@dataclass(frozen=True)
class BuccF1(Metric):
    """F1 of the pairs that were mined against the pairs that are there, both as sets.

    A mined pair stands if its margin reaches the threshold. As in XTREME, the threshold is the one
    with the best F1, half-way between two margins that follow each other.
    """

    threshold: float | None = None
    """The least margin of a pair that stands. None: every mined pair stands."""
    name = "bucc_f1"
    answers = ("pair",)
    signature: ClassVar[str] = "bucc_f1|pairs:set|threshold:midpoint-of-best-f1|version:1"

    def statistics(
        self, gold: Gold, value: Gold | None, evidence: float | None = None
    ) -> tuple[float, ...]:
        """Pairs that are right, mined and there, of one foreign sentence.

        Args:
            gold: the id of the English sentence, empty if there is none, several as a tuple.
            value: the mined id; empty or None if none was mined.
            evidence: its margin. None: the pair stands (the oracle's do).
        """
        partners = _partners(gold)
        low = self.threshold is not None and evidence is not None and evidence < self.threshold
        mined = bool(value) and not low
        return float(mined and value in partners), float(mined), float(len(partners))

    def tuned(self, golds: Mapping[str, Gold], predictions: Iterable[Prediction]) -> BuccF1:
        """With the threshold of the best F1 on these predictions; the highest of several.

        Raises:
            UserError: a prediction answers no example.
        """
        mined: list[tuple[float, bool]] = []
        for prediction in predictions:
            if prediction.id not in golds:
                raise UserError(f"prediction {prediction.id!r} answers no example of the data set.")
            if prediction.value and prediction.evidence is not None:
                right = prediction.value in _partners(golds[prediction.id])
                mined.append((prediction.evidence, right))
        num_gold = sum(len(_partners(gold)) for gold in golds.values())
        return replace(self, threshold=_best_threshold(mined, num_gold))

    def score(self, sums: Floats, n: Floats) -> Floats:
        """F1; 0 if no pair is right."""
        return percent(2 * sums[..., 0], sums[..., 1] + sums[..., 2])

    def details(self, sums: Floats, n: Floats) -> dict[str, Floats]:
        """Precision and recall; and the threshold."""
        import numpy as np

        found = {
            "precision": percent(sums[..., 0], sums[..., 1]),
            "recall": percent(sums[..., 0], sums[..., 2]),
        }
        if self.threshold is not None:
            found["threshold"] = np.array(self.threshold)
        return found


def _partners(gold: Gold) -> tuple[object, ...]:
    if isinstance(gold, str):
        return (gold,) if gold else ()
    return gold


def _best_threshold(mined: Iterable[tuple[float, bool]], num_gold: int) -> float | None:
    """Half-way between the last margin that should stand and the next; None if none is right."""
    by_margin = [
        (margin, [right for _, right in group])
        for margin, group in groupby(sorted(mined, reverse=True), key=lambda pair: pair[0])
    ]
    best, threshold = 0.0, None
    num_right = num_mined = 0
    for place, (margin, rights) in enumerate(by_margin):
        num_right += sum(rights)
        num_mined += len(rights)
        f1 = 2 * num_right / (num_mined + num_gold) if num_right else 0.0
        if f1 > best:
            # After the last one there is nothing to go half-way to.
            below = by_margin[place + 1][0] if place + 1 < len(by_margin) else margin
            middle = (margin + below) / 2
            best, threshold = f1, middle if middle > below else margin
    return threshold


def pair_scores(found: Set[tuple[Any, ...]], gold: Set[tuple[Any, ...]]) -> dict[str, float]:
    """F1, precision and recall of two sets of pairs, 0 to 100."""
    sums = float(len(found & gold)), float(len(found)), float(len(gold))
    score = BuccF1().scored([sums])
    return {"f1": score.value, **score.details}
