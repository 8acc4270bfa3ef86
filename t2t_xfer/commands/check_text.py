"""What `tasks check` finds, for people: some lines a task, the bad news listed, the rest summed up.

xnli  ok  (label, accuracy; 28,183 rows in 13 languages)
absent     sw ur
back       generate, slots, rank: every gold answer of every row
oracle     100.0 everywhere
…
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from t2t_xfer.stages.check_findings import LanguageCheck, Lengths, SplitCheck, TaskCheck
from t2t_xfer.terminal import style

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
