"""A task's training rows in another language: what of a row is translated, and the row made of it.

A row keeps its columns, its labels and its id; only the texts that the task's prompt shows are
translated. A row that cannot be told whole is dropped with a reason, never repaired.

Nothing is guessed about where an answer stands: it is marked before the translation and read from
between its marks; where a mark was lost, the answer is translated alone and looked for, first as it
is, then as the one piece of the text that resembles it far more than any other. What remains is no
answer (docs/decisions/009-answers-between-marks.md).

>>> marked("born in Paris in 1867", 8, 13, ("[", "]"))
'born in [Paris] in 1867'
>>> unmarked("geboren in [Paris] 1867", ("[", "]"))
('geboren in Paris 1867', 11, 16)
>>> found("den Fluss", "Er sah der Fluss.", no_spaces=False)
AnswerPlace(start=7, end=16, how='similar')
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal, NamedTuple, TypeAlias

from rapidfuzz import fuzz

from t2t_xfer.answers.span import read_answers
from t2t_xfer.data.columns import look_up
from t2t_xfer.data.examples import labels_of, numbered_rows
from t2t_xfer.data.places import choose, find_places
from t2t_xfer.prompts import Template
from t2t_xfer.records import Answer, Row, Value
from t2t_xfer.specs.model import TranslatorSpec
from t2t_xfer.specs.task import TaskSpec
from t2t_xfer.stages.context import Context
from t2t_xfer.stages.task import Task

TextPath: TypeAlias = tuple[str | int, ...]
"""A text within a row: `("premise",)`, `("endings", 2)`, `("choices", "text", 0)`."""
Loss: TypeAlias = Literal["too_long", "cut", "empty", "answer_lost"]
"""Why a row was dropped: a text is longer than the model reads, a translation did not end, there is
none, or the answer stands nowhere in its translated context."""
How: TypeAlias = Literal["marked", "found", "similar"]
Marks: TypeAlias = tuple[str, ...]
"""What stands before the answer, and what stands behind it."""

ID_COLUMN = "source_row"
"""Added to the rows: the id of the English row. Dropped rows leave gaps, so the row number would
not be the same in every language."""
SPARE_MARKS: tuple[Marks, ...] = (("[", "]"), ("{", "}"), ("<", ">"), ('"', '"'))
"""Taken in this order where the text holds the marks asked for."""
VARIANTS = {
    "[": "[［【〔",
    "]": "]］】〕",
    "{": "{｛",
    "}": "}｝",
    "<": "<＜〈《‹",
    ">": ">＞〉》›",
    '"': '"＂“”„«»「」『』',
}
"""How translators write a mark in other scripts."""
MIN_SIMILARITY = 75.0
"""Least likeness of a piece to the answer, 0 to 100 (normalised InDel similarity). Of 5,917 answers
of XQuAD in six languages, 13 resembled so much something in a text that they do not stand in."""
MIN_MARGIN = 10.0
"""How far the next best piece must be below it."""
MIN_LETTERS = 5
"""Shorter answers are not looked for by likeness: too many words resemble them."""


class Translation(NamedTuple):
    """What became of one piece of text."""

    text: str
    loss: Loss | None = None


Lookup: TypeAlias = Callable[[str], Translation | None]
"""A piece of text to its translation; None: it is not translated yet (and is by the next time)."""


class Told(NamedTuple):
    """A row in another language."""

    row: dict[str, Any]
    aligned: How | None = None
    """How its answer was placed; None where there is none."""


class AnswerPlace(NamedTuple):
    """A place in a text: characters `[start, end)`."""

    start: int
    end: int
    how: How


class _Piece(NamedTuple):
    """A piece of the context."""

    shown: str
    """With marks around the answer, if it stands here."""
    plain: str
    answer: Answer | None
    marks: Marks | None
    """None: the text holds all marks there are."""


@dataclass(frozen=True)
class Span:
    """The context of a row, and its answer: the first, as in training."""

    context: TextPath
    answers: TextPath
    answer: Answer | None
    """None: the question cannot be answered."""


@dataclass(frozen=True)
class SourceRow:
    """One row before it is translated. Nothing here depends on the language."""

    row: Row
    paths: Sequence[TextPath]
    """Of the texts that are translated, the context of a span aside."""
    span: Span | None

    def told(
        self, lookup: Lookup, translator: TranslatorSpec, *, no_spaces: bool
    ) -> Told | Loss | None:
        """The row in the language of `lookup`; None where that lacks a piece, which it was asked
        for.

        Args:
            no_spaces: sentences follow each other without a space.
        """
        gap = "" if no_spaces else " "
        texts = [
            (
                path,
                _joined([lookup(piece) for piece in _plain(_get(self.row, path), translator)], gap),
            )
            for path in self.paths
        ]
        context = [(piece, lookup(piece.shown)) for piece in self._context(translator)]
        lost = next((each.loss for _, each in texts if each and each.loss), None)
        if lost is not None:
            return lost
        out: dict[str, Any] = _thawed(self.row)
        for path, each in texts:
            if each is None:
                return None
            _put(out, path, each.text)
        return (
            Told(out) if self.span is None else _with_context(out, self.span, context, lookup, gap)
        )

    def _context(self, translator: TranslatorSpec) -> Iterator[_Piece]:
        """The pieces of the context: an answer stands in its own with marks."""
        if self.span is None:
            return
        text, answer = _get(self.row, self.span.context), self.span.answer
        whole = None if answer is None else (answer.start, answer.start + len(answer.text))
        for first, last in pieces(text, sentences=translator.sentences, whole=whole):
            plain = text[first:last]
            if answer is None or whole is None or not first <= whole[0] < whole[1] <= last:
                yield _Piece(plain, plain, None, None)
                continue
            marks = choose_marks(plain, translator.marks)
            start, end = whole[0] - first, whole[1] - first
            shown = plain if marks is None else marked(plain, start, end, marks)
            yield _Piece(shown, plain, answer, marks)


def _with_context(
    out: dict[str, Any],
    span: Span,
    context: Sequence[tuple[_Piece, Translation | None]],
    lookup: Lookup,
    gap: str,
) -> Told | Loss | None:
    parts: list[Translation | None] = []
    place: AnswerPlace | None = None
    for piece, translation in context:
        if piece.answer is None or translation is None:
            parts.append(translation)
            continue
        aligned = _aligned(piece, piece.answer, translation, lookup, no_spaces=not gap)
        if not isinstance(aligned, tuple):
            return aligned
        offset = sum(len(part.text) + len(gap) for part in parts if part is not None)
        text, (start, end, how) = aligned
        place = AnswerPlace(offset + start, offset + end, how)
        parts.append(Translation(text))
    joined = _joined(parts, gap)
    if joined is None or joined.loss is not None:
        return None if joined is None else joined.loss
    if span.answer is not None and place is None:
        return "answer_lost"
    texts = [] if place is None else [joined.text[place.start : place.end]]
    starts = [] if place is None else [place.start]
    _put(out, span.context, joined.text)
    _put(out, span.answers, {"text": texts, "answer_start": starts})
    return Told(out, None if place is None else place.how)


def _aligned(
    piece: _Piece, answer: Answer, shown: Translation, lookup: Lookup, *, no_spaces: bool
) -> tuple[str, AnswerPlace] | Loss | None:
    """The piece in the other language with the place of its answer."""
    if shown.loss is None and piece.marks is not None:
        read = unmarked(shown.text, piece.marks)
        if read is not None:
            return read[0], AnswerPlace(read[1], read[2], "marked")
    plain, alone = lookup(piece.plain), lookup(answer.text)
    if plain is None or alone is None:
        return None
    if plain.loss is not None:
        return plain.loss
    place = found(alone.text, plain.text, no_spaces=no_spaces)
    return "answer_lost" if alone.loss is not None or place is None else (plain.text, place)


def _joined(parts: Sequence[Translation | None], gap: str) -> Translation | None:
    """One text of its pieces; lost if one of them is. A blank text of the data has no pieces."""
    there = [part for part in parts if part is not None]
    lost = next((part for part in there if part.loss is not None), None)
    whole = len(there) == len(parts)
    return lost or (Translation(gap.join(part.text for part in there)) if whole else None)


def source_rows(context: Context, task: Task, limit: int | None) -> Iterator[SourceRow]:
    """The labelled training rows in the source language, in file order: those and the ids that
    training would read. A label is written as the task's YAML has it, whatever the part that the
    row comes from calls it.
    """
    spec, names = task.spec, Template(task.prompt.input).names
    places = find_places(spec, context.source, spec.source_language, "train")
    readers = [labels_of(spec, place) for place in places]
    for row in choose(numbered_rows(spec, places), limit, f"{spec.task}/train"):
        where = f"{places[row.place]}, row {row.number}"
        labelled: Row = {**row.row, ID_COLUMN: row.id}
        if spec.label_field is not None:
            value = look_up(row.row, spec.label_field, "`label_field`", where)
            name = readers[row.place].read(value, where)
            if name is None:
                continue  # nothing could be trained on it
            if spec.label_field in row.row:
                labelled = {**labelled, spec.label_field: spec.labels[name].value}
        yield SourceRow(
            labelled, list(_text_paths(spec, row.row, names)), _span(spec, row.row, where)
        )


def _text_paths(task: TaskSpec, row: Row, names: Collection[str]) -> Iterator[TextPath]:
    """The texts of a row that are translated: of the fields, or of a task that lists none, of what
    the prompt's template names."""
    kept = {task.label_field, task.answers_field, task.id_field, task.context_field}
    columns = [c for c in (task.fields.values() or sorted(names & row.keys())) if c not in kept]
    for column in dict.fromkeys((*columns, *task.choices_fields)):
        value = look_up(row, column, "a text to translate", f"task {task.task!r}")
        yield from _texts(value, _path(row, column))


def _path(row: Row, column: str) -> TextPath:
    """A column, or with a dot inside of one."""
    return (column,) if column in row else tuple(column.split("."))


def _texts(value: Value, path: TextPath) -> Iterator[TextPath]:
    if isinstance(value, str):
        yield path
    elif isinstance(value, tuple):
        for number, item in enumerate(value):
            yield from _texts(item, (*path, number))


def _span(spec: TaskSpec, row: Row, where: str) -> Span | None:
    if spec.context_field is None or spec.answers_field is None:
        return None
    context = look_up(row, spec.context_field, "`context_field`", where)
    answers = look_up(row, spec.answers_field, "`answers_field`", where)
    read = read_answers(answers, context, f"{where}, {spec.answers_field!r}", spec.unanswerable)
    first = read[0] if read else None
    return Span(_path(row, spec.context_field), _path(row, spec.answers_field), first)


def _get(row: Row, path: TextPath) -> str:
    value: Any = row
    for step in path:
        value = value[step]
    assert isinstance(value, str)
    return value


def _put(row: dict[str, Any], path: TextPath, value: Any) -> None:
    *above, last = path
    inner: Any = row
    for step in above:
        inner = inner[step]
    inner[last] = value


def _thawed(value: Any) -> Any:
    """The row as plain JSON data that may be changed."""
    if isinstance(value, Mapping):
        return {key: _thawed(item) for key, item in value.items()}
    return [_thawed(item) for item in value] if isinstance(value, tuple) else value


_SHORT = re.compile(
    r"(?:\b[A-Z]|\b(?:Mr|Mrs|Ms|Dr|Prof|St|No|Vol|Fig|vs|etc|ca|approx|Jr|Sr|Inc|Ltd|Co))\.$"
)
"""What a full stop follows without ending a sentence."""
_END = re.compile(r"[.!?][\"'”’)\]]*(?=\s+[\"'“‘(\[]?[A-Z0-9])")


def pieces(
    text: str, *, sentences: bool, whole: tuple[int, int] | None = None
) -> list[tuple[int, int]]:
    """What is translated at a time: the lines of an English text, or its sentences.

    Args:
        whole: characters `[start, end)` that must stay in one piece.
    """
    ends: list[int] = []
    for line in re.finditer(r"[^\n]+", text):
        stops = _END.finditer(text, *line.span()) if sentences else ()
        ends += [s.end() for s in stops if not _SHORT.search(text[line.start() : s.end()])]
        ends.append(line.end())
    if whole is not None:
        ends = [end for end in ends if not whole[0] < end < whole[1]]
    spans = []
    for start, end in pairwise([0, *ends]):
        piece = text[start:end]
        spans.append((end - len(piece.lstrip()), start + len(piece.rstrip())))
    return [span for span in spans if span[0] < span[1]]


def _plain(text: str, translator: TranslatorSpec) -> list[str]:
    return [text[first:last] for first, last in pieces(text, sentences=translator.sentences)]


def choose_marks(text: str, wanted: Marks) -> Marks | None:
    """The marks, or others if the text holds one of them; None if it holds some of each."""
    for marks in (wanted, *SPARE_MARKS):
        if not any(_marks_in(text, mark) for mark in marks):
            return marks
    return None


def marked(text: str, start: int, end: int, marks: Marks) -> str:
    """The text with marks around the characters `[start, end)`."""
    return f"{text[:start]}{marks[0]}{text[start:end]}{marks[1]}{text[end:]}"


def unmarked(text: str, marks: Marks) -> tuple[str, int, int] | None:
    """The text without its marks and the place of what stood between them.

    None where there is not exactly one of each in the right order, or nothing but white space and
    punctuation between them.
    """
    opening, closing = _marks_in(text, marks[0]), _marks_in(text, marks[1])
    if VARIANTS.get(marks[0], marks[0]) == VARIANTS.get(marks[1], marks[1]):  # quotation marks
        opening, closing = opening[:1], opening[1:]
    if len(opening) != 1 or len(closing) != 1 or opening[0][1] > closing[0][0]:
        return None
    before, inside = text[: opening[0][0]], text[opening[0][1] : closing[0][0]]
    behind = text[closing[0][1] :]
    answer = inside.strip()
    if not any(character.isalnum() for character in answer):
        return None
    # Spaces inside the marks belong outside, where there is none yet.
    left = " " if inside[:1].isspace() and before and not before[-1:].isspace() else ""
    right = " " if inside[-1:].isspace() and behind[:1].isalnum() else ""
    start = len(before) + len(left)
    return f"{before}{left}{answer}{right}{behind}", start, start + len(answer)


def _marks_in(text: str, mark: str) -> list[tuple[int, int]]:
    """Where a mark stands, in whatever script; a mark of several letters has no variants."""
    pattern = f"[{re.escape(VARIANTS[mark])}]" if mark in VARIANTS else re.escape(mark)
    return [hit.span() for hit in re.finditer(pattern, text)]


def found(answer: str, text: str, *, no_spaces: bool) -> AnswerPlace | None:
    """The one place of an answer in a text; None if there is none, or more than one.

    Args:
        no_spaces: words are not separated, so that an answer may begin and end anywhere.
    """
    answer = answer.strip().strip(".。،").strip()
    if not answer:
        return None
    hits = (hit.span() for hit in re.finditer(re.escape(answer), text, re.IGNORECASE))
    same = [span for span in hits if no_spaces or _bounded(text, *span)]
    if same:
        return AnswerPlace(*same[0], "found") if len(same) == 1 else None
    # Another number is another answer, however alike the two look.
    if sum(map(str.isalnum, answer)) < MIN_LETTERS or any(map(str.isdigit, answer)):
        return None
    scored = [
        (fuzz.ratio(answer.casefold(), text[start:end].casefold()), start, end)
        for start, end in _candidates(answer, text, no_spaces)
    ]
    if not scored:
        return None
    best, start, end = max(scored, key=lambda each: (each[0], each[1] - each[2]))
    others = (score for score, s, e in scored if e <= start or s >= end)
    if best < MIN_SIMILARITY or best - max(others, default=0.0) < MIN_MARGIN:
        return None
    return AnswerPlace(start, end, "similar")


def _candidates(answer: str, text: str, no_spaces: bool) -> Iterator[tuple[int, int]]:
    """Pieces of about the answer's length: of words, or of characters where words have no space."""
    if no_spaces:
        for length in range(max(1, len(answer) - 2), len(answer) + 3):
            yield from ((start, start + length) for start in range(len(text) - length + 1))
        return
    words = [_bare(text, *hit.span()) for hit in re.finditer(r"\S+", text)]
    words = [span for span in words if span[0] < span[1]]
    count = len(answer.split())
    for first in range(len(words)):
        for last in range(first + max(1, count - 1) - 1, min(first + count + 1, len(words))):
            yield words[first][0], words[last][1]


def _bare(text: str, start: int, end: int) -> tuple[int, int]:
    """A word without the punctuation at its ends."""
    inside = [place for place in range(start, end) if _of_a_word(text[place])]
    return (inside[0], inside[-1] + 1) if inside else (start, start)


def _bounded(text: str, start: int, end: int) -> bool:
    beside = text[:start][-1:], text[end:][:1]
    return not any(character and _of_a_word(character) for character in beside)


def _of_a_word(character: str) -> bool:
    # Vowel signs of Indic and Arabic scripts are marks, not letters.
    return character.isalnum() or unicodedata.category(character).startswith("M")
