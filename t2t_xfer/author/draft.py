"""A task file in the making: keys with their values, the reason of each, and open questions.

The rule: the file is read from above by someone who has not seen one, so a comment stands over the
key that it explains, and every question begins with the same word.

    draft = Draft("reviews")
    draft.add("answer", "label", "`stars` has 2 values in 120 rows.")
    draft.ask("labels", "what does 0 mean?")
"""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Sequence

from t2t_xfer.records import Json
from t2t_xfer.specs.yaml import resolve_scalar

QUESTION = "QUESTION"
WIDTH = 100
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_.\-/]*( [A-Za-z0-9_.\-/]+)*")


class Draft:
    """The keys of a task in their order."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._values: dict[str, Json] = {}
        self._comments: dict[str, list[str]] = {}

    def add(self, key: str, value: Json, *why: str) -> None:
        """A key, and what stands over it."""
        self._values[key] = value
        self._comments.setdefault(key, []).extend(each for each in why if each)

    def ask(self, key: str, *questions: str) -> None:
        """Questions over a key; over nothing if there is no such key."""
        marked = [f"{QUESTION}: {question}" for question in questions]
        self._comments.setdefault(key, []).extend(marked)

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def __getitem__(self, key: str) -> Json:
        return self._values[key]

    @property
    def questions(self) -> list[str]:
        """All that is asked."""
        every = [each for comments in self._comments.values() for each in comments]
        return [each for each in every if each.startswith(QUESTION)]

    def text(self, head: Sequence[str] = ()) -> str:
        """The file."""
        lines = [line for each in head for line in _comment(each)]
        for key in dict.fromkeys((*self._values, *self._comments)):
            lines += [line for each in self._comments.get(key, ()) for line in _comment(each)]
            if key in self._values:
                lines += _entry(key, self._values[key], "")
        return "\n".join(lines) + "\n"


def _comment(text: str) -> list[str]:
    # Whatever comes from the data must not end the comment.
    clean = "".join(c if c.isprintable() else " " for c in text)
    return textwrap.wrap(clean, WIDTH - 2, initial_indent="# ", subsequent_indent="#   ")


def _entry(key: str, value: Json, indent: str) -> list[str]:
    start = f"{indent}{scalar(key)}:"
    line = f"{start} {flow(value)}"
    inline = not isinstance(value, dict) or not any(isinstance(v, dict) for v in value.values())
    if inline and len(line) <= WIDTH:
        return [line]
    if isinstance(value, dict):
        inner = [_entry(name, each, indent + "  ") for name, each in value.items()]
        return [start, *(each for entry in inner for each in entry)]
    if isinstance(value, list):
        # Break only behind a comma: an item may hold a space.
        tied = [flow(each).replace(" ", "\0") for each in value]
        items = ", ".join(tied) + ","
        wrapped = textwrap.wrap(
            items,
            initial_indent=indent + "  ",
            subsequent_indent=indent + "  ",
            width=WIDTH,
            break_on_hyphens=False,
            break_long_words=False,
        )
        return [f"{start} [", *(each.replace("\0", " ") for each in wrapped), f"{indent}]"]
    return [line]


def flow(value: Json) -> str:
    """A value on one line."""
    if isinstance(value, dict):
        inner = ", ".join(f"{scalar(key)}: {flow(each)}" for key, each in value.items())
        return "{" + inner + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(flow, value)) + "]"
    return scalar(value)


def scalar(value: str | int | float | bool | None) -> str:
    """A scalar as YAML 1.2 reads it back: text in quotes wherever it could be something else."""
    if not isinstance(value, str):
        return json.dumps(value)
    if _PLAIN.fullmatch(value) and resolve_scalar(value) == value and not _old_truth(value):
        return value
    quoted = json.dumps(value, ensure_ascii=False)
    return "".join(c if c.isprintable() else _escaped(c) for c in quoted)


def _old_truth(text: str) -> bool:
    """Words that YAML 1.1, and a reader who knows it, takes for truth values."""
    return text.casefold() in ("yes", "no", "on", "off", "y", "n")


def _escaped(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
