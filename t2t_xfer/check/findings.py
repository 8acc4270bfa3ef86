"""What `tasks check` finds: records of splits, languages, tasks and models, as JSON and as text.

xnli  ok  (label, accuracy; 28,183 rows in 13 languages)
absent     sw ur
back       generate, slots, rank: every gold answer of every row
oracle     100.0 everywhere
…
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from t2t_xfer.records import Json, Readout, Split
from t2t_xfer.terminal import style

State = Literal["ok", "failed", "absent", "unlabelled"]
"""`absent`: the data source has no such configuration. `unlabelled`: a hidden test set."""
NOTHING = "no rows are there, so nothing was checked."
"""The first problem of a task whose data the source lacks; the second says why."""
MOST_LISTED = 1000
"""Rows in one list of a report; the count beside it is of all of them."""


class Lengths(NamedTuple):
    """How long something is over the rows of a split."""

    median: int
    longest: int

    @classmethod
    def of(cls, values: Iterable[int]) -> Lengths:
        """Of at least one value."""
        found = sorted(values)
        return cls(int(statistics.median_low(found)), found[-1])

    def as_json(self) -> Json:
        """With names."""
        return {"median": self.median, "max": self.longest}


class BadRow(NamedTuple):
    """A row whose gold answer did not come back, or whose gold answer does not score 100."""

    id: str
    gold: Json
    value: Json
    """What came back; null: nothing could be read."""
    readout: str
    score: float
    """Of the row by itself, 0 to 100."""

    def as_json(self) -> dict[str, Json]:
        """With names."""
        return dict(self._asdict())


class Doubt(NamedTuple):
    """Rows that load, but that a person should know about (`check_data`)."""

    kind: str
    """`in training`, `scheme`, `quoted`, `empty`, `repeated`, `contradicting`, `script`."""
    n: int
    ids: tuple[str, ...]
    what: str
    """In words that follow `12 rows`."""

    def as_json(self) -> dict[str, Json]:
        """With names."""
        return {**self._asdict(), "ids": [*self.ids[:MOST_LISTED]]}


class Sample(NamedTuple):
    """A rendered example."""

    language: str
    split: Split
    id: str
    input: str
    target: str

    def as_json(self) -> dict[str, Json]:
        """With names."""
        return dict(self._asdict())


class Overlap(NamedTuple):
    """How many words the two texts of a row have in common, over the rows of one label."""

    mean: float
    """Common words over all words, 0 to 1."""
    variance: float
    n: int


@dataclass(frozen=True)
class SplitCheck:
    """What was found in one split of one language."""

    split: Split
    state: State
    problem: str = ""
    """Why the rows could not be read or rendered."""
    n: int = 0
    right: Mapping[Readout, int] = field(default_factory=dict)
    """Readout -> rows whose gold answer came back through it."""
    not_back: tuple[BadRow, ...] = ()
    oracle: float = 0.0
    """The metric for the gold answers sent through text and parser, 0 to 100."""
    ceiling: float = 0.0
    """The metric for the gold answers themselves. Below 100 where the metric's own rules take a
    gold answer away (MLQA's Spanish `una` is an article)."""
    below_100: tuple[BadRow, ...] = ()
    """The rows that keep the ceiling below 100."""
    histogram: Mapping[str, int] = field(default_factory=dict)
    """Gold answers: labels, letters, tags of all words, or kinds of answers."""
    majority: float | None = None
    """Score of always giving the most frequent answer of the English training data."""
    input_characters: Lengths | None = None
    target_characters: Lengths | None = None
    words: Lengths | None = None
    """Words with a tag of their own, a row."""
    input_tokens: Lengths | None = None
    """Of the model that was asked about."""
    unfit: str = ""
    """Why the model that was asked about cannot read or be trained on a row; empty if it can."""
    overlap: Mapping[str, Overlap] = field(default_factory=dict)
    """By label, where a task asks about two texts."""
    agreement: float | None = None
    """Share of rows with the label of the same id in the source language, in percent."""
    doubts: tuple[Doubt, ...] = ()

    def as_json(self) -> dict[str, Json]:
        """See `commands/check.py`."""
        out: dict[str, Json] = {"status": self.state, "n": self.n}
        if self.problem:
            return {**out, "problem": self.problem}
        out |= {
            "round_trip": {readout.value: right for readout, right in self.right.items()},
            "not_back": _rows(self.not_back),
            "oracle": self.oracle,
            "ceiling": self.ceiling,
            "below_100": _rows(self.below_100),
            "histogram": dict(self.histogram),
            "majority": self.majority,
        }
        measured = ("input_characters", "target_characters", "words", "input_tokens")
        for name in measured:
            lengths: Lengths | None = getattr(self, name)
            if lengths is not None:
                out[name] = lengths.as_json()
        if self.unfit:
            out["unfit"] = self.unfit
        if self.overlap:
            out["overlap"] = {name: round(each.mean, 4) for name, each in self.overlap.items()}
        if self.agreement is not None:
            out["agreement_with_source"] = self.agreement
        out["doubts"] = [doubt.as_json() for doubt in self.doubts]
        return out


@dataclass(frozen=True)
class LanguageCheck:
    """What was found in one language."""

    language: str
    splits: tuple[SplitCheck, ...]
    """Those that are present."""

    @property
    def state(self) -> State:
        """`failed` if any split is; `absent` without splits."""
        states = {split.state for split in self.splits}
        order: tuple[State, ...] = ("failed", "ok", "unlabelled")
        return next((state for state in order if state in states), "absent")

    def as_json(self) -> dict[str, Json]:
        """See `commands/check.py`."""
        splits: dict[str, Json] = {split.split: split.as_json() for split in self.splits}
        return {"status": self.state, "splits": splits}


@dataclass(frozen=True)
class ModelCheck:
    """How one model's tokenizer sees the answers of one task."""

    model: str
    architecture: str
    readout: str
    """What the program would read by; empty if the architecture cannot answer the task."""
    pieces: Mapping[str, tuple[str, ...]]
    """Label word -> its tokens."""
    notes: tuple[str, ...]
    problems: tuple[str, ...]
    first_tokens_distinct: bool | None = None
    """Whether one step tells the label words apart. None: there are none."""

    def as_json(self) -> dict[str, Json]:
        """See `commands/check.py`."""
        pieces: dict[str, Json] = {word: list(tokens) for word, tokens in self.pieces.items()}
        return {
            "model": self.model,
            "architecture": self.architecture,
            "readout": self.readout or None,
            "words": pieces,
            "first_tokens_distinct": self.first_tokens_distinct,
            "notes": list(self.notes),
            "problems": list(self.problems),
        }


@dataclass(frozen=True)
class TaskCheck:
    """What was found in one task."""

    task: str
    answer: str
    metric: str
    labels: tuple[Mapping[str, Json], ...]
    """Name, raw value, word and normalised word of each label."""
    languages: tuple[LanguageCheck, ...]
    absent: tuple[str, ...]
    """What the data source lacks: `sw` (nothing of it), or `en/train`."""
    problems: tuple[str, ...]
    """What fails the check."""
    alarms: tuple[str, ...]
    """What a person should look at; it may be right."""
    samples: tuple[Sample, ...]
    model: ModelCheck | None = None

    @property
    def nothing(self) -> bool:
        """Whether the data source has nothing of the task, so that nothing was checked."""
        return self.problems[:1] == (NOTHING,)

    @property
    def rows(self) -> int:
        """Rows that were looked at."""
        return sum(split.n for language in self.languages for split in language.splits)

    def ok(self, strict: bool = False) -> bool:
        """Whether the check passes; strictly, nothing is absent and there is no alarm."""
        return not self.problems and not (strict and (self.absent or self.alarms))

    def as_json(self, strict: bool = False) -> dict[str, Json]:
        """See `commands/check.py`."""
        languages: dict[str, Json] = {each.language: each.as_json() for each in self.languages}
        out: dict[str, Json] = {
            "task": self.task,
            "ok": self.ok(strict),
            "answer": self.answer,
            "metric": self.metric,
            "rows": self.rows,
            "labels": [dict(label) for label in self.labels],
            "languages": languages,
            "absent": list(self.absent),
            "problems": list(self.problems),
            "alarms": list(self.alarms),
            "samples": [sample.as_json() for sample in self.samples],
        }
        if self.model is not None:
            out["model"] = self.model.as_json()
        return out


def _rows(rows: tuple[BadRow, ...]) -> Json:
    return {"count": len(rows), "rows": [row.as_json() for row in rows[:MOST_LISTED]]}


LISTED = 5
"""Rows and answers shown of each list; `--json` has more."""
SHOWN_CHARACTERS = 400
"""Of a rendered sample."""


def task_lines(done: TaskCheck, strict: bool) -> Iterator[str]:
    """Everything worth reading about one task."""
    ok = done.ok(strict)
    word = "ok" if ok else "NO ROWS" if done.nothing else "FAILED"
    state = style(word, fg="green" if ok else "red", bold=True)
    there = [each for each in done.languages if each.splits]
    yield (
        f"{style(done.task, bold=True)}  {state}  ({done.answer}, {done.metric};"
        f" {done.rows:,} rows in {len(there)} of {len(done.languages)} languages)"
    )
    for title, lines in (
        ("absent", [" ".join(done.absent)] if done.absent else []),
        ("problem", done.problems),
        ("alarm", done.alarms),
        ("data", list(_doubts(there))),
        ("back", list(_back(there))),
        ("oracle", list(_oracle(there))),
        ("labels", [_label(label) for label in done.labels]),
        ("answers", list(_answers(there))),
        ("majority", list(_majority(there))),
        ("lengths", list(_lengths(there))),
        ("model", list(_model(done))),
    ):
        for i, line in enumerate(lines):
            colour = {"problem": "red", "alarm": "yellow", "data": "yellow"}.get(title)
            yield f"  {title if i == 0 else '':10}{style(line, fg=colour)}"
    for sample in done.samples:
        yield f"  {style(f'{sample.language} · {sample.split} · id {sample.id}', dim=True)}"
        yield from (f"    {line}" for line in _cut(sample.input).splitlines())
        yield f"    {style('→ ' + _cut(sample.target), fg='green')}"
    yield ""


def _splits(languages: Sequence[LanguageCheck]) -> Iterator[tuple[str, SplitCheck]]:
    """The splits that could be looked at, with their places."""
    for each in languages:
        for split in each.splits:
            if not split.problem:
                yield f"{each.language}/{split.split}", split


def _doubts(languages: Sequence[LanguageCheck]) -> Iterator[str]:
    """The largest shares of a split first."""
    found = [(d.n / s.n, where, d, s.n) for where, s in _splits(languages) for d in s.doubts]
    found.sort(key=lambda each: -each[0])
    for share, where, doubt, n in found[:LISTED]:
        ids = ", ".join(doubt.ids[:LISTED]) + (", …" if doubt.n > LISTED else "")
        yield (f"{where}: {doubt.n:,} of {n:,} rows ({100 * share:.1f} %) {doubt.what}: {ids}")
    if len(found) > LISTED:
        yield f"and {len(found) - LISTED} more such lists (--json has all)"


def _back(languages: Sequence[LanguageCheck]) -> Iterator[str]:
    right, n = Counter[str](), 0
    for _, split in _splits(languages):
        n += split.n
        right.update({readout.value: count for readout, count in split.right.items()})
    if n:
        shown = (f"{name} {count:,}" for name, count in right.items())
        yield f"of {n:,} gold answers by {', '.join(shown)}"
    for each in languages:
        for split in each.splits:
            if split.state == "unlabelled":
                yield f"{each.language}/{split.split} has no labels: {split.problem}"


def _oracle(languages: Sequence[LanguageCheck]) -> Iterator[str]:
    found = list(_splits(languages))
    if found:
        least = min(split.oracle for _, split in found)
        yield f"{least:.2f}" + (" everywhere" if least == 100 else " at least")
    for where, split in found:
        for row in split.below_100[:LISTED]:
            yield f"{where} {row.id}: {row.score:.2f}, gold {row.gold!r}, value {row.value!r}"
        if len(split.below_100) > LISTED:
            yield f"{where}: {len(split.below_100)} rows below 100 in all"


def _label(label: object) -> str:
    assert isinstance(label, dict)
    return f"{label['name']} = {label['value']!r} in the data, {label['word']!r} as text"


def _answers(languages: Sequence[LanguageCheck]) -> Iterator[str]:
    total: Counter[str] = Counter()
    for _, split in _splits(languages):
        total.update(split.histogram)
    n = sum(total.values())
    if not n:
        return
    listed = total.most_common(20)
    shares = ", ".join(f"{name} {100 * count / n:.1f} %" for name, count in listed)
    more = len(total) - len(listed)
    yield shares + (f", and {more} more" if more else "")
    never = [name for name, count in total.items() if not count]
    if never:
        yield f"never the answer: {' '.join(never[:20])}{' …' if len(never) > 20 else ''}"


def _majority(languages: Sequence[LanguageCheck]) -> Iterator[str]:
    found = {
        each.language: each.splits[-1].majority
        for each in languages
        if each.splits[-1].majority is not None
    }
    if found:
        yield "  ".join(f"{code} {score:.1f}" for code, score in found.items())


def _lengths(languages: Sequence[LanguageCheck]) -> Iterator[str]:
    for name, what in (
        ("input_characters", "characters of input"),
        ("target_characters", "characters of target"),
        ("words", "words with a tag"),
        ("input_tokens", "tokens of input"),
    ):
        found: list[Lengths] = [
            lengths for _, split in _splits(languages) if (lengths := getattr(split, name))
        ]
        if found:
            medians = [lengths.median for lengths in found]
            low, high = min(medians), max(medians)
            middle = f"{low}" if low == high else f"{low} to {high}"
            yield f"{what}: median {middle}, longest {max(each.longest for each in found)}"


def _model(done: TaskCheck) -> Iterator[str]:
    model = done.model
    if model is None:
        return
    yield f"{model.model} ({model.architecture}), readout {model.readout or 'none'}"
    for word, tokens in model.pieces.items():
        yield f"{word!r} is {' '.join(tokens)}"
    if model.first_tokens_distinct:
        yield "first tokens are distinct: one pass can read the answer"
    yield from model.notes


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + " …"
