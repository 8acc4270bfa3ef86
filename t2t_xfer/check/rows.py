"""Checking one split of one language, every row of it.

gold -> target text -> parser -> gold     by every readout that the answer format has
gold -> metric                            the ceiling, which the way through the text must reach

Beside that, counts and ids of rows that load but that a person should know about. The same text
twice may be right (a greeting); half a test set that stands in the training rows is not.

Inverted labels are learnt as well as right ones, so no training notices them. Two things do:

- Where two texts say the same, or one follows from the other, they mostly share more words than
  where they do not. Asked of the largest split of a language only: small ones may be adversarial
  (in ANLI contradictions share more). PAWS was made so that overlap says nothing; nothing is said.
- Where the same id is the same example in every language, it has the same label in every language.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import sqrt
from statistics import fmean, pvariance

from t2t_xfer.architectures import ANSWER_READOUTS
from t2t_xfer.check.findings import (
    BadRow,
    Doubt,
    LanguageCheck,
    Lengths,
    Overlap,
    SplitCheck,
)
from t2t_xfer.check.model import Tokens
from t2t_xfer.data.examples import broken_rows, read_examples
from t2t_xfer.data.sources import Source
from t2t_xfer.engines import MajorityEngine
from t2t_xfer.errors import AbsentError, DataError, UnlabelledError, UserError
from t2t_xfer.languages import LANGUAGES, language
from t2t_xfer.metrics import Metric, Tuned, in_language, statistics_by_id
from t2t_xfer.records import (
    Answer,
    Example,
    Generation,
    Gold,
    Json,
    Prediction,
    Prompted,
    Readout,
    Split,
    Status,
    Value,
)
from t2t_xfer.specs.task import TaskSpec
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


def readouts_of_format(name: str) -> tuple[Readout, ...]:
    """`generate`, which every format can be logged in, and what any architecture offers."""
    offered = [
        readout
        for (_, answer), readouts in ANSWER_READOUTS.items()
        if answer == name
        for readout in readouts
    ]
    return tuple(dict.fromkeys([Readout.generate, *offered]))


def gold_generation(
    readout: Readout, task: Task, example: Example, prompted: Prompted
) -> Generation | None:
    """What a perfect engine would have read for this example.

    Args:
        example: with a gold answer that can be predicted (`reachable`).

    Returns:
        None where no reading says it alone: that a question has no answer is decided by a
        threshold beside its best span.
    """
    gold = str(example.gold)
    if readout is Readout.generate:
        return Generation(example.id, readout, text=prompted.target)
    if task.answer.name == "pair":
        found = (prompted.target,) if prompted.target else ()
        return Generation(example.id, readout, scores=(1.0,) * len(found), neighbours=found)
    if prompted.slots:
        index = {text: i for i, text in enumerate(task.answer.options.texts)}
        choices = tuple(index[target] for target in prompted.slot_targets)
        return Generation(example.id, readout, choices=choices)
    if prompted.copied:
        answer = prompted.answer
        place = None if answer is None else (answer.start, answer.end)
        return None if place is None else Generation(example.id, readout, place=place)
    best = task.options.index(gold)
    scores = tuple(0.0 if i == best else -1.0 for i in range(len(task.options)))
    # Options that are all as long, and as probable without the example.
    lengths, alone = (1,) * len(scores), (0.0,) * len(scores)
    return Generation(example.id, readout, scores=scores, lengths=lengths, without_context=(alone,))


def reachable(task: Task, gold: Gold) -> Gold:
    """The gold answer, or the nearest that can be predicted at all.

    Only tags have answers that cannot: a category that the training split does not hold (CCG).
    """
    if task.answer.name != "tags":
        return gold
    known = task.answer.options.texts
    other = task.spec.default_tag or known[0]
    return tuple(str(tag) if tag in known else other for tag in gold)


def expected_value(task: Task, gold: Gold) -> Gold:
    """What a prediction must hold to be the gold answer.

    Of several accepted answers to a question the first, which is what models are trained on,
    without the white space at its ends; empty: the question cannot be answered. Of several
    translations the first.
    """
    if isinstance(gold, str) or task.answer.name == "tags":
        return gold
    if not gold:
        return ""
    first = gold[0]
    return first.text.strip() if isinstance(first, Answer) else first


LEAST_LETTERS = 8
"""Texts with fewer letters say nothing of their script."""
SCRIPTS: Mapping[str, str] = {
    "Latin": "A-Za-z\u00aa\u00ba\u00c0-\u024f\u0250-\u02af\u1e00-\u1eff\uff21-\uff5a",
    "Arabic": "\u0620-\u064a\u066e-\u06d3\u06fa-\u06ff\u0750-\u077f\ufb50-\ufdff\ufe70-\ufeff",
    "Cyrillic": "\u0400-\u052f",
    "Bengali": "\u0980-\u09ff",
    "Greek": "\u0370-\u03ff\u1f00-\u1fff",
    "Hebrew": "\u05d0-\u05ea\ufb1d-\ufb4f",
    "Devanagari": "\u0900-\u097f",
    "Japanese": "\u3040-\u30ff\u31f0-\u31ff\uff66-\uff9f\u3400-\u9fff\u3005",
    "Georgian": "\u10a0-\u10ff\u1c90-\u1cbf",
    "Hangul": "\uac00-\ud7a3\u1100-\u11ff\u3130-\u318f\u3400-\u9fff",
    "Malayalam": "\u0d00-\u0d7f",
    "Burmese": "\u1000-\u109f",
    "Tamil": "\u0b80-\u0bff",
    "Telugu": "\u0c00-\u0c7f",
    "Thai": "\u0e00-\u0e7f",
    "Han": "\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff",
}
"""Script, as `languages` names it -> its letters, as a class of a regular expression."""
_LETTER = re.compile(r"[^\W\d_]")


def used_fields(prompted: Sequence[Prompted]) -> tuple[str, ...]:
    """The fields that the prompt shows, in the order in which it does."""
    regions = prompted[0].regions if prompted else ()
    return tuple(dict.fromkeys(re.split(r"[\[.]", region.field)[0] for region in regions))


def row_keys(examples: Iterable[Example], names: Sequence[str]) -> Iterator[tuple[str, int]]:
    """The id of each example, and what is equal for two examples of the same text."""
    for example in examples:
        text = "\n".join(_texts(example, names))
        plain = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
        if plain:
            yield example.id, hash(plain)


def doubts(
    language: str,
    split: Split,
    examples: Sequence[Example],
    names: Sequence[str],
    train: Mapping[int, str],
    trained_on: str,
) -> tuple[Doubt, ...]:
    """What is odd about the rows of a split.

    Args:
        names: the fields whose texts count (`used_fields`).
        train: the keys of the training rows, with one id for each; looked at for other splits.
        trained_on: what the training rows are called.
    """
    keys = list(row_keys(examples, names))
    found = [
        _illegal(examples),
        _quoted(examples),
        _empty(examples, names),
        *_repeated(examples, keys),
        _foreign(language, examples, names),
    ]
    if split != "train":
        inside = [id for id, key in keys if key in train]
        what = f"stand in the training rows of {trained_on} too"
        found.insert(0, Doubt("in training", len(inside), tuple(inside), what))
    return tuple(doubt for doubt in found if doubt.n)


def _illegal(examples: Sequence[Example]) -> Doubt:
    ids = [e.id for e in examples if e.converted]
    what = "have a tag `I-…` that goes on with nothing and is read as `B-…`"
    return Doubt("scheme", len(ids), tuple(ids), what)


def _quoted(examples: Sequence[Example]) -> Doubt:
    """Cells as csv quotes them, read as text: pandas writes tab-separated files so."""
    ids = [e.id for e in examples if any(map(_is_quoted, _texts(e, list(e.fields))))]
    what = (
        "have a text that begins and ends with a quotation mark and holds two in a row, as a quoted"
        " cell does (`data: {tsv: quoted}` reads them)"
    )
    return Doubt("quoted", len(ids), tuple(ids), what)


def _is_quoted(text: str) -> bool:
    inner = text[1:-1]
    return text[:1] == text[-1:] == '"' and '""' in inner and '"' not in inner.replace('""', "")


def _empty(examples: Sequence[Example], names: Sequence[str]) -> Doubt:
    ids = [e.id for e in examples if any(not text.strip() for text in _texts(e, names))]
    return Doubt("empty", len(ids), tuple(ids), "have an empty text")


def _repeated(examples: Sequence[Example], keys: Sequence[tuple[str, int]]) -> list[Doubt]:
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
    return [
        Doubt("repeated", len(same), tuple(same), "have the text of an earlier row"),
        Doubt("contradicting", len(other), tuple(other), "have one text and different answers"),
    ]


def _foreign(language: str, examples: Sequence[Example], names: Sequence[str]) -> Doubt:
    script = LANGUAGES[language].script
    own = re.compile(f"[{SCRIPTS[script]}]")
    ids = []
    for example in examples:
        text = " ".join(_texts(example, names))
        letters = len(_LETTER.findall(text))
        if letters >= LEAST_LETTERS and 2 * len(own.findall(text)) < letters:
            ids.append(example.id)
    what = f"are mostly not in {script} script, which {LANGUAGES[language].name} is written in"
    return Doubt("script", len(ids), tuple(ids), what)


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
