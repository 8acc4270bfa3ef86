"""A task's training rows in another language: what of a row is translated, and the row made of it.

A row keeps its columns, its labels and its id; only the texts that the task's prompt shows are
translated. A row that cannot be told whole is dropped with a reason, never repaired.

Nothing is guessed about where an answer stands: it is marked before the translation and read from
between its marks; where a mark was lost, the answer is translated alone and looked for, first as it
is, then as the one piece of the text that resembles it far more than any other. What remains is no
answer (docs/decisions/009-answers-between-marks.md).

    marked("born in Paris in 1867", 8, 13, ("[", "]"))        # 'born in [Paris] in 1867'
    unmarked("geboren in [Paris] 1867", ("[", "]"))           # ('geboren in Paris 1867', 11, 16)
    found("den Fluss", "Er sah der Fluss.", no_spaces=False)  # 7, 16, similar
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal, NamedTuple, TypeAlias

from rapidfuzz import fuzz

from t2t_xfer.data.examples import labels_of, numbered_rows
from t2t_xfer.data.gold import look_up, read_answers
from t2t_xfer.data.places import NumberedRow, Place, choose, find_places
from t2t_xfer.errors import UnsupportedError, UserError
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


class Translation(NamedTuple):
    """What became of one piece of text."""

    text: str
    loss: Loss | None = None


class Told(NamedTuple):
    """A row in another language."""

    row: dict[str, Any]
    aligned: How | None = None
    """How its answer was placed; None where there is none."""


def text_paths(task: TaskSpec, row: Row, names: Collection[str]) -> list[TextPath]:
    """The texts of a row that are translated, the context of a span aside.

    Args:
        names: what the prompt's template names; counts for a task that lists no `fields`.

    Raises:
        DataError: a column is missing.
    """
    kept = {task.label_field, task.answers_field, task.id_field, task.context_field}
    columns = [c for c in (task.fields.values() or sorted(names & row.keys())) if c not in kept]
    where = f"task {task.task!r}"
    return [
        path
        for column in dict.fromkeys((*columns, *task.choices_fields))
        for path in _texts(look_up(row, column, "a text to translate", where), path_of(row, column))
    ]


def path_of(row: Row, column: str) -> TextPath:
    """A column, or with a dot inside of one."""
    return (column,) if column in row else tuple(column.split("."))


def _texts(value: Value, path: TextPath) -> Iterator[TextPath]:
    if isinstance(value, str):
        yield path
    elif isinstance(value, tuple):
        for number, item in enumerate(value):
            yield from _texts(item, (*path, number))


@dataclass(frozen=True)
class Span:
    """The context of a row, and its answer: the first, as in training."""

    context: TextPath
    answers: TextPath
    answer: Answer | None
    """None: the question cannot be answered."""


@dataclass(frozen=True)
class RowPlan:
    """One row before it is translated. Nothing here depends on the language."""

    row: Row
    paths: Sequence[TextPath]
    span: Span | None
    sentences: bool
    marks: Marks

    def wanted(self) -> list[str]:
        """The pieces of text to translate first: an answer stands in its context with marks."""
        texts = [text for path in self.paths for text in _plain(_get(self.row, path), self)]
        return texts + [piece.shown for piece in self._context_pieces()]

    def fallback(self) -> list[str]:
        """What is translated where the marks were lost: the context without them, the answer."""
        answer = None if self.span is None else self.span.answer
        plain = [piece.plain for piece in self._context_pieces() if piece.answer is not None]
        return [*plain, answer.text] if answer is not None else []

    def told(self, lookup: Mapping[str, Translation], *, no_spaces: bool) -> Told | Loss:
        """The row in the language of `lookup`.

        Args:
            lookup: the translation of every piece; of `fallback` only where it was asked for.
            no_spaces: sentences follow each other without a space.
        """
        out: dict[str, Any] = _thawed(self.row)
        gap = "" if no_spaces else " "
        for path in self.paths:
            source = _get(self.row, path)
            joined = _joined([lookup[piece] for piece in _plain(source, self)], gap)
            if joined.loss is not None:
                return joined.loss
            put(out, path, joined.text)
        if self.span is None:
            return Told(out)
        return self._with_context(out, self.span, lookup, gap, no_spaces)

    def _with_context(
        self,
        out: dict[str, Any],
        span: Span,
        lookup: Mapping[str, Translation],
        gap: str,
        no_spaces: bool,
    ) -> Told | Loss:
        parts: list[Translation] = []
        place: tuple[int, int] | None = None
        how: How | None = None
        for piece in self._context_pieces():
            translation = lookup[piece.shown]
            if piece.answer is not None:
                aligned = _aligned(piece, piece.answer, lookup, no_spaces)
                if not isinstance(aligned, tuple):
                    return aligned
                text, start, end, how = aligned
                offset = sum(len(part.text) + len(gap) for part in parts)
                place, translation = (offset + start, offset + end), Translation(text)
            parts.append(translation)
        joined = _joined(parts, gap)
        if joined.loss is not None:
            return joined.loss
        if span.answer is not None and place is None:
            return "answer_lost"
        texts = [] if place is None else [joined.text[slice(*place)]]
        starts = [] if place is None else [place[0]]
        put(out, span.context, joined.text)
        put(out, span.answers, {"text": texts, "answer_start": starts})
        return Told(out, how)

    def _context_pieces(self) -> list[_Piece]:
        if self.span is None:
            return []
        context, answer = _get(self.row, self.span.context), self.span.answer
        start = -1 if answer is None else answer.start
        end = -1 if answer is None else answer.start + len(answer.text)
        whole = None if answer is None else (start, end)
        out = []
        for first, last in pieces(context, sentences=self.sentences, whole=whole):
            plain = context[first:last]
            if answer is None or not first <= start < end <= last:
                out.append(_Piece(plain, plain, None, self.marks))
                continue
            marks = choose_marks(plain, self.marks)
            shown = plain if marks is None else marked(plain, start - first, end - first, marks)
            out.append(_Piece(shown, plain, answer, marks))
        return out


class _Piece(NamedTuple):
    """A piece of the context."""

    shown: str
    """With marks around the answer, if it stands here."""
    plain: str
    answer: Answer | None
    marks: Marks | None
    """None: the text holds all marks there are."""


def _plain(text: str, plan: RowPlan) -> list[str]:
    return [text[first:last] for first, last in pieces(text, sentences=plan.sentences)]


def _aligned(
    piece: _Piece, answer: Answer, lookup: Mapping[str, Translation], no_spaces: bool
) -> tuple[str, int, int, How] | Loss:
    """The piece in the other language with the place of its answer."""
    shown = lookup[piece.shown]
    if shown.loss is None and piece.marks is not None:
        read = unmarked(shown.text, piece.marks)
        if read is not None:
            return (*read, "marked")
    if piece.plain not in lookup or answer.text not in lookup:
        return "answer_lost"
    plain, alone = lookup[piece.plain], lookup[answer.text]
    if plain.loss is not None:
        return plain.loss
    place = found(alone.text, plain.text, no_spaces=no_spaces)
    if alone.loss is not None or place is None:
        return "answer_lost"
    return plain.text, place.start, place.end, place.how


def _joined(parts: Sequence[Translation], gap: str) -> Translation:
    """One text of its pieces; lost if one of them is. A blank text of the data has no pieces."""
    lost = next((part for part in parts if part.loss is not None), None)
    return lost or Translation(gap.join(part.text for part in parts))


def _get(row: Row, path: TextPath) -> str:
    value: Any = row
    for step in path:
        value = value[step]
    assert isinstance(value, str)
    return value


def put(row: dict[str, Any], path: TextPath, value: Any) -> None:
    """Sets a value within a row that `told` made."""
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


Marks = tuple[str, ...]
"""What stands before the answer, and what stands behind it."""

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


class Found(NamedTuple):
    """A place in a text: characters `[start, end)`."""

    start: int
    end: int
    how: Literal["found", "similar"]


def choose_marks(text: str, wanted: Marks) -> Marks | None:
    """The marks, or others if the text holds one of them; None if it holds some of each."""
    for marks in (wanted, *SPARE_MARKS):
        if not any(variant in text for mark in marks for variant in _variants(mark)):
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
    opening, closing = _places(text, marks[0]), _places(text, marks[1])
    if _variants(marks[0]) == _variants(marks[1]):  # quotation marks
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


def found(answer: str, text: str, *, no_spaces: bool) -> Found | None:
    """The one place of an answer in a text; None if there is none, or more than one.

    Args:
        no_spaces: words are not separated, so that an answer may begin and end anywhere.
    """
    answer = answer.strip().strip(".。،").strip()
    if not answer:
        return None
    same = [
        hit.span()
        for hit in re.finditer(re.escape(answer), text, re.IGNORECASE)
        if no_spaces or _bounded(text, *hit.span())
    ]
    if same:
        return Found(*same[0], "found") if len(same) == 1 else None
    return _similar(answer, text, no_spaces)


def _similar(answer: str, text: str, no_spaces: bool) -> Found | None:
    letters = sum(character.isalnum() for character in answer)
    # Another number is another answer, however alike the two look.
    if letters < MIN_LETTERS or any(character.isdigit() for character in answer):
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
    return Found(start, end, "similar")


def _candidates(answer: str, text: str, no_spaces: bool) -> Iterator[tuple[int, int]]:
    """Pieces of about the answer's length: of words, or of characters where words have no space."""
    if no_spaces:
        least, most = max(1, len(answer) - 2), len(answer) + 2
        for length in range(least, most + 1):
            yield from ((start, start + length) for start in range(len(text) - length + 1))
        return
    words = [hit.span() for hit in re.finditer(r"\S+", text)]
    words = [span for span in (_bare(text, *span) for span in words) if span[0] < span[1]]
    count = len(answer.split())
    for first in range(len(words)):
        for number in range(max(1, count - 1), count + 2):
            if first + number <= len(words):
                yield words[first][0], words[first + number - 1][1]


def _bare(text: str, start: int, end: int) -> tuple[int, int]:
    """A word without the punctuation at its ends."""
    while start < end and not _of_a_word(text[start]):
        start += 1
    while start < end and not _of_a_word(text[end - 1]):
        end -= 1
    return start, end


def _bounded(text: str, start: int, end: int) -> bool:
    before, behind = text[:start][-1:], text[end:][:1]
    return not (before and _of_a_word(before)) and not (behind and _of_a_word(behind))


def _of_a_word(character: str) -> bool:
    # Vowel signs of Indic and Arabic scripts are marks, not letters.
    return character.isalnum() or unicodedata.category(character).startswith("M")


def _variants(mark: str) -> tuple[str, ...]:
    return tuple(VARIANTS.get(mark, (mark,)))


def _places(text: str, mark: str) -> list[tuple[int, int]]:
    pattern = "|".join(map(re.escape, _variants(mark)))
    return [hit.span() for hit in re.finditer(pattern, text)]


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
    spans = [_stripped(text, *span) for span in pairwise([0, *ends])]
    return [span for span in spans if span[0] < span[1]]


def _stripped(text: str, start: int, end: int) -> tuple[int, int]:
    piece = text[start:end]
    return start + len(piece) - len(piece.lstrip()), start + len(piece.rstrip())


ID_COLUMN = "source_row"
"""Added to the rows: the id of the English row. Dropped rows leave gaps, so the row number would
not be the same in every language."""


@dataclass(frozen=True)
class SourceRow:
    """A row with its id among all training rows of the task."""

    id: str
    plan: RowPlan


def check_translatable(spec: TaskSpec) -> None:
    """Refuses a task before anything is read.

    Raises:
        UnsupportedError: its answers belong to the words of one language.
        UserError: its rows are translations already.
    """
    if spec.answer in ("tags", "pair"):
        why = "its tags belong to the words" if spec.answer == "tags" else "its rows are pairs"
        raise UnsupportedError(
            f"task {spec.task!r} cannot be translated, because {why} of each language. Translate"
            " a task whose answers are labels, choices or spans."
        )
    if spec.train_languages:
        raise UserError(
            f"task {spec.task!r} is trained in {', '.join(spec.train_languages)}: its rows are"
            " translations already. Translate the task that they were made from."
        )


def source_rows(
    context: Context, task: Task, translator: TranslatorSpec, limit: int | None
) -> list[SourceRow]:
    """The labelled training rows in the source language, in file order.

    Raises:
        AbsentError, DataError: as `read_examples`.
    """
    spec = task.spec
    names = Template(task.prompt.input).names
    places = find_places(spec, context.source, spec.source_language, "train")
    rows = choose(numbered_rows(spec, places), limit, f"{spec.task}/train")
    return list(_planned(spec, places, rows, names, translator))


def _planned(
    spec: TaskSpec,
    places: Sequence[Place],
    rows: Iterable[NumberedRow],
    names: frozenset[str],
    translator: TranslatorSpec,
) -> Iterator[SourceRow]:
    readers = [labels_of(spec, place) for place in places]
    for row in rows:
        where = f"{places[row.place]}, row {row.number}"
        labelled: Row = {**row.row, ID_COLUMN: row.id}
        if spec.label_field is not None:
            name = readers[row.place].read(
                look_up(row.row, spec.label_field, "`label_field`", where), where
            )
            if name is None:
                continue  # nothing could be trained on it
            if spec.label_field in row.row:
                labelled = {**labelled, spec.label_field: spec.labels[name].value}
        paths = text_paths(spec, row.row, names)
        span = _span(spec, row.row, where)
        yield SourceRow(
            row.id, RowPlan(labelled, paths, span, translator.sentences, translator.marks)
        )


def _span(spec: TaskSpec, row: Row, where: str) -> Span | None:
    if spec.context_field is None or spec.answers_field is None:
        return None
    context = look_up(row, spec.context_field, "`context_field`", where)
    answers = look_up(row, spec.answers_field, "`answers_field`", where)
    found = read_answers(answers, context, f"{where}, {spec.answers_field!r}", spec.unanswerable)
    return Span(
        path_of(row, spec.context_field),
        path_of(row, spec.answers_field),
        found[0] if found else None,
    )
