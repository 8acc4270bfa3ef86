"""Checking one split of one language, every row of it.

gold -> target text -> parser -> gold     by every readout that the answer format has
gold -> metric                            the ceiling, which the way through the text must reach

Beside that, counts and ids of rows that load but that a person should know about. The same text
twice may be right (a greeting); half a test set that stands in the training rows is not.
"""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean, pvariance
from typing import NamedTuple

import numpy as np

from t2t_xfer.architectures import ARCHITECTURES, way_of
from t2t_xfer.check.findings import (
    BELOW,
    LESS,
    NOT_BACK,
    UNFIT,
    UNLABELLED,
    UNREAD,
    BadRow,
    Finding,
    Lengths,
    Overlap,
    Sample,
    SplitNumbers,
)
from t2t_xfer.check.model import Tokens
from t2t_xfer.data.examples import broken_rows, read_examples
from t2t_xfer.data.sources import Source
from t2t_xfer.engines import MajorityEngine
from t2t_xfer.errors import AbsentError, DataError, UnlabelledError, UserError
from t2t_xfer.languages import LANGUAGES, letters_outside
from t2t_xfer.languages import language as language_of
from t2t_xfer.metrics import Metric, Tuned, statistics_by_id
from t2t_xfer.records import (
    Answer,
    Copied,
    Example,
    Generation,
    Gold,
    Pair,
    Prediction,
    Prompted,
    Question,
    Readout,
    Slots,
    Split,
    Status,
    Value,
)
from t2t_xfer.stages.logs import plain
from t2t_xfer.stages.task import Task, render

QUOTED = 5
"""Rows that cannot be used, quoted in full; the others are counted."""
FULL = 100.0 - 1e-9
"""A score from here on is 100: sums of floats may be off in the last digit."""
LEAST_LETTERS = 8
"""Texts with fewer letters say nothing of their script."""


class TrainingRows(NamedTuple):
    """Of the rows that a task is trained on; nothing where there are none that can be read."""

    name: str
    """Of the task that they belong to."""
    golds: Sequence[Gold | None] = ()
    keys: Mapping[int, str] = {}
    """See `row_keys`; the id of one row for each."""


@dataclass(frozen=True)
class SplitSetting:
    """What is the same for every split of a task."""

    task: Task
    source: Source
    limit: int | None
    tokens: Tokens | None
    """The tokenizer that is asked about, if there is one."""
    majority: str | None
    """The option that the majority engine would give."""
    train: TrainingRows


class Looked(NamedTuple):
    """What was found in a split."""

    findings: Sequence[Finding]
    numbers: SplitNumbers | None = None
    golds: Mapping[str, Gold] = {}
    """Gold answer by id, which other languages of a parallel task are compared with."""
    sample: Sample | None = None
    """A row of median length."""


@dataclass(frozen=True)
class _Rows:
    """A split, read and rendered."""

    task: Task
    language: str
    split: Split
    examples: Sequence[Example]
    said: Sequence[Example]
    """Those with a gold answer; one that no model can give is the nearest that one can."""
    prompted: Sequence[Prompted]

    @property
    def where(self) -> str:
        return f"{self.language}/{self.split}"

    @property
    def golds(self) -> dict[str, Gold]:
        return {each.id: each.gold for each in self.examples if each.gold is not None}


def check_split(
    setting: SplitSetting, language: str, split: Split, source_golds: Mapping[str, Gold]
) -> Looked:
    """Reads, renders, parses and scores every row. What is wrong with the data is in the result.

    Args:
        source_golds: of the same split in the source language by id, for parallel tasks.
    """
    where = f"{language}/{split}"
    try:
        rows = _read(setting, language, split)
        numbers, findings = _examined(setting, rows, source_golds)
    except UnlabelledError as e:
        return Looked([Finding("note", where, str(e), kind=UNLABELLED)])
    except UserError as e:
        why = _all_that_is_wrong(setting, language, split, e)
        return Looked([Finding("problem", where, why, kind=UNREAD)])
    median = numbers.lengths["input_characters"].median
    shown = next(text for text in rows.prompted if len(text.input) == median)
    sample = Sample(language, split, shown.id, shown.input, shown.target)
    return Looked(findings, numbers, rows.golds, sample)


def _read(setting: SplitSetting, language: str, split: Split) -> _Rows:
    task = setting.task
    examples = read_examples(
        task.spec,
        setting.source,
        language,
        split,
        setting.limit,
        # Nothing is trained or tuned here: rows that a positive control would train on are
        # only looked at.
        allow_target_language_training=True,
    )
    said = [replace(e, gold=reachable(task, e.gold)) for e in examples if e.gold is not None]
    prompted = [render(task, example) for example in said]
    return _Rows(task, language, split, examples, said, prompted)


def _all_that_is_wrong(setting: SplitSetting, language: str, split: Split, error: UserError) -> str:
    """The error, and the other rows that have one."""
    if not isinstance(error, DataError) or isinstance(error, AbsentError):
        return str(error)
    found = broken_rows(setting.task.spec, setting.source, language, split)
    if len(found) < 2:
        return str(error)
    more = f" (and {len(found) - QUOTED} more)" if len(found) > QUOTED else ""
    return f"{len(found)} rows cannot be used: {' | '.join(found[:QUOTED])}{more}"


def _examined(
    setting: SplitSetting, rows: _Rows, source_golds: Mapping[str, Gold]
) -> tuple[SplitNumbers, list[Finding]]:
    task, prompted, golds = setting.task, rows.prompted, rows.golds
    metric = task.metric.for_language(rows.language)
    right, oracle, ceiling, findings = _through_text(rows, metric, golds)
    lengths = {
        "input_characters": Lengths.of(len(text.input) for text in prompted),
        "target_characters": Lengths.of(len(text.target) for text in prompted),
    }
    if task.answer.asks is Slots:
        lengths["words"] = Lengths.of(len(text.slot_targets) for text in prompted)
    if setting.tokens is not None:
        counts = setting.tokens.count([text.input for text in prompted])
        lengths["input_tokens"] = Lengths.of(counts)
        if unfit := setting.tokens.unfit(task, prompted, rows.split):
            findings.append(Finding("problem", rows.where, unfit, kind=UNFIT))
    names = ("target",) if task.answer.asks is Pair else used_fields(prompted)
    findings += doubts(rows.language, rows.split, rows.examples, names, setting.train)
    both = golds.keys() & source_golds.keys()
    agreeing = sum(golds[id] == source_golds[id] for id in both)
    numbers = SplitNumbers(
        n=len(rows.examples),
        round_trip=right,
        oracle=oracle,
        ceiling=ceiling,
        histogram=_histogram(task, golds.values()),
        majority=_majority(setting, metric, golds, prompted),
        lengths=lengths,
        overlap=_overlaps(task, rows.examples),
        agreement=100.0 * agreeing / len(both) if both else None,
    )
    return numbers, findings


def _through_text(
    rows: _Rows, metric: Metric, golds: Mapping[str, Gold]
) -> tuple[dict[str, int], float, float, list[Finding]]:
    """Answers that came back by each readout, their score, that of the gold answers themselves, and
    what is wrong with either."""
    task, where, findings = rows.task, rows.where, list[Finding]()
    expected = {e.id: expected_value(task, e.gold) for e in rows.said if e.gold is not None}
    right, oracle = dict[str, int](), 0.0
    for readout in readouts_of_format(task.answer.asks):
        found = _predictions(task, readout, rows.said, rows.prompted)
        lost = [p for p in found if p.value != expected[p.id]]
        right[readout.value] = len(found) - len(lost)
        if readout is Readout.generate:
            oracle = _score(metric, golds, found)[0]
        if lost:
            bad = tuple(_bad_row(metric, golds[p.id], p, readout) for p in lost)
            what = (
                f"{len(lost)} of {len(golds)} gold answers do not come back by {readout.value},"
                f" for example {bad[0].id!r}: gold {bad[0].gold!r}, back {bad[0].value!r}."
            )
            findings.append(Finding("problem", where, what, bad, NOT_BACK))
    ideal = [Prediction(id, value, Status.exact) for id, value in expected.items()]
    ceiling, below = _score(metric, golds, ideal)
    if oracle < ceiling - 1e-9:
        what = (
            f"the gold answers score {ceiling:.2f}, but {oracle:.2f} once they have gone through"
            " text and parser."
        )
        findings.append(Finding("problem", where, what, kind=LESS))
    if below:
        findings.append(Finding("note", where, "score below 100", tuple(below), BELOW))
    return right, oracle, ceiling, findings


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
    value = metric.scored(list(statistics.values())).value
    if value >= FULL:
        return value, []
    table = np.array([*statistics.values()])
    alone = metric.score(table, np.ones(len(table)))
    full = table[alone >= FULL][:1]
    beside = metric.score(table + full.sum(axis=0), np.full(len(table), 1.0 + len(full)))
    values = {prediction.id: prediction.value for prediction in predictions}
    return value, [
        BadRow(id, plain(golds[id]), plain(values[id]), "", float(score))
        for id, score, both in zip(statistics, alone, beside, strict=True)
        if both < FULL
    ]


def _bad_row(metric: Metric, gold: Gold, prediction: Prediction, readout: Readout) -> BadRow:
    try:
        score = metric.scored([metric.statistics(gold, prediction.value)]).value
    except UserError:  # not as many tags as words
        score = 0.0
    return BadRow(prediction.id, plain(gold), plain(prediction.value), readout.value, score)


def _majority(
    setting: SplitSetting, metric: Metric, golds: Mapping[str, Gold], prompted: Sequence[Prompted]
) -> float | None:
    if setting.majority is None:
        return None
    answer = setting.task.answer
    read = MajorityEngine(answer.options, setting.majority).answer(prompted, Readout.slots)
    found = [answer.parse(each, text) for each, text in zip(read, prompted, strict=True)]
    statistics = statistics_by_id(metric, golds, found)
    return metric.scored(list(statistics.values())).value


def _histogram(task: Task, golds: Iterable[Gold]) -> dict[str, int]:
    """How often each answer is the right one, in the order of the task's YAML.

    Labels and letters by name, tags over all words (those that cannot be predicted last); of open
    answers only what kind they are.
    """
    counts: Counter[str] = Counter()
    for gold in golds:
        if task.answer.asks is Pair:
            counts["translated" if gold else "alone"] += 1
        elif task.answer.asks is Copied:
            counts["answerable" if gold else "unanswerable"] += 1
        else:
            counts.update([gold] if isinstance(gold, str) else map(str, gold))
    return {**{name: counts[name] for name in task.options}, **counts}


def _overlaps(task: Task, examples: Sequence[Example]) -> dict[str, Overlap]:
    """How many words the two texts of a row have in common, by label in the task's order.

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


def _words(value: Value, code: str) -> frozenset[str] | None:
    if not isinstance(value, str):
        return None
    text = value.casefold()
    return frozenset(text.replace(" ", "") if language_of(code).no_spaces else text.split())


def readouts_of_format(asks: type[Question]) -> tuple[Readout, ...]:
    """`generate`, which every format can be logged in, and what any architecture offers."""
    offered = [
        readout for architecture in ARCHITECTURES for readout in way_of(architecture, asks).readouts
    ]
    return tuple(dict.fromkeys([Readout.generate, *offered]))


def gold_generation(
    readout: Readout, task: Task, example: Example, prompted: Prompted
) -> Generation | None:
    """What a perfect engine would have read for this example.

    label    generate: the word      slots, rank: the highest score for the word
    span     generate: the text      slots: the place
    tags     generate: `0:DET …`     slots: one choice a word
    pair     generate: the id        embed, rank: the id as the nearest neighbour

    Args:
        example: with a gold answer that can be predicted (`reachable`).

    Returns:
        None where no reading says it alone: that a question has no answer is decided by a
        threshold beside its best span.
    """
    if readout is Readout.generate:
        return Generation(example.id, readout, text=prompted.target)
    if task.answer.asks is Pair:
        found = (prompted.target,) if prompted.target else ()
        return Generation(example.id, readout, scores=(1.0,) * len(found), neighbours=found)
    if isinstance(prompted.question, Slots):
        index = {text: i for i, text in enumerate(task.answer.options)}
        choices = tuple(index[target] for target in prompted.slot_targets)
        return Generation(example.id, readout, choices=choices)
    if isinstance(prompted.question, Copied):
        answer = prompted.answer
        place = None if answer is None else (answer.start, answer.end)
        return None if place is None else Generation(example.id, readout, place=place)
    best = task.options.index(str(example.gold))
    scores = tuple(0.0 if i == best else -1.0 for i in range(len(task.options)))
    # Options that are all as long, and as probable without the example.
    lengths, alone = (1,) * len(scores), (0.0,) * len(scores)
    return Generation(example.id, readout, scores=scores, lengths=lengths, without_context=(alone,))


def reachable(task: Task, gold: Gold) -> Gold:
    """The gold answer, or the nearest that can be predicted at all.

    Only tags have answers that cannot: a category that the training split does not hold (CCG).
    """
    if task.answer.asks is not Slots:
        return gold
    known = task.answer.options
    other = task.spec.default_tag or known[0]
    return tuple(str(tag) if tag in known else other for tag in gold)


def expected_value(task: Task, gold: Gold) -> Gold:
    """What a prediction must hold to be the gold answer.

    Of several accepted answers to a question the first, which is what models are trained on,
    without the white space at its ends; empty: the question cannot be answered. Of several
    translations the first.
    """
    if isinstance(gold, str) or task.answer.asks is Slots:
        return gold
    if not gold:
        return ""
    first = gold[0]
    return first.text.strip() if isinstance(first, Answer) else first


def used_fields(prompted: Sequence[Prompted]) -> tuple[str, ...]:
    """The fields that the prompt shows, in the order in which it does."""
    regions = prompted[0].regions if prompted else ()
    return tuple(dict.fromkeys(region.field.replace("[", ".").split(".")[0] for region in regions))


def row_keys(examples: Iterable[Example], names: Sequence[str]) -> Iterator[tuple[str, int]]:
    """The id of each example, and what is equal for two examples of the same text."""
    for example in examples:
        text = unicodedata.normalize("NFKC", "\n".join(_texts(example, names))).casefold()
        if words := text.split():
            yield example.id, hash(" ".join(words))


def doubts(
    language: str,
    split: Split,
    examples: Sequence[Example],
    names: Sequence[str],
    train: TrainingRows,
) -> Iterator[Finding]:
    """Rows of a split that load and may be wrong, sort by sort.

    Args:
        names: the fields whose texts count (`used_fields`).
        train: looked at for other splits.
    """
    keys = list(row_keys(examples, names))
    again, against = _repeated(examples, keys)
    spoken = LANGUAGES[language]
    script = f"are mostly not in {spoken.script} script, which {spoken.name} is written in"
    sorts: list[tuple[str, str, Iterable[str]]] = [
        (
            "in training",
            f"stand in the training rows of {train.name} too",
            (id for id, key in keys if split != "train" and key in train.keys),
        ),
        (
            "scheme",
            "have a tag `I-…` that goes on with nothing and is read as `B-…`",
            (e.id for e in examples if e.converted),
        ),
        (
            # pandas writes tab-separated files so.
            "quoted",
            "have a text that begins and ends with a quotation mark and holds two in a row, as a"
            " quoted cell does (`data: {tsv: quoted}` reads them)",
            (e.id for e in examples if any(map(_is_quoted, _texts(e, list(e.fields))))),
        ),
        (
            "empty",
            "have an empty text",
            (e.id for e in examples if not all(text.strip() for text in _texts(e, names))),
        ),
        ("repeated", "have the text of an earlier row", again),
        ("contradicting", "have one text and different answers", against),
        (
            "script",
            script,
            (e.id for e in examples if _is_foreign(" ".join(_texts(e, names)), language)),
        ),
    ]
    for kind, what, ids in sorts:
        if rows := tuple(ids):
            yield Finding("doubt", f"{language}/{split}", what, rows, kind)


def _is_quoted(text: str) -> bool:
    inner = text[1:-1]
    return text[:1] == text[-1:] == '"' and '""' in inner and '"' not in inner.replace('""', "")


def _is_foreign(text: str, language: str) -> bool:
    letters, outside = letters_outside(text, language)
    return letters >= LEAST_LETTERS and 2 * outside > letters


def _repeated(
    examples: Sequence[Example], keys: Sequence[tuple[str, int]]
) -> tuple[list[str], list[str]]:
    """Rows with the text of an earlier one; and those whose answers differ for one text."""
    golds = {example.id: example.gold for example in examples}
    rows: dict[int, list[str]] = defaultdict(list)
    for id, key in keys:
        rows[key].append(id)
    same, other = list[str](), list[str]()
    for ids in rows.values():
        same += ids[1:]
        # A pair's gold answer is its own id, and spans of one question may all be right.
        if isinstance(golds[ids[0]], str) and golds[ids[0]] != ids[0]:
            other += [id for id in ids if any(golds[id] != golds[each] for each in ids)]
    return same, other


def _texts(example: Example, names: Sequence[str]) -> Iterator[str]:
    for name in names:
        if name in example.fields:
            yield from _strings(example.fields[name])


def _strings(value: Value) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from _strings(item)
