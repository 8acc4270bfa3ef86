"""The values that a prompt meets while it is written: fields that know their names, and `loop`.

named(("a", "b"), "words")[1].field     # 'words[1]'
"""

from __future__ import annotations

from collections.abc import Mapping

from t2t_xfer.records import Value
from t2t_xfer.specs.jinja_subset import LOOP_FACTS


class RenderingError(Exception):
    """What the prompt does does not fit the values; the caller says which prompt."""


class FieldText(str):
    """A text that remembers which field it is."""

    field: str

    def __new__(cls, text: str, field: str) -> FieldText:
        """The value, and the field's name beside it."""
        self = super().__new__(cls, text)
        self.field = field
        return self


class FieldList(tuple[object, ...]):
    """A list field: `{{ words }}` renders its items joined by one space."""

    field: str

    def __new__(cls, items: tuple[object, ...], field: str) -> FieldList:
        """The value, and the field's name beside it."""
        self = super().__new__(cls, items)
        self.field = field
        return self


def named(value: Value, field: str) -> object:
    """A value of an example whose texts and lists know where they come from."""
    if isinstance(value, str):
        return FieldText(value, field)
    if isinstance(value, tuple):
        items = tuple(named(item, f"{field}[{i}]") for i, item in enumerate(value))
        return FieldList(items, field)
    if isinstance(value, Mapping):
        return {key: named(item, f"{field}.{key}") for key, item in value.items()}
    return value


class Loop:
    """What stands behind the name `loop`."""

    def __init__(self, length: int) -> None:
        self.length = length
        self.index0 = 0

    def fact(self, name: str) -> object:
        """What `loop.name` says.

        Raises:
            RenderingError: it has no such name.
        """
        facts = {
            "index": self.index0 + 1,
            "index0": self.index0,
            "first": self.index0 == 0,
            "last": self.index0 == self.length - 1,
            "length": self.length,
        }
        if name not in facts:
            raise RenderingError(f"`loop` knows {', '.join(LOOP_FACTS)}, not {name!r}")
        return facts[name]


def size_of(value: object) -> int:
    """What it costs to compare a value: its characters, and those of all that is in it."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, tuple):
        return len(value) + sum(map(size_of, value))
    if isinstance(value, Mapping):
        return len(value) + sum(map(size_of, value.values()))
    return 1


def kind_of(value: object) -> str:
    """A value's kind, as a message says it."""
    kinds = {str: "a text", tuple: "a list", Mapping: "a mapping", Loop: "`loop`"}
    kinds |= {bool: "true or false", int: "a number", float: "a number"}
    return next((words for kind, words in kinds.items() if isinstance(value, kind)), "null")
