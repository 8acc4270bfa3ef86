"""YAML 1.2 as a tree that knows where everything stands.

The rule: a file says what a reader sees. `no`, `on` and `yes` are words, `1e-4` is a number, and
what could surprise is a problem with its line and column instead of a guess: two equal keys, merge
keys, tags, `%YAML 1.1`, keys that are not text, and characters that are not what they look like
(a Cyrillic `а` in `labels`), which whoever means them writes as an escape: `"\\u00a0"`.

    node, problems = parse_nodes("languages: [en, no]")
    node.plain()                                    # {'languages': ['en', 'no']}
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final, NamedTuple, TypeAlias

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)
from ruamel.yaml.reader import ReaderError

from t2t_xfer.errors import cut
from t2t_xfer.records import Json

Scalar: TypeAlias = str | int | float | bool | None
"""What stands at the leaves of a YAML file."""

_CONSTANTS: Final[dict[str, bool | float | None]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}
_MAX_DIGITS = 300
"""A longer run of digits is text: no setting has such a number, and Python refuses to read some."""

_INTEGER = re.compile(r"[-+]?[0-9]+")
_OCTAL = re.compile(r"0o[0-7]+")
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")


def resolve_scalar(text: str) -> Scalar:
    """The value of an unquoted scalar."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if len(text) > _MAX_DIGITS:
        return text
    if _INTEGER.fullmatch(text):
        return int(text)
    if _OCTAL.fullmatch(text):
        return int(text[2:], 8)
    if _HEXADECIMAL.fullmatch(text):
        return int(text[2:], 16)
    if _FLOAT.fullmatch(text):
        return float(text)
    return text


MAX_NODES = 20_000
"""Nodes of a file after its aliases are written out: a bound for alias bombs."""
MAX_DEPTH = 32
"""Lists and mappings inside each other."""
"""A longer text of the file is cut in messages."""


class Position(NamedTuple):
    """A position in a file, counted from 1 as editors do."""

    line: int
    column: int


_Content: TypeAlias = ScalarEvent | SequenceStartEvent | MappingStartEvent

Keys: TypeAlias = tuple[str | int, ...]
"""Keys and list positions from the top of a file to a value."""


class Problem(NamedTuple):
    """One thing wrong at one place of a file."""

    place: Position
    message: str


class SyntaxProblem(Exception):  # noqa: N818  (never leaves this package: load.py reports it)
    """The text is not YAML, so nothing after the place can be read."""

    def __init__(self, place: Position, message: str) -> None:
        super().__init__(message)
        self.problem = Problem(place, message)


@dataclass(frozen=True)
class Node:
    """A scalar, list or mapping with its place. `size` counts it and all below it."""

    place: Position
    content: Scalar | tuple[Node, ...] | dict[str, Entry]
    size: int = 1

    def plain(self) -> Json:
        """The value as ordinary Python data."""
        if isinstance(self.content, dict):
            return {key: entry.value.plain() for key, entry in self.entries().items()}
        if isinstance(self.content, tuple):
            return [each.plain() for each in self.content]
        return self.content

    def entries(self) -> dict[str, Entry]:
        """The keys of a mapping; nothing for anything else."""
        return self.content if isinstance(self.content, dict) else {}

    def items(self) -> tuple[Node, ...]:
        """The items of a list; nothing for anything else."""
        return self.content if isinstance(self.content, tuple) else ()


class Entry(NamedTuple):
    """One key of a mapping, where the key stands, and its value."""

    key_place: Position
    value: Node


def parse_nodes(text: str) -> tuple[Node, list[Problem]]:
    """The tree of a text that holds one YAML document, and what is wrong but readable in it.

    Raises:
        SyntaxProblem: the text is not YAML, is empty, is too deep or grows too large.
    """
    reader = _Reader(text)
    return reader.document(), reader.problems


class _Reader:
    """Builds the tree from ruamel's events, which leaves every decision about values to us."""

    def __init__(self, text: str) -> None:
        self.problems: list[Problem] = []
        self.events = _events(text)
        self.anchors: dict[str, Node] = {}
        self.size = 0

    def document(self) -> Node:
        next(self.events)  # the start of the stream
        start = next(self.events)
        if not isinstance(start, DocumentStartEvent):
            raise SyntaxProblem(Position(1, 1), "the file is empty")
        if start.version not in (None, (1, 2)):
            raise SyntaxProblem(_place(start), "these files are YAML 1.2: remove the %YAML line")
        root = self.node(next(self.events), depth=0)
        next(self.events)  # the end of the document
        after = next(self.events)
        if not isinstance(after, StreamEndEvent):
            raise SyntaxProblem(_place(after), "a second document starts here; one file holds one")
        return root

    def node(self, event: Event, depth: int) -> Node:
        place = _place(event)
        if depth > MAX_DEPTH:
            raise SyntaxProblem(place, f"more than {MAX_DEPTH} levels of lists and mappings")
        if isinstance(event, AliasEvent):
            return self.alias(event)
        assert isinstance(event, _Content)
        if event.tag is not None:
            self.wrong(place, f"the tag {cut(event.tag)} is not allowed; write the plain value")
        node = self.content(event, place, depth)
        if event.anchor is not None:
            self.anchors[event.anchor] = node
        return node

    def content(self, event: _Content, place: Position, depth: int) -> Node:
        self.grow(1, place)
        if isinstance(event, SequenceStartEvent):
            items = tuple(self.sequence(depth))
            return Node(place, items, 1 + sum(item.size for item in items))
        if isinstance(event, MappingStartEvent):
            entries = self.mapping(depth)
            return Node(place, entries, 1 + sum(entry.value.size for entry in entries.values()))
        return self.scalar(event, place)

    def scalar(self, event: ScalarEvent, place: Position) -> Node:
        if event.style is not None:  # quoted, or a block of text
            value: Scalar = event.value
        else:
            value = resolve_scalar(event.value)
        if isinstance(value, str) and re.search("[\ud800-\udfff]", value):
            self.wrong(place, "half a character (a lone surrogate) cannot be stored as text")
            value = ""
        return Node(place, value)

    def alias(self, event: AliasEvent) -> Node:
        place = _place(event)
        if event.anchor not in self.anchors:
            name = cut(event.anchor)
            raise SyntaxProblem(place, f"*{name} repeats an anchor that does not exist yet")
        node = self.anchors[event.anchor]
        self.grow(node.size, place)
        return node

    def grow(self, size: int, place: Position) -> None:
        self.size += size
        if self.size > MAX_NODES:
            raise SyntaxProblem(place, f"more than {MAX_NODES} values (aliases written out)")

    def sequence(self, depth: int) -> Iterator[Node]:
        while not isinstance(event := next(self.events), SequenceEndEvent):
            yield self.node(event, depth + 1)

    def mapping(self, depth: int) -> dict[str, Entry]:
        entries: dict[str, Entry] = {}
        while not isinstance(event := next(self.events), MappingEndEvent):
            key = self.key(event, depth)
            place = _place(event)
            value = self.node(next(self.events), depth + 1)
            if value.content is None and value.place.line > place.line:
                value = replace(value, place=place)  # nothing there: ruamel names the next line
            if key in entries:
                first = entries[key].key_place.line
                self.wrong(
                    place, f"{cut(key)}: the key is already there, at line {first}; remove one"
                )
            elif key is not None:
                entries[key] = Entry(place, value)
        return entries

    def key(self, event: Event, depth: int) -> str | None:
        """The text of a key; None (and a problem) where it cannot be one."""
        place = _place(event)
        node = self.node(event, depth + 1)
        if node.entries() or node.items() or not isinstance(event, ScalarEvent):
            self.wrong(place, "a key must be plain text, not a list, a mapping or an alias")
            return None
        if isinstance(node.content, str):
            if event.style is None and node.content == "<<":
                self.wrong(place, "<<: YAML 1.2 has no merge keys; write the keys out")
                return None
            return node.content
        text = cut(event.value)
        self.wrong(place, f"{text}: a key must be text; write it as '{text}'")
        return str(event.value)

    def wrong(self, place: Position, message: str) -> None:
        self.problems.append(Problem(place, message))


def _place(event: Event) -> Position:
    return Position(event.start_mark.line + 1, event.start_mark.column + 1)


def _events(text: str) -> Iterator[Event]:
    """The events of ruamel's YAML 1.2 parser, its failures as `SyntaxProblem`."""
    place = Position(1, 1)
    try:
        for event in YAML(typ="safe", pure=True).parse(text):
            place = _place(event)
            yield event
    except YAMLError as e:
        raise _syntax_problem(e, text, place) from e
    except (ValueError, OverflowError, IndexError, AttributeError, TypeError) as e:
        # The scanner lets some through, for example for the escape "\UFFFFFFFF".
        raise SyntaxProblem(place, f"not valid YAML after this place ({e})") from e


def _syntax_problem(error: YAMLError, text: str, place: Position) -> SyntaxProblem:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    if mark is not None:
        place = Position(mark.line + 1, mark.column + 1)
    if isinstance(error, ReaderError):  # a control character, by its position in the text
        before = text[: error.position]
        place = Position(before.count("\n") + 1, len(before) - before.rfind("\n"))
    lines = text.splitlines()
    indent = re.match(r"\s*", lines[place.line - 1]) if place.line <= len(lines) else None
    if indent and "\t" in indent.group():
        return SyntaxProblem(place, "a tab indents this line; YAML indents with spaces only")
    what = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
    return SyntaxProblem(place, f"not valid YAML: {' '.join(str(what).split())}")


MAX_LISTED = 10
"""More of them in one file are not listed."""

_HIDDEN = re.compile(
    "["
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b\u200e\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\uffff\U000e0000-\U000e0fff"  # nothing to be seen
    "\u00a0\u1680\u2000-\u200a\u202f\u205f\u2800"  # no plain space, but looks like one
    "\u0085\u2028\u2029"  # end a line for some programs and not for others
    "\ue000-\uf8ff\U000f0000-\U0010ffff"  # private use: everyone sees something else
    "]"
    # Joiners belong to the scripts of Persian, Hindi and many others, between two of their letters.
    "|(?<![\u0600-\U0001ffff])[\u200c\u200d]|[\u200c\u200d](?![\u0600-\U0001ffff])"
)
_LATIN = "A-Za-z\u00c0-\u024f"
_LIKE_LATIN = "\u0370-\u03ff\u0400-\u052f"
"""Greek and Cyrillic, which in one word with Latin letters are mostly a mistake or a trick."""
_FOREIGN = re.compile(
    f"(?<=[{_LATIN}])[{_LIKE_LATIN}]|[{_LIKE_LATIN}](?=[{_LATIN}])"
    "|[\uff21-\uff3a\uff41-\uff5a\U0001d400-\U0001d7ff]"  # wide and mathematical letters
)
_NO_LETTERS = re.compile("[\u037e\u0387\u03f6]")


def strange_letters(text: str) -> list[Problem]:
    """The first characters of a text that a reader would take for something else or not see."""
    if text.isascii():
        return []
    return [_problem(text, hit) for hit in _hits(text)[:MAX_LISTED]]


def _hits(text: str) -> list[re.Match[str]]:
    found = [*_HIDDEN.finditer(text)]
    found += [hit for hit in _FOREIGN.finditer(text) if not _NO_LETTERS.fullmatch(hit.group())]
    return sorted(found, key=re.Match.start)


def _problem(text: str, hit: re.Match[str]) -> Problem:
    character = hit.group()
    before = text[: hit.start()]
    place = Position(before.count("\n") + 1, len(before) - before.rfind("\n"))
    name = unicodedata.name(character, "") or f"U+{ord(character):04X}"
    shown = f"{character!r} ({name})" if character.isprintable() else name
    code = f"\\u{ord(character):04x}" if ord(character) < 0x10000 else f"\\U{ord(character):08x}"
    what = "is not what it looks like; replace it"
    return Problem(place, f'{shown} {what}, or write "{code}" in double quotes if it is meant')
