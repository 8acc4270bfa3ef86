"""Answers that are copied from a field of the example: SQuAD and its translations.

    gold (("Ada Lovelace", 7), …) -> target "Ada Lovelace" -> what a model points at or writes

A place in the input is the answer as it stands there. A written text is looked for in the field
(`find`): equal after normalisation (`exact`) or misspelt (`fuzzy`), it becomes what stands there;
found nowhere (`unplaced`), it is itself the answer, because the metric compares words and half of
them may be right. Only an empty text is `invalid`.

Where the task has a word for questions without an answer (`unanswerable`, SQuAD 2.0):

    gold ()           -> target "unanswerable", which stands nowhere in the input
    scores (-3, -1)   -> value: the best span; evidence +2: it is 2 more probable than no answer
    text unanswerable -> value "", a no that needs no threshold

The metric's threshold on the evidence then decides whether the span stands (`metrics.Tuned`).
Of several accepted answers the first is trained on; the metric takes the best of all.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

from rapidfuzz import fuzz

from t2t_xfer.answers.base import Wording
from t2t_xfer.answers.parsing import (
    FUZZY_MARGIN,
    FUZZY_MINIMUM,
    FUZZY_MINIMUM_CHARACTERS,
    TURKISH,
    canonical,
)
from t2t_xfer.errors import DataError, SpecError, UnsupportedError, nearest, quoted
from t2t_xfer.records import (
    Answer,
    Copied,
    Example,
    Generation,
    Gold,
    Prediction,
    Prompted,
    Readout,
    Region,
    Status,
    Value,
)
from t2t_xfer.specs.prompt import ResolvedPrompt
from t2t_xfer.specs.task import TaskSpec


class SpanFormat:
    """The `span` answers of one task.

    Raises:
        SpecError: no template field shows the context's column, the prompt lacks that field, or
            it may be shortened (a long one is read through windows instead).
    """

    name = "span"
    asks = Copied
    closed = False
    options: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    shuffles = False

    def __init__(self, task: TaskSpec, prompt: ResolvedPrompt) -> None:
        self._field = _template_field(task)
        self._shortenable = task.shortenable
        self._unanswerable = task.unanswerable or ""
        if self._field in task.shortenable:
            raise SpecError(
                f"task {task.task!r}: {self._field!r} may not be shortened, because the answer"
                " stands in it. If it is too long for an input, it is read through windows."
            )
        self._wording = Wording(task, prompt, required=(self._field,))
        self._question = Copied(self._field, self._unanswerable)

    def render(self, example: Example, epoch: int | None = None) -> Prompted:
        """Input text and, if known, the first accepted answer and its place, or that there is none.

        Raises:
            SpecError: as `Wording.render`.
            ValueError: the gold answers are not those of this task: checked where they were read.
        """
        fields = {name: self._trimmed(name, value) for name, value in example.fields.items()}
        rendered = self._wording.render(replace(example, fields=fields), (self._field,))
        field = next(r for r in rendered.regions if r.field == self._field)
        answer = self._first_answer(example, rendered.text, field)
        return Prompted(
            id=example.id,
            language=example.language,
            input=rendered.text,
            target=self._target(example) if answer is None else _piece(rendered.text, answer),
            question=self._question,
            regions=rendered.regions,
            shortenable=self._shortenable,
            answer=answer,
            wording=self._wording.text,
        )

    def parse(self, generation: Generation, prompted: Prompted) -> Prediction:
        """The text of the place, or the text that was written; see the module."""
        prediction = self._read(generation, prompted)
        if not generation.scores:
            return prediction
        null, best = generation.scores
        return replace(prediction, evidence=best - null)

    def _read(self, generation: Generation, prompted: Prompted) -> Prediction:
        if generation.place is not None:
            start, end = generation.place
            return _prediction(generation.id, prompted.input[start:end].strip(), Status.exact)
        if generation.text is None:
            raise ValueError(f"generation {generation.id!r} has neither place nor text")
        field = next(r for r in prompted.regions if r.field == self._field)
        context = prompted.input[field.start : field.end]
        text = generation.text.strip()
        if self._unanswerable and _same(text.partition("\n")[0], self._unanswerable):
            return Prediction(generation.id, "", Status.exact)
        found = find(text, context) if text else None
        if found is None or not found.exact:
            # What comes after the first line is rarely part of the answer.
            text = text.partition("\n")[0].strip()
            found = find(text, context) if text else None
        if found is None:
            return _prediction(generation.id, text, Status.unplaced)
        status = Status.exact if found.exact else Status.fuzzy
        return _prediction(generation.id, context[found.start : found.end].strip(), status)

    def reading(self, readout: Readout) -> str:
        """Nothing to add: a score is that of the best piece."""
        return ""

    def constant(self, golds: Iterable[Gold]) -> str:
        """Never: answers differ from example to example.

        Raises:
            UnsupportedError: always.
        """
        raise UnsupportedError(
            "`span` answers are copied from each example's own text, so there is no most frequent"
            " one: the majority baseline does not apply."
        )

    def _trimmed(self, name: str, value: Value) -> Value:
        """Without white space around it: some SQuAD questions begin with thousands of spaces.

        The copied field stays as it is, because the answers' places count its characters.
        """
        return value.strip() if isinstance(value, str) and name != self._field else value

    def _target(self, example: Example) -> str:
        """The text without a place: that there is no answer, or nothing if that is unknown."""
        if example.gold is None:
            return ""
        if not self._unanswerable:
            raise ValueError(f"{example.id}: no accepted answer, and no text for that")
        return self._unanswerable

    def _first_answer(self, example: Example, text: str, field: Region) -> Region | None:
        """Where the first accepted answer stands, without white space at its ends."""
        if not example.gold:
            return None
        first = example.gold[0]
        if not isinstance(first, Answer):
            raise ValueError(f"{example.id}: {first!r} is no answer with a place")
        start = field.start + first.start
        end = start + len(first.text)
        if text[start:end] != first.text or end > field.end:
            raise ValueError(f"{example.id}: {first} does not stand in its {field.field}")
        start += len(first.text) - len(first.text.lstrip())
        return Region(field.field, start, start + len(first.text.strip()))


def _same(text: str, word: str) -> bool:
    return canonical(text) == canonical(word)


def _piece(text: str, region: Region) -> str:
    return text[region.start : region.end]


def _prediction(id: str, text: str, status: Status) -> Prediction:
    return Prediction(id, text, status) if text else Prediction(id, None, Status.invalid)


def _template_field(task: TaskSpec) -> str:
    """The name under which the prompt knows the context."""
    column = task.context_field or ""
    if not task.fields:
        return column
    names = [name for name, source in task.fields.items() if source == column]
    if not names:
        columns = list(task.fields.values())
        raise SpecError(
            f"task {task.task!r}: no field of `fields` is the column {column!r} that"
            f" `context_field` names.{nearest(column, columns)} Add `context: {column}`."
        )
    return names[0]


SLACK = 3
"""Characters by which each end of an alignment may move to the best piece."""


class Occurrence(NamedTuple):
    """Characters `[start, end)` of the field."""

    start: int
    end: int
    exact: bool
    """Whether the two are equal after normalisation."""


class _Folded(NamedTuple):
    text: str
    places: tuple[tuple[int, int], ...]
    """Characters of the original behind each character of `text`."""


def find(text: str, field: str) -> Occurrence | None:
    """Where the text stands in the field: letter for letter, normalised, or misspelt.

    Misspelt: the most similar piece, at least 90 of 100 (`rapidfuzz.fuzz.ratio`), with the same
    digits, and at least 10 above anything else in the field.
    """
    start = field.find(text)
    if start >= 0:
        return Occurrence(start, start + len(text), True)
    wanted = _fold(text).text
    if not wanted:
        return None
    folded = _fold(field)
    at = _bounded(wanted, folded.text)
    if at >= 0:
        return _found(folded, at, at + len(wanted), True)
    return _misspelt(wanted, folded)


@lru_cache(maxsize=256)
def _fold(text: str) -> _Folded:
    """Case, width, punctuation and white space levelled. Questions share their contexts."""
    letters: list[str] = []
    places: list[tuple[int, int]] = []
    for start, end in _clusters(text):
        folded = unicodedata.normalize("NFKC", text[start:end]).casefold().translate(TURKISH)
        for character in unicodedata.normalize("NFKC", folded):
            category = unicodedata.category(character)
            if category == "Cf":
                continue
            token = category[0] in "LMN"
            if not token and (not letters or letters[-1] == " "):
                continue
            letters.append(character if token else " ")
            places.append((start, end))
    if letters and letters[-1] == " ":
        letters.pop()
        places.pop()
    return _Folded("".join(letters), tuple(places))


def _clusters(text: str) -> list[tuple[int, int]]:
    """Each character with the marks that follow it: they may become one letter."""
    starts = [i for i, c in enumerate(text) if i == 0 or not unicodedata.combining(c)]
    return list(zip(starts, [*starts[1:], len(text)], strict=True))


def _bounded(wanted: str, text: str) -> int:
    """The first occurrence between spaces or at least the first one at all (no-space scripts)."""
    match = re.search(rf"(?<!\S){re.escape(wanted)}(?!\S)", text)
    return match.start() if match else text.find(wanted)


def _found(folded: _Folded, start: int, end: int, exact: bool) -> Occurrence:
    return Occurrence(folded.places[start][0], folded.places[end - 1][1], exact)


def _misspelt(wanted: str, folded: _Folded) -> Occurrence | None:
    if len(wanted) < FUZZY_MINIMUM_CHARACTERS:
        return None
    text = folded.text
    near = fuzz.partial_ratio_alignment(wanted, text, score_cutoff=FUZZY_MINIMUM - FUZZY_MARGIN)
    if near is None or len(wanted) > len(text):
        return None
    starts = range(max(0, near.dest_start - SLACK), near.dest_start + SLACK + 1)
    ends = range(near.dest_end - SLACK, min(len(text), near.dest_end + SLACK) + 1)
    pieces = [(s, e) for s in starts for e in ends if s < e and text[s:e].strip() == text[s:e]]
    if not pieces:
        return None
    start, end = max(pieces, key=lambda piece: fuzz.ratio(wanted, text[slice(*piece)]))
    score = fuzz.ratio(wanted, text[start:end])
    if score < FUZZY_MINIMUM or _digits(wanted) != _digits(text[start:end]):
        return None
    # The same words elsewhere in the field are no rival.
    rest = text.replace(text[start:end], "\n")
    second = fuzz.partial_ratio(wanted, rest) if len(rest) >= len(wanted) else 0.0
    return _found(folded, start, end, False) if score - second >= FUZZY_MARGIN else None


def _digits(text: str) -> str:
    """A number with another digit is another number, however similar."""
    return "".join(c for c in text if c.isnumeric())


def read_answers(
    value: Value, context: Value, where: str, unanswerable: str | None = None
) -> tuple[Answer, ...]:
    """The accepted answers of a question, in SQuAD's form, each checked against the context.

    Args:
        unanswerable: the target text of a question without any. None: there are no such questions.

    Raises:
        DataError: another form, a blank answer, one that does not stand where the data says or
            that reads like `unanswerable`, or none at all although there are no such questions.
    """
    if not isinstance(context, str) or not context.strip():
        raise DataError(
            f"{where}: the context is {quoted(context)}; expected text that is not blank."
        )
    columns = value if isinstance(value, Mapping) else {}
    texts, starts = columns.get("text"), columns.get("answer_start")
    if not isinstance(texts, tuple) or not isinstance(starts, tuple) or len(texts) != len(starts):
        raise DataError(
            f"{where}: expected {{text: [...], answer_start: [...]}} of equal length, found"
            f" {quoted(value)}."
        )
    if not texts and unanswerable is None:
        raise DataError(
            f"{where}: no accepted answer. If some questions cannot be answered, say in the task's"
            " YAML what a model should answer then (`unanswerable: unanswerable`); else leave this"
            " one out of the data."
        )
    answers = tuple(
        _answer(text, start, context, where) for text, start in zip(texts, starts, strict=True)
    )
    for answer in answers:
        if unanswerable is not None and canonical(answer.text) == canonical(unanswerable):
            raise DataError(
                f"{where}: the accepted answer {quoted(answer.text)} is what the task's"
                " `unanswerable`"
                " says of questions without one. Choose another text there."
            )
    return answers


def _answer(text: Value, start: Value, context: str, where: str) -> Answer:
    if not isinstance(text, str) or not text.strip() or type(start) is not int or start < 0:
        raise DataError(f"{where}: {quoted(text)} at {quoted(start)} is no answer with a place.")
    there = context[start : start + len(text)]
    if there != text:
        raise DataError(
            f"{where}: the answer {quoted(text)} should stand at character {start} of the"
            " context, but"
            f" there stands {quoted(there)}."
        )
    return Answer(text, start)
