"""Evidence, without a model, that the labels of a data set are the wrong way round.

Inverted labels are learnt as well as right ones, so no training notices them. Two things do:

- Where two texts say the same, or one follows from the other, they mostly share more words than
  where they do not. Asked of the largest split of a language only: small ones may be adversarial
  (in ANLI contradictions share more). PAWS was made so that overlap says nothing; nothing is said.
- Where the same id is the same example in every language, it has the same label in every language.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import sqrt
from statistics import fmean, pvariance

from t2t_xfer.data.source import Source
from t2t_xfer.languages import language
from t2t_xfer.records import Example, Value
from t2t_xfer.specs.task import TaskSpec
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


def order_problems(task: TaskSpec, source: Source) -> Iterator[str]:
    """Numbers that the data set itself names otherwise than the task does.

    Exchanged kinds (`PER` for `LOC`) and exchanged labels are learnt as well as right ones, and
    break no rule that rows could show. The hub says what its numbers mean; other sources do not.
    """
    column = task.tags_field or task.label_field
    for part in task.data.sources:
        if part.hub is None or column is None:
            continue
        config = part.hub.config_for(task.source_language)
        theirs = part.columns.get(column, column)
        names = source.class_names(part.hub.id, config).get(theirs, ())
        ours = task.tags or _by_number(task, part.labels)
        same = sorted(map(str.casefold, names)) == sorted(map(str.casefold, ours))
        if same and [n.casefold() for n in names] != [n.casefold() for n in ours]:
            yield (
                f"{part.hub.id}/{config}: its numbers of {theirs!r} mean {', '.join(names)}, in"
                f" this order, but the task has {', '.join(ours)}."
            )


def _by_number(task: TaskSpec, own: Mapping[str, object]) -> tuple[str, ...]:
    """The labels in the order of their values, if these are 0, 1, 2, …; else none."""
    values = {own.get(name, label.value): name for name, label in task.labels.items()}
    numbers = range(len(values))
    whole = all(type(value) is int for value in values) and {*values} == {*numbers}
    return tuple(values[number] for number in numbers) if whole else ()


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
