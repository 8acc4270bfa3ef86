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

from t2t_xfer.errors import DataError

_BROKEN = (EOFError, zlib.error, OSError)
"""What opening or unpacking raises; a bad gzip header is an `OSError`."""


def open_bytes(path: Path) -> io.BufferedIOBase:
    """The uncompressed bytes of a file; `.gz` is unpacked on the way."""
    return gzip.GzipFile(path) if path.suffix == ".gz" else path.open("rb")


def numbered_lines(path: Path) -> Iterator[tuple[int, str]]:
    r"""Lines with their number, counted from 1, without the line end (`\n` or `\r\n`).

    Only `\n` ends a line: U+2028, U+0085 and the like are text and stand in real data.

    Raises:
        DataError: the file cannot be opened or unpacked, or a line is not UTF-8.
    """
    number = 0
    try:
        with open_bytes(path) as file:
            for raw in file:
                number += 1
                yield number, _decoded(raw, path, number)
    except _BROKEN as error:
        raise DataError(f"{path}:{number + 1}: cannot be read: {error}") from error


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
