"""SQuAD 2.0: exact match and F1 where some questions have no answer, at the best thresholds.

A prediction is the best span with the *evidence* that it beats "no answer"; the null score is the
evidence with its sign turned. A threshold on the null score decides: above it, there is no answer.
A question without an answer counts 1 if and only if that is what was predicted.

The semantics are those of the official `evaluate-v2.0.py` of SQuAD 2.0, which the published
"best exact" and "best F1" come from: exact match and F1 have a threshold each, chosen on the
predictions by one sweep. It starts with no question answered, takes them in by ascending null score
(of equal ones in the order given), and remembers the null score of the question after which the
sum of the scores was first at its highest.

    null scores   -5   -1   2           the sum starts at 1: one question has no answer
    answerable    yes  no   yes         +1 -> 2, -1 -> 1, +1 -> 2: the threshold is -5

>>> find_best_threshold([Candidate(-5.0, 1.0), Candidate(-1.0, -1.0), Candidate(2.0, 1.0)], 1)
Best(threshold=-5.0, total=2.0)
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from t2t_xfer.metrics.metric import percent, statistics_by_id, sums
from t2t_xfer.metrics.squad import normalized
from t2t_xfer.records import Answer, Gold, Prediction, Score


class Candidate(NamedTuple):
    """A question that a threshold may let in."""

    null: float
    """The null score: what speaks against an answer."""
    gain: float
    """What the sum of the scores gains (or loses) when the predicted span stands."""


class Best(NamedTuple):
    """Where the sweep was at its highest."""

    threshold: float
    """Predictions with a null score above it are "no answer"."""
    total: float
    """The sum of the scores there. Where several questions have the threshold as their null score
    the sweep can stop between them, and no threshold reaches this sum."""


def find_best_threshold(candidates: Sequence[Candidate], unanswerable: int) -> Best:
    """The official sweep; see the module.

    If no question is worth answering, the official threshold is 0, which is below all null scores
    as long as these are probabilities. Ours may be negative: it is just below the lowest then.

    Args:
        unanswerable: how many of the questions have no answer. They are right at the start.
    """
    total = best = float(unanswerable)
    ordered = sorted(candidates, key=lambda candidate: candidate.null)
    threshold = 0.0
    if ordered and ordered[0].null <= threshold:
        threshold = math.nextafter(ordered[0].null, -math.inf)
    for candidate in ordered:
        total += candidate.gain
        if total > best:
            best, threshold = total, candidate.null
    return Best(threshold, best)


@dataclass(frozen=True)
class SquadV2:
    """The mean of exact match and F1, each at its own threshold; both are in the details.

    Without thresholds every span stands, and only an empty text is "no answer". So it is, too, for
    a prediction without evidence. An invalid prediction is wrong.
    """

    exact_threshold: float | None = None
    """On the null score, for exact match. None: nothing was tuned."""
    f1_threshold: float | None = None
    name: str = "squad_v2"
    signature: str = (
        "squad_v2|mean:exact_match,f1|normalizer:squad1.1|answers:best"
        "|thresholds:evaluate-v2.0,one-each|version:1"
    )

    def tuned(self, golds: Mapping[str, Gold], predictions: Iterable[Prediction]) -> SquadV2:
        """The thresholds that are best on these predictions.

        Predictions without evidence (the gold answers, or text that was written freely) have
        nothing to compare with a threshold. If none has any, nothing is tuned.

        Raises:
            UserError: as `statistics_by_id`.
        """
        found = list(predictions)
        raw = statistics_by_id(SquadV2(), golds, found)
        compared = [prediction for prediction in found if prediction.evidence is not None]
        if not compared:
            return SquadV2()
        unanswerable = sum(not golds[prediction.id] for prediction in compared)
        thresholds = [
            find_best_threshold(
                [_candidate(each, golds[each.id], raw[each.id][column]) for each in compared],
                unanswerable,
            ).threshold
            for column in range(2)
        ]
        return replace(self, exact_threshold=thresholds[0], f1_threshold=thresholds[1])

    def statistics(
        self, gold: Gold, value: Gold | None, evidence: float | None = None
    ) -> tuple[float, ...]:
        """Exact match and F1, 0 to 1; 1 if there is an answer; and both scores times that."""
        texts = _accepted(gold)
        answerable = float(bool(gold))
        exact, _ = _scores(texts, self._decided(value, evidence, self.exact_threshold))
        _, f1 = _scores(texts, self._decided(value, evidence, self.f1_threshold))
        return (exact, f1, answerable, exact * answerable, f1 * answerable)

    def score(self, rows: Sequence[tuple[float, ...]]) -> Score:
        """Means over all examples and, where there are any, over those with and without an answer
        (`HasAns_…`, `NoAns_…`), 0 to 100; and the thresholds."""
        exact, f1, answerable, answered_exact, answered_f1 = sums(rows)
        details = {"exact_match": percent(exact, len(rows)), "f1": percent(f1, len(rows))}
        if answerable:
            details["HasAns_exact"] = percent(answered_exact, answerable)
            details["HasAns_f1"] = percent(answered_f1, answerable)
        if unanswerable := len(rows) - answerable:
            details["NoAns_exact"] = percent(exact - answered_exact, unanswerable)
            details["NoAns_f1"] = percent(f1 - answered_f1, unanswerable)
        if self.exact_threshold is not None and self.f1_threshold is not None:
            details["best_exact_thresh"] = self.exact_threshold
            details["best_f1_thresh"] = self.f1_threshold
        mean = (details["exact_match"] + details["f1"]) / 2
        return Score(self.name, mean, len(rows), details, self.signature)

    def _decided(
        self, value: Gold | None, evidence: float | None, threshold: float | None
    ) -> str | None:
        """The answer that counts; empty: there is none."""
        if threshold is not None and evidence is not None and -evidence > threshold:
            return ""
        if value is not None and not isinstance(value, str):
            raise ValueError(f"{value!r} is no text")
        return value


def _candidate(prediction: Prediction, gold: Gold, score: float) -> Candidate:
    """What an answer to this question gains over none: its score, or the loss of a sure point."""
    assert prediction.evidence is not None
    sure_point = 0.0 if prediction.value == "" else 1.0
    return Candidate(-prediction.evidence, score if gold else -sure_point)


def _accepted(gold: Gold) -> list[str]:
    """The accepted answers that are not empty once normalised; if there are none, the empty one."""
    texts = [answer.text for answer in gold if isinstance(answer, Answer)]
    if isinstance(gold, str) or len(texts) < len(gold):
        raise ValueError(f"{gold!r} are no answers with places")
    return [text for text in map(normalized, texts) if text] or [""]


def _scores(texts: Sequence[str], value: str | None) -> tuple[float, float]:
    """Exact match and F1 against whichever normalised text suits best."""
    if value is None:
        return (0.0, 0.0)
    found = normalized(value)
    return float(found in texts), max(_f1(found.split(), text.split()) for text in texts)


def _f1(found: list[str], wanted: list[str]) -> float:
    """Harmonic mean of precision and recall over words. Nothing against nothing is 1 here."""
    if not found or not wanted:
        return float(found == wanted)
    same = sum((Counter(found) & Counter(wanted)).values())
    return 2 * same / (len(found) + len(wanted))
