"""What a task reads of a row by the names of columns: values, texts, ids and choices.

Answer formats make gold answers of them (`answers/`). Choices are one list (`endings`), a list
inside a column (`choices.text`), or a column each (`answer0`, `answer1`, …). There are as many of
them as the task has letters.
"""

from __future__ import annotations

from collections.abc import Mapping

from t2t_xfer.data.formats import Unreadable
from t2t_xfer.errors import DataError, nearest, quoted
from t2t_xfer.records import Row, Value


def read_choices(row: Row, columns: tuple[str, ...], count: int, where: str) -> tuple[str, ...]:
    """The texts of the choices, exactly as the data has them.

    Raises:
        DataError: a column is missing, a choice is not text or blank, or there are not `count`.
    """
    if len(columns) == 1:
        value = look_up(row, columns[0], "`choices_fields`", where)
        if not isinstance(value, tuple):
            raise DataError(
                f"{where}, column {columns[0]!r}: expected a list of choices, found"
                f" {quoted(value)}."
            )
        values = value
    else:
        values = tuple(look_up(row, name, "`choices_fields`", where) for name in columns)
    if len(values) != count:
        raise DataError(
            f"{where}: {len(values)} choices in {', '.join(columns)}, but the task's `labels` name"
            f" {count}."
        )
    return tuple(
        read_text(choice, f"{where}, choice {number}") for number, choice in enumerate(values)
    )


def read_id(row: Row, column: str, role: str, where: str) -> str | int:
    """An id: a text that is not empty, or a whole number.

    Raises:
        DataError: there is no such column, or something else in it.
    """
    id = look_up(row, column, role, where)
    if isinstance(id, bool) or not isinstance(id, str | int) or id == "":
        raise DataError(f"{where}, column {column!r}: {quoted(id)} cannot be an id.")
    return id


def read_text(value: Value, where: str) -> str:
    """A text that is not blank.

    Raises:
        DataError: it is something else.
    """
    if not isinstance(value, str) or not value or value.isspace():
        raise DataError(f"{where}: found {quoted(value)}, expected text that is not blank.")
    return value


def look_up(row: Row, name: str, role: str, where: str) -> Value:
    """The value of a column, or with a dot inside of one: `choices.text`.

    Raises:
        DataError: there is no such column; names those that are there.
    """
    value: Value = row
    for part in (name,) if name in row else name.split("."):
        if not isinstance(value, Mapping) or part not in value:
            there = list(value) if isinstance(value, Mapping) else []
            hint = nearest(part, there)
            has = f" It has: {', '.join(there)}." if there else " It holds nothing by name."
            raise DataError(f"{where}: no column {name!r} ({role}).{hint}{has}")
        value = value[part]
    if type(value) is Unreadable:
        raise DataError(
            f"{where}, column {name!r} ({role}): {value}, which is no UTF-8 text. Decode the column"
            " when the file is written."
        )
    return value
