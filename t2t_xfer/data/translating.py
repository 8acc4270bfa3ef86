"""A task's rows in another language: which texts of a row are translated, and the row made of them.

The rule: a row keeps its columns, its labels and its id; only the texts that the task's prompt
shows are translated. A row that cannot be told whole is dropped with a reason, never repaired.

    plan = RowPlan(row, text_paths(task, row, names), span, sentences=False, marks=("[", "]"))
    plan.wanted()                       # the English pieces to translate
    plan.told(lookup, no_spaces=False)  # the row, or why there is none
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeAlias

from t2t_xfer.data.choices import look_up
from t2t_xfer.data.realign import Marks, choose_marks, found, marked, pieces, unmarked
from t2t_xfer.records import Answer, Row, Value
from t2t_xfer.specs.task import TaskSpec

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
