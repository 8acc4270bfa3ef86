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

from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError, UndefinedError, meta
from jinja2.sandbox import ImmutableSandboxedEnvironment

from t2t_xfer.errors import DataError, SpecError, nearest
from t2t_xfer.records import Region, Value

MARK = "\U000f0000"
"""A private-use character around placeholders. Data that holds it is refused."""
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

    def finalize(self, value: object) -> object:
        if isinstance(value, _FieldText | _FieldList):
            self.inserted.append(value)
            return f"{MARK}{len(self.inserted) - 1}{MARK}"
        if value is None:
            raise DataError(
                "a field that the prompt inserts is null in the data. Leave such rows out, or"
                " write {% if field %} … {% endif %} around it."
            )
        return value

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
        environment = ImmutableSandboxedEnvironment(
            undefined=StrictUndefined,
            finalize=self._insertions.finalize,
            keep_trailing_newline=True,
            autoescape=False,
        )
        try:
            self.names = frozenset(meta.find_undeclared_variables(environment.parse(source)))
            self._compiled = environment.from_string(source)
        except TemplateSyntaxError as e:
            raise SpecError(
                f"the prompt is not valid Jinja at its line {e.lineno}: {e.message}. The prompt"
                f" is {source!r}"
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
        self._insertions.inserted.clear()
        named = {name: _named(value, name) for name, value in fields.items() if name in self.names}
        try:
            text = self._compiled.render(named)
        except (UndefinedError, TemplateError, TypeError, ValueError, ArithmeticError) as e:
            raise DataError(f"the prompt {self.source!r} failed on an example: {e}") from e
        return self._insertions.resolve(text)
