"""Jinja templates that know where each field sits in the text they render.

Pointer spans, word slots, windows and shortening all need the characters of a field *after*
rendering. So every text field enters Jinja as a `str` that carries its name; where it is inserted
bare, Jinja's `finalize` puts a placeholder, and the placeholders are replaced by the texts while
their positions are written down. A filter or `~` makes an ordinary string of it: the text is
there, the region is not, and whoever needs the region can say so.

>>> Template("Words: {{ words }}").render({"words": ("a b", "c")})
Rendered(text='Words: a b c', regions=(Region(field='words', start=7, end=12),
         Region(field='words[0]', start=7, end=10), Region(field='words[1]', start=11, end=12)))
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from jinja2 import TemplateSyntaxError, Undefined

from t2t_xfer.errors import DataError, SpecError, UserError, nearest
from t2t_xfer.records import Region, Value
from t2t_xfer.specs.bounded import Budget
from t2t_xfer.specs.sandbox import compile_wording
from t2t_xfer.specs.wording import MARK

SHOWN_CHARACTERS = 200
"""Of a wording in a message."""
PLACEHOLDER = re.compile(f"{MARK}([0-9]+){MARK}")


class Rendered(NamedTuple):
    """A rendered text and the regions of its fields, ordered by start, outer before inner."""

    text: str
    regions: tuple[Region, ...]


class _FieldText(str):
    """A text that remembers which field it is."""

    field: str

    def __new__(cls, text: str, field: str) -> _FieldText:
        self = super().__new__(cls, text)
        self.field = field
        return self


class _FieldList(tuple[object, ...]):
    """A list field: `{{ words }}` renders its items joined by one space."""

    field: str

    def __new__(cls, items: tuple[object, ...], field: str) -> _FieldList:
        self = super().__new__(cls, items)
        self.field = field
        return self


def _named(value: Value, field: str) -> object:
    if isinstance(value, str):
        if MARK in value:
            raise DataError(
                f"field {field!r} holds the private-use character U+F0000, which the renderer"
                " keeps for itself. Remove it from the data."
            )
        return _FieldText(value, field)
    if isinstance(value, tuple):
        items = tuple(_named(item, f"{field}[{i}]") for i, item in enumerate(value))
        return _FieldList(items, field)
    if isinstance(value, Mapping):
        return {key: _named(item, f"{field}.{key}") for key, item in value.items()}
    return value


class _Insertions:
    """The fields that one rendering inserted bare, in the order of insertion."""

    def __init__(self) -> None:
        self.inserted: list[_FieldText | _FieldList] = []
        self.budget = Budget()

    def clear(self) -> None:
        """Nothing was inserted or spent yet."""
        self.inserted.clear()
        self.budget.reset()

    def finalize(self, value: object) -> object:
        if isinstance(value, _FieldText | _FieldList):
            self.budget.spend(_characters(value))
            self.inserted.append(value)
            return f"{MARK}{len(self.inserted) - 1}{MARK}"
        if value is None:
            raise DataError(
                "a field that the prompt inserts is null in the data. Leave such rows out, or"
                " write {% if field %} … {% endif %} around it."
            )
        if callable(value) and not isinstance(value, Undefined):
            raise DataError("the prompt inserts a method. Call it: `{{ text.strip() }}`.")
        text = str(value)  # raises for what is undefined
        for item in value if isinstance(value, list | tuple) else ():
            str(item)  # inside a list it would be written as the word Undefined
        self.budget.spend(len(text))
        return text

    def resolve(self, text: str) -> Rendered:
        parts: list[str] = []
        regions: list[Region] = []
        length = cursor = 0
        for hit in PLACEHOLDER.finditer(text):
            before = text[cursor : hit.start()]
            value = self.inserted[int(hit.group(1))]
            length += len(before)
            shown, inner = _show(value, length)
            parts += [before, shown]
            regions += [Region(value.field, length, length + len(shown)), *inner]
            length += len(shown)
            cursor = hit.end()
        parts.append(text[cursor:])
        return Rendered("".join(parts), tuple(regions))


def _characters(value: _FieldText | _FieldList) -> int:
    if isinstance(value, _FieldText):
        return len(value)
    return sum(len(item) if isinstance(item, _FieldText) else 20 for item in value)


def _show(value: _FieldText | _FieldList, start: int) -> tuple[str, list[Region]]:
    if isinstance(value, _FieldText):
        return str(value), []
    shown: list[str] = []
    regions: list[Region] = []
    for item in value:
        text = str(item)
        if isinstance(item, _FieldText):
            regions.append(Region(item.field, start, start + len(text)))
        shown.append(text)
        start += len(text) + 1
    return " ".join(shown), regions


def shortened(source: str) -> str:
    """A wording as a message shows it."""
    return repr(source if len(source) <= SHOWN_CHARACTERS else f"{source[:SHOWN_CHARACTERS]}…")


class Template:
    """One compiled prompt template.

    Raises:
        SpecError: the source is not valid Jinja, or ends with white space (the target text
            follows after one space, so a space at the end would be doubled).
    """

    def __init__(self, source: str) -> None:
        self.source = source
        # One for each template: `finalize` is part of the environment and keeps the insertions
        # of the rendering under way.
        self._insertions = _Insertions()
        if MARK in source:
            raise SpecError(
                f"the prompt {source!r} holds the private-use character U+F0000, which the"
                " renderer keeps for itself."
            )
        try:
            self._compiled, self.names = compile_wording(
                source, self._insertions.finalize, self._insertions.budget
            )
        except TemplateSyntaxError as e:
            raise SpecError(
                f"the prompt is not valid Jinja at its line {e.lineno}: expected {e.message}. The"
                f" prompt is {shortened(source)}"
            ) from e
        if source != source.rstrip():
            raise SpecError(
                f"the prompt {source!r} ends with white space. End it with its last visible"
                " character: the target text follows after one space by itself."
            )

    def render(self, fields: Mapping[str, Value]) -> Rendered:
        """The text with every field in place.

        Raises:
            DataError: the prompt names a field that the example lacks, or fails on its values.
        """
        missing = sorted(self.names - fields.keys())
        if missing:
            raise DataError(
                f"the prompt names {{{{ {missing[0]} }}}}, but the example has only the fields"
                f" {', '.join(sorted(fields))}.{nearest(missing[0], list(fields))}"
            )
        self._insertions.clear()
        named = {name: _named(value, name) for name, value in fields.items() if name in self.names}
        try:
            text = self._compiled.render(named)
        except (UserError, MemoryError):
            raise
        except Exception as e:  # a template is somebody's program: it may fail in any way
            raise DataError(f"the prompt {shortened(self.source)} failed on an example: {e}") from e
        return self._insertions.resolve(text)
