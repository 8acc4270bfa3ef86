"""The response cache: what models answered, by the hash of what they were asked.

One SQLite file for all runs of a machine, in `T2T_CACHE`, or in `t2t_xfer` under the user's cache
directory. `T2T_CACHE_SIZE` (GiB, 4 unless it says otherwise) bounds it: what was asked for longest
ago goes first. 0 turns it off.

The rule: a value comes back as it was kept, or not at all; and the cache never stops the work. A
full disk, a directory that cannot be written and a damaged file are told once, and the run goes on
without.

    cache = ResponseCache.of_environment()
    cache.keep({key: b"[1.5]"})
    cache.recall([key])             # {key: b"[1.5]"}

Every call opens the file anew, which takes less than half a millisecond where a batch takes many:
so forks, threads and a file that is removed meanwhile need no care. The journal is the ordinary one
of SQLite and not WAL, which fails where several machines share a home directory over the network.
"""

from __future__ import annotations

import hashlib
import logging
import math
import os
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from t2t_xfer.errors import UserError
from t2t_xfer.paths import expanded

log = logging.getLogger(__name__)

FILE = "answers.v1.sqlite"
GIB = 2**30
DEFAULT_GIB = 4.0
_SECONDS_TO_WAIT = 20.0
"""For another process that is writing."""
_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS answers"
    " (key TEXT PRIMARY KEY, used REAL NOT NULL, value BLOB NOT NULL, checksum BLOB NOT NULL)",
    "CREATE INDEX IF NOT EXISTS answers_by_use ON answers (used)",
)


class CacheInfo(NamedTuple):
    """What a cache holds."""

    entries: int
    """Batches, or requests to vLLM."""
    bytes: int
    """Of the file."""
    oldest_use: float | None
    """Seconds since 1970; None of an empty cache."""
    newest_use: float | None


class ResponseCache:
    """Answers of models by key; several processes may use it at once."""

    def __init__(self, directory: Path, max_bytes: int) -> None:
        """`max_bytes`: 0 turns it off."""
        self.path = directory / FILE
        self.max_bytes = max_bytes
        self._reads = self._writes = max_bytes > 0
        self._told = False

    @classmethod
    def of_environment(cls) -> ResponseCache:
        """The cache that `T2T_CACHE` and `T2T_CACHE_SIZE` name.

        Raises:
            UserError: the size is none, or there is no home directory and `T2T_CACHE` is not set.
        """
        return cls(cache_directory(), max_bytes())

    def recall(self, keys: Sequence[str]) -> dict[str, bytes]:
        """The values that are there, whole, by key."""
        if not (self._reads and keys and self.path.exists()):
            return {}
        found: dict[str, bytes] = {}
        try:
            with self._opened() as connection:
                for key in keys:
                    question = "SELECT value, checksum FROM answers WHERE key = ?"
                    for value, checksum in connection.execute(question, (key,)).fetchall():
                        if checksum == _checksum(key, value):
                            found[key] = value
        except (sqlite3.Error, OSError) as e:
            self._reads = self._writes = False
            self._tell("read", e)
            return {}
        self._change(
            "UPDATE answers SET used = ? WHERE key = ?", [(time.time(), key) for key in found]
        )
        return found

    def keep(self, values: Mapping[str, bytes]) -> None:
        """Keeps values, dropping those used longest ago where there is no room."""
        now = time.time()
        self._change(
            "INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?)",
            [(key, now, value, _checksum(key, value)) for key, value in values.items()],
        )

    def info(self) -> CacheInfo:
        """What it holds.

        Raises:
            UserError: the file cannot be read.
        """
        if not self.path.exists():
            return CacheInfo(0, 0, None, None)
        with self._explained(), self._opened() as connection:
            select = "SELECT count(*), min(used), max(used) FROM answers"
            ((entries, oldest, newest),) = connection.execute(select).fetchall()
            return CacheInfo(entries, self.path.stat().st_size, oldest, newest)

    def prune(self, max_bytes: int, unused_since: float = -math.inf) -> None:
        """Drops what was not used since a moment, then the least recently used beyond a size.

        Args:
            max_bytes: of the file.
            unused_since: seconds since 1970.

        Raises:
            UserError: the file cannot be read or written.
        """
        if not self.path.exists():
            return
        with self._explained(), self._opened() as connection:
            with connection:
                connection.execute("DELETE FROM answers WHERE used < ?", (unused_since,))
                _shrink(connection, max_bytes)
            connection.execute("VACUUM")

    def clear(self) -> None:
        """Removes the file, also a damaged one.

        Raises:
            UserError: it cannot be removed.
        """
        with self._explained():
            for name in (FILE, f"{FILE}-journal"):
                self.path.with_name(name).unlink(missing_ok=True)

    def _change(self, statement: str, rows: Sequence[tuple[object, ...]]) -> None:
        if not (self._writes and rows):
            return
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self._opened() as connection, connection:
                connection.executemany(statement, rows)
                _shrink(connection, self.max_bytes)
        except (sqlite3.Error, OSError) as e:
            self._writes = False
            self._tell("written", e)

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        connection = sqlite3.connect(self.path, timeout=_SECONDS_TO_WAIT)
        connection.text_factory = bytes  # where a flipped bit has made a text of a value
        try:
            # A power cut may cost the file, never an answer: checksums tell.
            connection.execute("PRAGMA synchronous = OFF")
            for statement in _SCHEMA:
                connection.execute(statement)
            yield connection
        finally:
            connection.close()

    def _tell(self, what: str, error: Exception) -> None:
        if self._told:
            return
        self._told = True
        log.warning(
            "the response cache %s cannot be %s: %s. The work goes on, but what it computes is not"
            " there for later runs. Make room, name another directory in T2T_CACHE, or remove the"
            " cache with `t2t-xfer cache prune --all`.",
            self.path,
            what,
            error,
        )

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as e:
            raise UserError(
                f"the response cache {self.path} cannot be used: {e}. `t2t-xfer cache prune --all`"
                " removes it; T2T_CACHE names another directory."
            ) from e


def cache_directory() -> Path:
    """`T2T_CACHE`, or `t2t_xfer` in `XDG_CACHE_HOME`, or in `~/.cache`.

    Raises:
        UserError: none is set and there is no home directory.
    """
    named = os.environ.get("T2T_CACHE")
    shared = os.environ.get("XDG_CACHE_HOME", "")
    try:
        if named:
            return expanded(named)
        # A relative path there is invalid (XDG Base Directory Specification).
        base = Path(shared) if os.path.isabs(shared) else Path.home() / ".cache"
    except RuntimeError as e:
        raise UserError(
            f"there is no place for the response cache: {e}. Name a directory in T2T_CACHE."
        ) from e
    return base / "t2t_xfer"


def max_bytes() -> int:
    """`T2T_CACHE_SIZE` in bytes.

    Raises:
        UserError: it is no size.
    """
    text = os.environ.get("T2T_CACHE_SIZE") or str(DEFAULT_GIB)
    try:
        size = float(text)
    except ValueError:
        size = math.nan
    if not 0 <= size < math.inf:
        raise UserError(
            f"T2T_CACHE_SIZE is {text!r}. Give the size of the response cache in GiB, for example"
            " T2T_CACHE_SIZE=4; 0 turns it off."
        )
    return int(size * GIB)


def _shrink(connection: sqlite3.Connection, max_bytes: int) -> None:
    """Drops a twentieth of the entries at a time, least recently used first."""
    while _size(connection) > max_bytes:
        dropped = connection.execute(
            "DELETE FROM answers WHERE key IN (SELECT key FROM answers ORDER BY used"
            " LIMIT 1 + (SELECT count(*) FROM answers) / 20)"
        )
        if dropped.rowcount == 0:
            return


def _size(connection: sqlite3.Connection) -> int:
    """Bytes of the file that hold something: the room of what was dropped is used again."""
    pages, free, size = (
        int(connection.execute(f"PRAGMA {name}").fetchone()[0])
        for name in ("page_count", "freelist_count", "page_size")
    )
    return (pages - free) * size


def _checksum(key: str, value: object) -> bytes:
    raw = value if isinstance(value, bytes) else b""
    return hashlib.sha256(key.encode() + b"\n" + raw).digest()
