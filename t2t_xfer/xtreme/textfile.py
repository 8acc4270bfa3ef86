"""The bytes of a prediction or label file as numbered lines, checked before anything reads them.

Lines end as Python's text files end them, which is how the reference reads: `\\n`, `\\r\\n` or a
lone `\\r`. A byte order mark is refused, because the reference would take it for a part of the
first line and count that line as wrong, without a word.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, TypeAlias

from t2t_xfer.errors import DataError

Warn: TypeAlias = Callable[[str], None]
"""Takes what the user should know and what does not stop the scoring."""

_BOM = b"\xef\xbb\xbf"


class Line(NamedTuple):
    """One line without its end, and without white space around it."""

    number: int
    """From 1."""
    text: str


def read_text(path: Path) -> str:
    """The whole file.

    Raises:
        DataError: it cannot be opened, starts with a byte order mark or is not UTF-8; names file
            and line.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}.") from error
    if raw.startswith((_BOM, b"\xff\xfe", b"\xfe\xff")):
        raise DataError(
            f"{path}:1: the file starts with a byte order mark, which XTREME's scorer would read as"
            " a part of the first line. Save it as UTF-8 without one."
        )
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise DataError(f"{path}:{line}: not UTF-8 text: {error}. Save it as UTF-8.") from error
    return text


def read_lines(path: Path, warn: Warn) -> list[Line]:
    """The lines of a tsv file.

    Raises:
        DataError: as `read_text`, or there is no line.
    """
    text = read_text(path)
    if not text.strip():
        raise DataError(f"{path}:1: the file is empty.")
    unix = text.replace("\r\n", "\n").replace("\r", "\n")
    if unix != text:
        first = text.count("\n", 0, text.index("\r")) + 1
        warn(f"{path}:{first}: the file has Windows line ends. They are read as XTREME reads them.")
    lines = unix.split("\n")
    if not lines[-1]:
        lines.pop()  # the end of the last line, not a line of its own
    return [Line(number, line.strip()) for number, line in enumerate(lines, start=1)]
