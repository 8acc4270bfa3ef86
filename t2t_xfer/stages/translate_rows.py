"""The training rows of a task as they stand before they are translated.

The rule: the rows and their ids are those that training would read, with the same limit; a label is
written as the task's YAML has it, whatever the part that the row comes from calls it.

    rows = source_rows(context, context.task("mnli"), translator, limit=1000)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from t2t_xfer.data.choices import look_up
from t2t_xfer.data.examples import labels_of, numbered_rows
from t2t_xfer.data.gold import read_answers
from t2t_xfer.data.place import Place
from t2t_xfer.data.places import find_places
from t2t_xfer.data.sampling import NumberedRow, choose
from t2t_xfer.data.translating import RowPlan, Span, path_of, text_paths
from t2t_xfer.errors import UnsupportedError, UserError
from t2t_xfer.prompts.template import Template
from t2t_xfer.records import Row
from t2t_xfer.specs.task import TaskSpec
from t2t_xfer.specs.translator import TranslatorSpec
from t2t_xfer.stages.context import Context
from t2t_xfer.stages.task import Task

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
