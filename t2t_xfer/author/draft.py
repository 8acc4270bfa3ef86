"""A task file in the making: keys with their values, the reason of each, and open questions.

The file is read from above by someone who has not seen one, so a comment stands over the key that
it explains, and every question begins with the same word.

>>> draft = Draft("reviews")
>>> draft.add("answer", "label", "`stars` has 2 values in 120 rows.")
>>> draft.ask("labels", "what does 0 mean?")
>>> print(draft.text(), end="")
# `stars` has 2 values in 120 rows.
answer: label
# QUESTION: what does 0 mean?
"""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Sequence

from t2t_xfer.check.findings import Finding
from t2t_xfer.records import Json

WIDTH = 100
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_.\-/]*( [A-Za-z0-9_.\-/]+)*")
_OTHER = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}
"""Words that a reader of YAML, or one who knows YAML 1.1, takes for something else than text."""


def reason(key: str, what: str) -> Finding:
    """Why a key says what it says."""
    return Finding("note", key, what, kind="why")


def question(key: str, what: str) -> Finding:
    """What nobody but a person can tell."""
    return Finding("question", key, what)


class Draft:
    """The keys of a task in their order, and what was found about each."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.findings: list[Finding] = []
        self._values: dict[str, Json] = {}

    def add(self, key: str, value: Json, *why: str) -> None:
        """A key, and what stands over it."""
        self._values[key] = value
        self.findings += [reason(key, each) for each in why if each]

    def why(self, key: str, what: str) -> None:
        """A reason over a key."""
        self.findings.append(reason(key, what))

    def ask(self, key: str, *questions: str) -> None:
        """Questions over a key; over nothing if there is no such key."""
        self.findings += [question(key, each) for each in questions]

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def __getitem__(self, key: str) -> Json:
        return self._values[key]

    @property
    def questions(self) -> list[Finding]:
        """All that is asked, in the order of the keys."""
        asked = (each for each in self.findings if each.severity == "question")
        return sorted(asked, key=lambda each: self._keys.index(each.where))

    @property
    def _keys(self) -> list[str]:
        return list(dict.fromkeys([*self._values, *(each.where for each in self.findings)]))

    def text(self, head: Sequence[str] = ()) -> str:
        """The file."""
        lines = [line for each in head for line in _comment(each)]
        for key in self._keys:
            for each in self.findings:
                if each.where == key:
                    asked = each.severity == "question"
                    lines += _comment(f"QUESTION: {each.what}" if asked else each.what)
            if key in self._values:
                lines += _entry(key, self._values[key], "")
        return "\n".join(lines) + "\n"


def _comment(text: str) -> list[str]:
    # Whatever comes from the data must not end the comment.
    clean = "".join(c if c.isprintable() else " " for c in text)
    return textwrap.wrap(clean, WIDTH - 2, initial_indent="# ", subsequent_indent="#   ")


def _entry(key: str, value: Json, indent: str) -> list[str]:
    """A key with its value on one line where it fits, else an inner key or some items a line."""
    start = f"{indent}{scalar(key)}:"
    line = f"{start} {flow(value)}"
    nested = isinstance(value, dict) and any(isinstance(v, dict) for v in value.values())
    if not nested and len(line) <= WIDTH:
        return [line]
    if isinstance(value, dict):
        return [start, *(x for name, v in value.items() for x in _entry(name, v, indent + "  "))]
    if not isinstance(value, list):
        return [line]
    # Break only behind a comma: an item may hold a space.
    items = ", ".join(flow(each).replace(" ", "\0") for each in value) + ","
    wrapper = textwrap.TextWrapper(
        WIDTH, f"{indent}  ", f"{indent}  ", break_on_hyphens=False, break_long_words=False
    )
    return [f"{start} [", *(x.replace("\0", " ") for x in wrapper.wrap(items)), f"{indent}]"]


def flow(value: Json) -> str:
    """A value on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{scalar(key)}: {flow(v)}" for key, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(flow, value)) + "]"
    return scalar(value)


def scalar(value: str | int | float | bool | None) -> str:
    """A scalar as YAML 1.2 reads it back: text in quotes wherever it could be something else."""
    if not isinstance(value, str):
        return json.dumps(value)
    if _PLAIN.fullmatch(value) and value.casefold() not in _OTHER:
        return value
    quoted = json.dumps(value, ensure_ascii=False)
    return "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in quoted)
