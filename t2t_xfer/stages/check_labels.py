"""Evidence, without a model, that the labels of a data set are the wrong way round.

Inverted labels are learnt as well as right ones, so no training notices them. Two things do:

- Where two texts say the same, or one follows from the other, they mostly share more words than
  where they do not. Asked of the largest split of a language only: small ones may be adversarial
  (in ANLI contradictions share more). PAWS was made so that overlap says nothing; nothing is said.
- Where the same id is the same example in every language, it has the same label in every language.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from math import sqrt
from statistics import fmean, pvariance

from t2t_xfer.languages import language
from t2t_xfer.records import Example, Value
from t2t_xfer.stages.check_findings import LanguageCheck, Overlap
from t2t_xfer.stages.task import Task

ALIKE = frozenset({"entailment", "paraphrase", "duplicate", "equivalent", "same", "similar"})
"""Labels, as tasks name them, of texts that should be closer than the others'."""
CLEAR = 0.15
"""Least difference of two means, in standard deviations. MNLI has 0.4, QQP 0.8, PAWS-X 0.0."""
CLEAR_ERRORS = 4.0
"""And in standard errors."""
LEAST_AGREEMENT = 90.0
"""Percent of parallel rows that must have the source language's label."""


def overlaps(task: Task, examples: Sequence[Example]) -> dict[str, Overlap]:
    """How many words the two texts have in common, by label in the task's order.

    Empty where a task does not ask about two texts.
    """
    fields = tuple(task.spec.fields)
    if task.answer.name != "label" or len(fields) != 2:
        return {}
    shares: dict[str, list[float]] = defaultdict(list)
    for example in examples:
        first, second = (_words(example.fields[name], example.language) for name in fields)
        if first is not None and second is not None:
            shares[str(example.gold)].append(len(first & second) / max(1, len(first | second)))
    return {
        name: Overlap(fmean(shares[name]), pvariance(shares[name]), len(shares[name]))
        for name in task.options
        if shares[name]
    }


def label_alarms(languages: Iterable[LanguageCheck], source: str) -> list[str]:
    """A sentence for each language whose labels look inverted."""
    alarms: list[str] = []
    for each in languages:
        if not each.splits:
            continue
        largest = max(each.splits, key=lambda split: split.n)
        alarms += _overlap_alarms(largest.overlap, f"{each.language}/{largest.split}")
        for split in each.splits:
            if split.agreement is not None and split.agreement < LEAST_AGREEMENT:
                alarms.append(
                    f"{each.language}/{split.split}: only {split.agreement:.1f} % of the rows have"
                    f" the label that the same id has in {source}: labels may be inverted, or"
                    " rows out of order."
                )
    return alarms


def _overlap_alarms(found: Mapping[str, Overlap], where: str) -> list[str]:
    return [
        f"{where}: the texts of {other!r} share more words than those of {alike!r}"
        f" ({found[other].mean:.2f} and {found[alike].mean:.2f} of all words): these labels may be"
        " exchanged. (Or the examples were chosen to mislead.)"
        for alike in found
        for other in found
        if alike.casefold() in ALIKE
        and other.casefold() not in ALIKE
        and _clearly_more(found[other], found[alike])
    ]


def _clearly_more(other: Overlap, alike: Overlap) -> bool:
    more = other.mean - alike.mean
    spread = sqrt((other.variance + alike.variance) / 2)
    error = sqrt(other.variance / other.n + alike.variance / alike.n)
    return more > CLEAR * spread and more > CLEAR_ERRORS * error


def _words(value: Value, code: str) -> frozenset[str] | None:
    if not isinstance(value, str):
        return None
    text = value.casefold()
    return frozenset(text.replace(" ", "") if language(code).no_spaces else text.split())
