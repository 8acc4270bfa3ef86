"""Checking one split of one language: every row from its gold answer to text and back.

gold -> target text -> parser -> gold     by every readout that the answer format has
gold -> metric                            the ceiling, which the way through the text must reach
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from t2t_xfer.data.broken import broken_rows
from t2t_xfer.data.examples import read_examples
from t2t_xfer.data.source import Source
from t2t_xfer.engines import MajorityEngine
from t2t_xfer.errors import AbsentError, DataError, UnlabelledError, UserError
from t2t_xfer.metrics import Metric, Tuned, in_language, statistics_by_id
from t2t_xfer.records import (
    Example,
    Gold,
    Json,
    Prediction,
    Prompted,
    Readout,
    Split,
    Status,
)
from t2t_xfer.stages.check_data import doubts, used_fields
from t2t_xfer.stages.check_findings import BadRow, Lengths, SplitCheck
from t2t_xfer.stages.check_labels import overlaps
from t2t_xfer.stages.check_model import Tokens
from t2t_xfer.stages.check_readings import (
    expected_value,
    gold_generation,
    reachable,
    readouts_of_format,
)
from t2t_xfer.stages.logs import plain
from t2t_xfer.stages.task import Task, render

LISTED = 5
"""Rows that cannot be used, quoted in full; the others are counted."""
FULL = 100.0 - 1e-9
"""A score from here on is 100: sums of floats may be off in the last digit."""


@dataclass(frozen=True)
class Wanted:
    """Which rows are looked at, and what is asked of them beside the way to text and back."""

    source: Source
    language: str
    split: Split
    limit: int | None
    majority: str | None
    """The option that the majority engine would give."""
    source_golds: Mapping[str, Gold]
    """Gold answers of the same split in the source language by id, for parallel tasks."""
    tokens: Tokens | None
    """The tokenizer that is asked about, if there is one."""
    train: Mapping[int, str] = field(default_factory=dict)
    """The keys of the training rows (`check_data.row_keys`)."""
    trained_on: str = ""


@dataclass(frozen=True)
class Looked:
    """What was found, and the rows it was found in."""

    check: SplitCheck
    examples: Sequence[Example] = ()
    prompted: Sequence[Prompted] = ()


def check_split(task: Task, wanted: Wanted) -> Looked:
    """Reads, renders, parses and scores every row. What is wrong with the data is in the result."""
    try:
        examples = read_examples(
            task.spec,
            wanted.source,
            wanted.language,
            wanted.split,
            wanted.limit,
            # Nothing is trained or tuned here: rows that a positive control would train on are
            # only looked at.
            allow_target_language_training=True,
        )
        # A gold answer that no model can give is replaced by the nearest that one can.
        said = [replace(e, gold=reachable(task, e.gold)) for e in examples if e.gold is not None]
        prompted = [render(task, example) for example in said]
        check = _examined(task, wanted, examples, said, prompted)
    except UnlabelledError as e:
        return Looked(SplitCheck(wanted.split, "unlabelled", str(e)))
    except UserError as e:
        return Looked(SplitCheck(wanted.split, "failed", _all_that_is_wrong(task, wanted, e)))
    return Looked(check, examples, prompted)


def text_fields(task: Task, prompted: Sequence[Prompted]) -> tuple[str, ...]:
    """The fields whose texts are the row: what the prompt shows; of a pair its foreign side."""
    return ("target",) if task.answer.name == "pair" else used_fields(prompted)


def _all_that_is_wrong(task: Task, wanted: Wanted, error: UserError) -> str:
    """The error, and the other rows that have one."""
    if not isinstance(error, DataError) or isinstance(error, AbsentError):
        return str(error)
    found = broken_rows(task.spec, wanted.source, wanted.language, wanted.split)
    if len(found) < 2:
        return str(error)
    more = f" (and {len(found) - LISTED} more)" if len(found) > LISTED else ""
    return f"{len(found)} rows cannot be used: {' | '.join(found[:LISTED])}{more}"


def _metric(task: Task, wanted: Wanted) -> Metric:
    return in_language(task.metric, wanted.language)


def _examined(
    task: Task,
    wanted: Wanted,
    examples: Sequence[Example],
    said: Sequence[Example],
    prompted: Sequence[Prompted],
) -> SplitCheck:
    golds = {example.id: example.gold for example in examples if example.gold is not None}
    ideal = _ideal(task, said)
    expected = {prediction.id: prediction.value for prediction in ideal}
    metric = _metric(task, wanted)
    right, not_back, oracle = {}, list[BadRow](), 0.0
    for readout in readouts_of_format(task.answer.name):
        found = _predictions(task, readout, said, prompted)
        lost = [p for p in found if p.value != expected[p.id]]
        right[readout] = len(found) - len(lost)
        not_back += [_bad_row(metric, golds[p.id], p, readout) for p in lost]
        if readout is Readout.generate:
            oracle = _score(metric, golds, found)[0]
    ceiling, below = _score(metric, golds, ideal)
    failed = bool(not_back) or oracle < ceiling - 1e-9
    return SplitCheck(
        wanted.split,
        "failed" if failed else "ok",
        n=len(examples),
        right=right,
        not_back=tuple(not_back),
        oracle=oracle,
        ceiling=ceiling,
        below_100=tuple(below),
        histogram=histogram(task, golds.values()),
        majority=_majority(task, metric, wanted.majority, golds, prompted),
        input_characters=Lengths.of(len(text.input) for text in prompted),
        target_characters=Lengths.of(len(text.target) for text in prompted),
        words=Lengths.of(len(p.slots) for p in prompted) if prompted[0].slots else None,
        input_tokens=_tokens(wanted, prompted),
        unfit="" if wanted.tokens is None else wanted.tokens.unfit(task, prompted, wanted.split),
        overlap=overlaps(task, examples),
        agreement=_agreement(golds, wanted.source_golds),
        doubts=doubts(
            wanted.language,
            wanted.split,
            examples,
            text_fields(task, prompted),
            wanted.train,
            wanted.trained_on,
        ),
    )


def _ideal(task: Task, said: Sequence[Example]) -> list[Prediction]:
    """The gold answers as predictions."""
    return [
        Prediction(e.id, expected_value(task, e.gold), Status.exact)
        for e in said
        if e.gold is not None
    ]


def _predictions(
    task: Task, readout: Readout, examples: Sequence[Example], prompted: Sequence[Prompted]
) -> list[Prediction]:
    read = (
        (gold_generation(readout, task, example, text), text)
        for example, text in zip(examples, prompted, strict=True)
    )
    return [task.answer.parse(each, text) for each, text in read if each is not None]


def _score(
    metric: Metric, golds: Mapping[str, Gold], predictions: Sequence[Prediction]
) -> tuple[float, list[BadRow]]:
    """The score, and the rows that take it below 100.

    A row counts if it takes a score of 100 down. Alone many a right row scores 0: a sentence
    without entities has no F1.
    """
    if isinstance(metric, Tuned):
        metric = metric.tuned(golds, predictions)
    statistics = statistics_by_id(metric, golds, predictions)
    value = metric.score(list(statistics.values())).value
    if value >= FULL:
        return value, []
    full = [row for row in statistics.values() if metric.score([row]).value >= FULL][:1]
    values = {prediction.id: prediction.value for prediction in predictions}
    return value, [
        BadRow(id, plain(golds[id]), plain(values[id]), "", metric.score([row]).value)
        for id, row in statistics.items()
        if metric.score([*full, row]).value < FULL
    ]


def _bad_row(metric: Metric, gold: Gold, prediction: Prediction, readout: Readout) -> BadRow:
    try:
        score = metric.score([metric.statistics(gold, prediction.value)]).value
    except UserError:  # not as many tags as words
        score = 0.0
    value: Json = plain(prediction.value)
    return BadRow(prediction.id, plain(gold), value, readout.value, score)


def histogram(task: Task, golds: Iterable[Gold]) -> dict[str, int]:
    """How often each answer is the right one, in the order of the task's YAML.

    Labels and letters by name, tags over all words (those that cannot be predicted last); of open
    answers only what kind they are.
    """
    counts: Counter[str] = Counter()
    for gold in golds:
        if task.answer.name == "pair":
            counts["translated" if gold else "alone"] += 1
        elif task.answer.name == "span":
            counts["answerable" if gold else "unanswerable"] += 1
        else:
            counts.update([gold] if isinstance(gold, str) else map(str, gold))
    known = {name: counts[name] for name in task.options}
    return {**known, **counts}


def _majority(
    task: Task,
    metric: Metric,
    option: str | None,
    golds: Mapping[str, Gold],
    prompted: Sequence[Prompted],
) -> float | None:
    if option is None:
        return None
    read = MajorityEngine(option).read(prompted, task.answer.options, Readout.slots)
    found = [task.answer.parse(each, text) for each, text in zip(read, prompted, strict=True)]
    statistics = statistics_by_id(metric, golds, found)
    return metric.score(list(statistics.values())).value


def _tokens(wanted: Wanted, prompted: Sequence[Prompted]) -> Lengths | None:
    if wanted.tokens is None:
        return None
    return Lengths.of(wanted.tokens.count([text.input for text in prompted]))


def _agreement(golds: Mapping[str, Gold], source: Mapping[str, Gold]) -> float | None:
    both = golds.keys() & source.keys()
    if not both:
        return None
    return 100.0 * sum(golds[id] == source[id] for id in both) / len(both)
