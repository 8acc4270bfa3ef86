"""Errors that a user can mend.

A `UserError` is printed as one paragraph without a traceback and ends the program with
`exit_code`. It says what is wrong, where, and what to do. Everything else is a bug of ours
and keeps its traceback.

    raise UserError("tasks/x.yaml:3: unknown key 'lables'; did you mean 'labels'?")
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import get_close_matches

LONGEST_NAME = 200
"""Characters of a name that may have been misspelt."""


LONGEST_LINE = 4_000
"""Characters of a message's line. What is longer came from the input; nobody reads all of it."""
_PASSWORD = re.compile(r"(:/{1,2})[^/\s@]{1,500}@")


def presentable(text: str) -> str:
    """A message without the passwords of addresses, and each of its lines cut to a length.

    >>> presentable("https://me:secret@host/x cannot be read")
    'https://…@host/x cannot be read'
    """
    return "\n".join(_cut(line) for line in _PASSWORD.sub(r"\1…@", text).split("\n"))


def _cut(line: str) -> str:
    if len(line) <= LONGEST_LINE:
        return line
    end = LONGEST_LINE // 4
    return f"{line[: LONGEST_LINE - end]} … ({len(line):,} characters) … {line[-end:]}"


class UserError(Exception):
    """The user's input is at fault. The message is complete: what, where, what to do."""

    exit_code = 2

    def __init__(self, message: str) -> None:
        super().__init__(presentable(message))


class SpecError(UserError):
    """A YAML file does not say a valid task, prompt, model, training or study."""


class DataError(UserError):
    """A data file or row is missing or does not hold what the task says it holds."""


class AbsentError(DataError):
    """The data source has no such configuration or split (for example a language left out).

    The only data error that `--skip-missing` may pass over.
    """


class UnlabelledError(DataError):
    """No row of a split can be used, because none has a gold answer (hidden test sets)."""


class UnsupportedError(UserError):
    """A combination that cannot work: an architecture, answer format, readout or engine."""


class MissingExtraError(UserError):
    """An optional dependency is not installed. The message holds the install command."""


class TrainingError(UserError):
    """Training cannot go on: the loss is not finite, or nothing is left to train on."""

    exit_code = 1


def cut(text: object, most: int = 60) -> str:
    """What a file or a model says, at a length that a message can show."""
    shown = str(text)
    return shown if len(shown) <= most else f"{shown[: most - 1]}…"


def quoted(value: object) -> str:
    """A value of the data in a message: its `repr`, which shows control characters, cut."""
    return cut(repr(value), 200)


def nearest(name: str, known: Sequence[str]) -> str:
    """` Did you mean 'x'?` for the closest known name, or an empty string."""
    if len(name) > LONGEST_NAME:  # it would be compared letter by letter with all of them
        return ""
    close = get_close_matches(name, known, n=1, cutoff=0.6)
    return f" Did you mean {close[0]!r}?" if close else ""
