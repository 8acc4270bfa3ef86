"""What a column holds, judged by its values.

    columns(rows)["label"].kind     # 'whole'

A column that holds a mapping is looked into: `choices.text`, `translation.de`. SQuAD's `answers`
stays whole.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from t2t_xfer.records import Row, Value

Kind: TypeAlias = Literal["text", "whole", "truth", "number", "texts", "wholes", "answers", "other"]


@dataclass(frozen=True)
class Column:
    """A column of some rows."""

    name: str
    kind: Kind
    values: tuple[Value, ...]
    """Those that are not null, in the order of the rows."""
    missing: int
    """Rows without a value."""

    @property
    def texts(self) -> list[str]:
        """The values of a column of texts."""
        return [value for value in self.values if isinstance(value, str)]

    @property
    def lists(self) -> list[tuple[Value, ...]]:
        """The values of a column of lists."""
        return [value for value in self.values if isinstance(value, tuple)]

    @property
    def counts(self) -> Counter[Value]:
        """How often each value stands there, of values that are no lists."""
        return Counter(value for value in self.values if not isinstance(value, tuple | Mapping))

    @property
    def items(self) -> Counter[Value]:
        """How often each item stands in the lists."""
        return Counter(item for each in self.lists for item in each if _plain(item))

    @property
    def words(self) -> float:
        """Words of a text, on average."""
        return sum(len(text.split()) for text in self.texts) / max(1, len(self.texts))

    @property
    def unique(self) -> bool:
        """Whether every row has another value."""
        return not self.missing and len(self.counts) == len(self.values)

    def called(self, *names: str) -> bool:
        """Whether a part of the column's name is one of these."""
        parts = re.findall(r"[a-z]+", re.sub(r"([a-z])([A-Z])", r"\1_\2", self.name).casefold())
        return any(part in names for part in parts)


def columns(rows: Sequence[Row]) -> dict[str, Column]:
    """The columns of some rows by name, in the order of the first row that has them."""
    found: dict[str, Column] = {}
    for name in dict.fromkeys(name for row in rows for name in row):
        values = [row.get(name) for row in rows]
        found |= _columns(name, values)
    return found


def _columns(name: str, values: Sequence[Value]) -> dict[str, Column]:
    there = [value for value in values if value is not None]
    if there and all(isinstance(value, Mapping) for value in there) and not _answers(there):
        keys = dict.fromkeys(k for value in there if isinstance(value, Mapping) for k in value)
        found: dict[str, Column] = {}
        for key in keys:
            inner = [v.get(key) if isinstance(v, Mapping) else None for v in values]
            found |= _columns(f"{name}.{key}", inner)
        return found
    return {name: Column(name, _kind(there), tuple(there), len(values) - len(there))}


def _answers(values: Sequence[Value]) -> bool:
    return all(isinstance(v, Mapping) and {"text", "answer_start"} <= {*v} for v in values)


def _kind(values: Sequence[Value]) -> Kind:
    if not values:
        return "other"
    if _answers(values):
        return "answers"
    if all(isinstance(value, tuple) for value in values):
        items = [item for value in values if isinstance(value, tuple) for item in value]
        if items and all(isinstance(item, str) for item in items):
            return "texts"
        return "wholes" if items and all(type(item) is int for item in items) else "other"
    kinds = {type(value) for value in values}
    alone: dict[frozenset[type], Kind] = {
        frozenset({str}): "text",
        frozenset({int}): "whole",
        frozenset({bool}): "truth",
        frozenset({float}): "number",
        frozenset({int, float}): "number",
    }
    return alone.get(frozenset(kinds), "other")


def _plain(value: Value) -> bool:
    return not isinstance(value, tuple | Mapping)


def described(column: Column) -> str:
    """For a message: `stars (whole numbers, 5 different)`."""
    what = {
        "text": "text",
        "whole": "whole numbers",
        "truth": "true or false",
        "number": "numbers",
        "texts": "lists of texts",
        "wholes": "lists of whole numbers",
        "answers": "SQuAD's answers",
        "other": "something else",
    }[column.kind]
    different = f", {len(column.counts)} different" if column.counts else ""
    return f"{column.name} ({what}{different})"
