"""Text files, plain or gzipped, read and hashed with errors that name file and line.

The hash is over the uncompressed bytes, so that packing a file changes no stage's identity.

    for number, line in numbered_lines(path): ...
"""

from __future__ import annotations

import gzip
import hashlib
import io
import zlib
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import TypeAlias

from t2t_xfer.errors import DataError
from t2t_xfer.records import Row

Located: TypeAlias = tuple[int | None, Row]
"""A row and the line on which it begins, counted from 1; None in formats without lines."""

_BROKEN = (EOFError, zlib.error, OSError)
"""What opening or unpacking raises; a bad gzip header is an `OSError`."""


LONGEST_LINE = 2**26
"""Bytes. The longest real line is a document of some MiB; without a limit three MiB of gzip can ask
for as many GiB of memory."""
MOST_BLANK = 100_000
"""Blank lines one after the other; more are no data, and take a minute to pass over."""


def open_bytes(path: Path) -> io.BufferedIOBase:
    """The uncompressed bytes of a file; `.gz` is unpacked on the way."""
    return gzip.GzipFile(path) if path.suffix == ".gz" else path.open("rb")


def numbered_lines(
    path: Path, *, longest: int = LONGEST_LINE, marks: bool = False
) -> Iterator[tuple[int, str]]:
    r"""Lines with their number, counted from 1, without the line end (`\n` or `\r\n`).

    Only `\n` ends a line: U+2028, U+0085 and the like are text and stand in real data.

    Args:
        longest: bytes that a line may have.
        marks: whether later lines may begin with a byte order mark, as in raw text.

    Raises:
        DataError: the file cannot be opened or unpacked, a line is not UTF-8 or too long, there are
            too many blank lines, or a byte order mark stands behind the start of the file.
    """
    number = blank = 0
    try:
        with open_bytes(path) as file:
            while raw := file.readline(longest + 1):
                number += 1
                blank = blank + 1 if raw.isspace() else 0
                if len(raw) > longest or blank > MOST_BLANK:
                    raise DataError(f"{path}:{number}: {_unbounded(longest, blank)}")
                text = _decoded(raw, path, number)
                if not marks and text.startswith("\ufeff"):
                    raise DataError(
                        f"{path}:{number}: a byte order mark inside the file. Were files put"
                        " together? Remove it."
                    )
                yield number, text
    except _BROKEN as error:
        raise DataError(f"{path}:{number + 1}: cannot be read: {error}") from error


def _unbounded(longest: int, blank: int) -> str:
    if blank > MOST_BLANK:
        return f"more than {MOST_BLANK:,} blank lines one after the other. Remove them."
    return (
        f"a line of more than {longest >> 20} MiB. Is it text, and do its lines end in line feeds?"
    )


def _decoded(raw: bytes, path: Path, number: int) -> str:
    # Only the first line may start with the byte order mark that some editors write.
    encoding = "utf-8-sig" if number == 1 else "utf-8"
    try:
        return raw.decode(encoding).rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise DataError(f"{path}:{number}: not UTF-8 text: {error}. Save it as UTF-8.") from error


def content_hash(path: Path) -> str:
    """SHA-256 of the uncompressed content, remembered until the file changes."""
    try:
        stat = path.stat()
        return _hash(path, stat.st_mtime_ns, stat.st_size)
    except _BROKEN as error:
        raise DataError(f"{path}: cannot be read: {error}") from error


@lru_cache(maxsize=4096)
def _hash(path: Path, mtime_ns: int, size: int) -> str:
    del mtime_ns, size  # they are only the key
    with open_bytes(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
