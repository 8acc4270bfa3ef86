"""What is found in a task and its data: one list of findings, and what was counted in each split.

A finding says how bad it is, where, what, and in which rows. Every check is a function that yields
findings; `lines` prints those of `tasks check` and of `tasks new` alike.

xnli  ok  (label, accuracy; 28,183 rows in 13 languages)
  absent    sw ur
  data      de/test: 2 of 500 rows (0.4 %) have an empty text: 17, 301
  back      of 28,183 gold answers by generate 28,183, slots 28,183, rank 28,183
  …
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Literal, NamedTuple, TypeAlias

from t2t_xfer.records import Json, Split
from t2t_xfer.terminal import style

Severity: TypeAlias = Literal["absent", "problem", "alarm", "doubt", "question", "note"]
"""`problem` fails a check; `absent` (the data source has none) and `alarm` (it may be right) only
where one is strict. `doubt`: rows that load and may be wrong. `question`: only a person can tell.
`note`: nothing to do."""

NOTHING, UNREAD, UNLABELLED = "nothing", "unread", "unlabelled"
NOT_BACK, LESS, BELOW, UNFIT = "not back", "less", "below 100", "unfit"
"""Kinds of findings that decide what is said of a split; doubts have others."""

MOST_LISTED = 1000
"""Rows in one list of a report; the count beside it is of all of them."""
SHOWN = 5
"""Rows shown of each list; `--json` has more."""
SHOWN_CHARACTERS = 400
"""Of a rendered sample."""


class BadRow(NamedTuple):
    """A row whose gold answer did not come back, or whose gold answer does not score 100."""

    id: str
    gold: Json
    value: Json
    """What came back; null: nothing could be read."""
    readout: str
    score: float
    """Of the row by itself, 0 to 100."""


@dataclass(frozen=True)
class Finding:
    """One thing that was found."""

    severity: Severity
    where: str
    """`de/test`, a key of the task's YAML, a model; empty: the whole task."""
    what: str
    rows: tuple[str | BadRow, ...] = ()
    kind: str = ""
    """What sort it is, where a script asks; the title that a note is shown under."""

    def __str__(self) -> str:
        return f"{self.where}: {self.what}" if self.where else self.what


class Lengths(NamedTuple):
    """How long something is over the rows of a split."""

    median: int
    longest: int

    @classmethod
    def of(cls, values: Iterable[int]) -> Lengths:
        """Of at least one value."""
        found = sorted(values)
        return cls(int(statistics.median_low(found)), found[-1])


class Overlap(NamedTuple):
    """How many words the two texts of a row have in common, over the rows of one label."""

    mean: float
    """Common words over all words, 0 to 1."""
    variance: float
    n: int


class Sample(NamedTuple):
    """A rendered example."""

    language: str
    split: Split
    id: str
    input: str
    target: str


@dataclass(frozen=True)
class SplitNumbers:
    """What was counted and scored in a split whose rows could be read."""

    n: int
    round_trip: Mapping[str, int]
    """Readout -> rows whose gold answer came back through it."""
    oracle: float
    """The metric for the gold answers sent through text and parser, 0 to 100."""
    ceiling: float
    """The metric for the gold answers themselves. Below 100 where the metric's own rules take a
    gold answer away (MLQA's Spanish `una` is an article)."""
    histogram: Mapping[str, int]
    """Gold answers: labels, letters, tags of all words, or kinds of answers."""
    majority: float | None
    """Score of always giving the most frequent answer of the English training data."""
    lengths: Mapping[str, Lengths]
    """`input_characters`, `target_characters`, `words` (with a tag of their own, a row) and
    `input_tokens` (of the model that was asked about)."""
    overlap: Mapping[str, Overlap]
    """By label, where a task asks about two texts."""
    agreement: float | None
    """Share of rows with the label of the same id in the source language, in percent."""


@dataclass(frozen=True)
class ModelCheck:
    """How one model's tokenizer sees the answers of one task."""

    model: str
    architecture: str
    readout: str | None
    """What the program would read by; None if the architecture cannot answer the task."""
    words: Mapping[str, tuple[str, ...]]
    """Label word -> its tokens."""
    first_tokens_distinct: bool | None
    """Whether one step tells the label words apart. None: there are none."""
    notes: tuple[str, ...]
    problems: tuple[str, ...]


@dataclass(frozen=True)
class TaskCheck:
    """What was found in one task."""

    task: str
    answer: str
    metric: str
    languages: Mapping[str, Mapping[Split, SplitNumbers | None]]
    """The splits that are there; None: the rows could not be read, or have no labels."""
    findings: tuple[Finding, ...]
    labels: tuple[Mapping[str, Json], ...] = ()
    """Name, raw value, word and normalised word of each label."""
    samples: tuple[Sample, ...] = ()
    model: ModelCheck | None = None

    def of(self, severity: Severity, kind: str | None = None) -> list[Finding]:
        """The findings of one severity, or of one kind of it."""
        same = (each for each in self.findings if each.severity == severity)
        return [each for each in same if kind in (None, each.kind)]

    @property
    def nothing(self) -> bool:
        """Whether the data source has nothing of the task, so that nothing was checked."""
        return bool(self.of("problem", NOTHING))

    @property
    def splits(self) -> Iterator[tuple[str, SplitNumbers]]:
        """`de/test` and its numbers, of every split that could be looked at."""
        for code, splits in self.languages.items():
            for split, numbers in splits.items():
                if numbers is not None:
                    yield f"{code}/{split}", numbers

    @property
    def rows(self) -> int:
        """Rows that were looked at."""
        return sum(numbers.n for _, numbers in self.splits)

    def ok(self, strict: bool = False) -> bool:
        """Whether the check passes; strictly, nothing is absent and there is no alarm."""
        return not (self.of("problem") or (strict and (self.of("absent") or self.of("alarm"))))

    def as_json(self, strict: bool = False) -> dict[str, Json]:
        """See `commands/tasks.py`."""
        languages: dict[str, Json] = {}
        for code, numbers in self.languages.items():
            told: dict[str, Json] = {s: self._split(f"{code}/{s}", n) for s, n in numbers.items()}
            states = [split["status"] for split in told.values() if isinstance(split, dict)]
            status = next((s for s in ("failed", "ok", UNLABELLED) if s in states), "absent")
            languages[code] = {"status": status, "splits": told}
        out: dict[str, Json] = {
            "task": self.task,
            "ok": self.ok(strict),
            "answer": self.answer,
            "metric": self.metric,
            "rows": self.rows,
            "labels": [dict(label) for label in self.labels],
            "languages": languages,
            "absent": [each.where for each in self.of("absent")],
            "problems": [str(each) for each in self.of("problem")],
            "alarms": [str(each) for each in self.of("alarm")],
            "samples": [sample._asdict() for sample in self.samples],
        }
        return out if self.model is None else {**out, "model": asdict(self.model)}

    def _split(self, where: str, numbers: SplitNumbers | None) -> dict[str, Json]:
        mine = [each for each in self.findings if each.where == where and each.kind]
        if numbers is None:
            (why,) = (each for each in mine if each.kind in (UNREAD, UNLABELLED))
            status = "failed" if why.kind == UNREAD else UNLABELLED
            return {"status": status, "n": 0, "problem": why.what}

        def listed(kind: str) -> Json:
            rows = [row for each in mine if each.kind == kind for row in each.rows]
            return {"count": len(rows), "rows": _rows(rows)}

        failed = any(each.kind in (NOT_BACK, LESS) for each in mine)
        out: dict[str, Json] = {
            "status": "failed" if failed else "ok",
            "n": numbers.n,
            "round_trip": {**numbers.round_trip},
            "not_back": listed(NOT_BACK),
            "oracle": numbers.oracle,
            "ceiling": numbers.ceiling,
            "below_100": listed(BELOW),
            "histogram": {**numbers.histogram},
            "majority": numbers.majority,
        }
        for name, each in numbers.lengths.items():
            out[name] = {"median": each.median, "max": each.longest}
        if unfit := [each.what for each in mine if each.kind == UNFIT]:
            out["unfit"] = unfit[0]
        if numbers.overlap:
            out["overlap"] = {name: round(o.mean, 4) for name, o in numbers.overlap.items()}
        if numbers.agreement is not None:
            out["agreement_with_source"] = numbers.agreement
        doubts = (each for each in mine if each.severity == "doubt")
        out["doubts"] = [
            {"kind": d.kind, "n": len(d.rows), "ids": _rows(d.rows), "what": d.what} for d in doubts
        ]
        return out


def _rows(rows: Sequence[str | BadRow]) -> list[Json]:
    return [row if isinstance(row, str) else row._asdict() for row in rows[:MOST_LISTED]]


_LOOKS: Mapping[str, tuple[str, str]] = {
    "problem": ("problem", "red"),
    "alarm": ("alarm", "yellow"),
    "doubt": ("data", "yellow"),
    "question": ("question", "yellow"),
}
"""Severity -> title and colour; of a note its kind and none."""


def lines(findings: Iterable[Finding]) -> Iterator[str]:
    """A line for each finding, with a title before the first of a sort."""
    before = ""
    for found in findings:
        title, colour = _LOOKS.get(found.severity, (found.kind, None))
        yield f"  {'' if title == before else title:10}{style(str(found), fg=colour)}"
        before = title


def report(done: TaskCheck, strict: bool) -> Iterator[str]:
    """Everything worth reading about one task: the bad news listed, the rest summed up."""
    ok = done.ok(strict)
    word = "ok" if ok else "NO ROWS" if done.nothing else "FAILED"
    state = style(word, fg="green" if ok else "red", bold=True)
    there = sum(map(bool, done.languages.values()))
    yield (
        f"{style(done.task, bold=True)}  {state}  ({done.answer}, {done.metric};"
        f" {done.rows:,} rows in {there} of {len(done.languages)} languages)"
    )
    absent = " ".join(each.where for each in done.of("absent"))
    yield from lines([Finding("note", "", absent, kind="absent")] if absent else [])
    yield from lines([*done.of("problem"), *done.of("alarm"), *_doubts(done), *_summary(done)])
    for sample in done.samples:
        yield f"  {style(f'{sample.language} · {sample.split} · id {sample.id}', dim=True)}"
        yield from (f"    {line}" for line in _cut(sample.input).splitlines())
        yield f"    {style('→ ' + _cut(sample.target), fg='green')}"
    yield ""


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + " …"


def _doubts(done: TaskCheck) -> Iterator[Finding]:
    """The largest shares of a split first."""
    size = {where: numbers.n for where, numbers in done.splits}
    found = sorted(done.of("doubt"), key=lambda each: -len(each.rows) / size[each.where])
    for each in found[:SHOWN]:
        n, of = len(each.rows), size[each.where]
        ids = ", ".join(map(str, each.rows[:SHOWN])) + (", …" if n > SHOWN else "")
        what = f"{n:,} of {of:,} rows ({100 * n / of:.1f} %) {each.what}: {ids}"
        yield Finding("doubt", each.where, what)
    if len(found) > SHOWN:
        yield Finding("doubt", "", f"and {len(found) - SHOWN} more such lists (--json has all)")


def _summary(done: TaskCheck) -> Iterator[Finding]:
    for title, summed_up in (
        ("back", _back),
        ("oracle", _oracle),
        ("labels", _labels),
        ("answers", _answers),
        ("majority", _majority),
        ("lengths", _lengths),
        ("model", _model),
    ):
        yield from (Finding("note", "", line, kind=title) for line in summed_up(done))


def _back(done: TaskCheck) -> Iterator[str]:
    right = Counter[str]()
    for _, numbers in done.splits:
        right.update(numbers.round_trip)
    if done.rows:
        shown = (f"{name} {count:,}" for name, count in right.items())
        yield f"of {done.rows:,} gold answers by {', '.join(shown)}"
    for each in done.of("note", UNLABELLED):
        yield f"{each.where} has no labels: {each.what}"


def _oracle(done: TaskCheck) -> Iterator[str]:
    scores = [numbers.oracle for _, numbers in done.splits]
    if scores:
        yield f"{min(scores):.2f}" + (" everywhere" if min(scores) == 100 else " at least")
    for each in done.of("note", BELOW):
        for row in each.rows[:SHOWN]:
            assert isinstance(row, BadRow)
            yield f"{each.where} {row.id}: {row.score:.2f}, gold {row.gold!r}, value {row.value!r}"
        if len(each.rows) > SHOWN:
            yield f"{each.where}: {len(each.rows)} rows below 100 in all"


def _labels(done: TaskCheck) -> Iterator[str]:
    for label in done.labels:
        yield f"{label['name']} = {label['value']!r} in the data, {label['word']!r} as text"


def _answers(done: TaskCheck) -> Iterator[str]:
    total: Counter[str] = Counter()
    for _, numbers in done.splits:
        total.update(numbers.histogram)
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


def _majority(done: TaskCheck) -> Iterator[str]:
    last = {where.partition("/")[0]: numbers.majority for where, numbers in done.splits}
    found = [f"{code} {score:.1f}" for code, score in last.items() if score is not None]
    if found:
        yield "  ".join(found)


def _lengths(done: TaskCheck) -> Iterator[str]:
    for name, what in (
        ("input_characters", "characters of input"),
        ("target_characters", "characters of target"),
        ("words", "words with a tag"),
        ("input_tokens", "tokens of input"),
    ):
        found = [numbers.lengths[name] for _, numbers in done.splits if name in numbers.lengths]
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
    for word, tokens in model.words.items():
        yield f"{word!r} is {' '.join(tokens)}"
    if model.first_tokens_distinct:
        yield "first tokens are distinct: one pass can read the answer"
    yield from model.notes
