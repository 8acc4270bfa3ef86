"""Which files had their checksums when they were last read.

The rule: what is shown is compared with its checksum, and nothing is read twice for it. A file that
has the size, the times and the inode that it had when it was found whole is not read again; nobody
changes a byte without changing its inode's time. The index is a speed-up: without it everything is
read once more.

    seals = Seals(Path("eval_outputs/store"))
    seals.problem(folder, "statistics.jsonl", expected)      # None: as it was written
    seals.save()
"""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from pathlib import Path

from t2t_xfer.files import FileSum, sum_problem, whole

INDEX = ".seals.json"
TICK = 2 * 10**9
"""Nanoseconds in which a file may change twice without another time (2 s on FAT and some NFS)."""


class Seals:
    """The files of one store."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._known: dict[str, list[object]] | None = None
        self._fresh: set[str] = set()
        """Known in this process, but too young to be told from a change at the same time."""
        self._changed = False

    def problem(self, folder: Path, name: str, expected: FileSum) -> str | None:
        """What is wrong with a file in a stage's folder; None: it has its checksum.

        Raises:
            OSError: it cannot be read.
        """
        path = folder / name
        known, key = self._read(), path.relative_to(self._root).as_posix()
        with suppress(FileNotFoundError, NotADirectoryError):
            stamp = _stamp(path, expected)
            if known.get(key) == stamp:
                return None
        problem = sum_problem(path, name, expected)
        if problem is None:
            # Taken before: what changed while it was read is read again.
            known[key] = stamp
            young = time.time_ns() - path.stat().st_ctime_ns < TICK
            (self._fresh.add if young else self._fresh.discard)(key)
            self._changed = self._changed or not young
        return problem

    def save(self) -> None:
        """Keeps what was found for the next process, where that can be written."""
        if not self._changed or self._known is None:
            return
        lasting = {name: seal for name, seal in self._known.items() if name not in self._fresh}
        with suppress(OSError), whole(self._root / INDEX, durable=False) as temporary:
            temporary.write_text(json.dumps(lasting), encoding="utf-8")
        self._changed = False

    def _read(self) -> dict[str, list[object]]:
        if self._known is None:
            self._known = {}
            with suppress(OSError, ValueError, RecursionError):
                read = json.loads((self._root / INDEX).read_text(encoding="utf-8"))
                self._known = read if isinstance(read, dict) else {}
        return self._known


def _stamp(path: Path, expected: FileSum) -> list[object]:
    found: os.stat_result = path.stat()
    times = [found.st_mtime_ns, found.st_ctime_ns]
    return [found.st_size, *times, found.st_ino, expected.sha256]
