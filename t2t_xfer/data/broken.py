"""Every row of a split that cannot be used, where reading stops at the first.

broken_rows(task, source, "de", "test")     # ["data/test.de.jsonl, row 3: 7 is no label. …"]
"""

from __future__ import annotations

from t2t_xfer.data.choices import look_up
from t2t_xfer.data.examples import RowReader
from t2t_xfer.data.places import find_places
from t2t_xfer.data.sampling import NumberedRow
from t2t_xfer.data.source import Source
from t2t_xfer.errors import DataError, quoted
from t2t_xfer.records import Row, Split
from t2t_xfer.specs.task import TaskSpec


def broken_rows(task: TaskSpec, source: Source, language: str, split: Split) -> list[str]:
    """What is wrong, a sentence for each row, in the order of the rows.

    Empty where the place itself is the problem, or the rows are pools to mine (BUCC). A file that
    cannot be read on ends the list.
    """
    if task.mining is not None:
        return []
    found: list[str] = []
    try:
        places = find_places(task, source, language, split, allow_target_language_training=True)
        reader = RowReader(task, language, split, places)
        for which, place in enumerate(places):
            seen: dict[str, int] = {}
            for number, row in enumerate(place.rows()):
                where = f"{place}, row {number}"
                problem = _id_problem(task, row, number, where, seen)
                try:
                    reader.example(NumberedRow(number, str(number), row, which))
                except DataError as e:
                    problem = problem or str(e)
                if problem:
                    found.append(problem)
    except DataError as e:
        found.append(str(e))
    return found


def _id_problem(
    task: TaskSpec, row: Row, number: int, where: str, seen: dict[str, int]
) -> str | None:
    if task.id_field is None:
        return None
    try:
        id = look_up(row, task.id_field, "`id_field`", where)
    except DataError as e:
        return str(e)
    if isinstance(id, bool) or not isinstance(id, str | int) or id == "":
        return f"{where}, column {task.id_field!r}: {quoted(id)} cannot be an id."
    first = seen.setdefault(str(id), number)
    return (
        None if first == number else f"{where}: the id {quoted(id)} already stands in row {first}."
    )
