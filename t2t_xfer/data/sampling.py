"""Which rows a limit keeps: the same ones in every language.

Every row draws a number from its id, the task and the split; the `limit` smallest stay, in file
order. Nothing depends on how many rows there are, so a language with fewer rows keeps those of
the same ids that it has, and a larger limit keeps all that a smaller one kept.

    choose(rows, 100, "xnli/test")
"""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Iterable
from typing import NamedTuple

from t2t_xfer.records import Row


class NumberedRow(NamedTuple):
    """A row with its place in the split."""

    number: int
    """Counted from 0 in its place, after the task's filter."""
    id: str
    row: Row
    place: int = 0
    """Which of the task's places it comes from."""


def choose(rows: Iterable[NumberedRow], limit: int | None, seed: str) -> Iterable[NumberedRow]:
    """At most `limit` rows, chosen by id, in file order; all of them, unread, without a limit."""
    if limit is None:
        return rows
    # A checksum such as crc32 is linear: the order of similar ids would be far from random.
    start = hashlib.sha256(f"{seed}\n".encode())

    def draw(row: NumberedRow) -> bytes:
        drawn = start.copy()
        drawn.update(row.id.encode())
        return drawn.digest()

    kept = heapq.nsmallest(limit, rows, key=draw)
    return sorted(kept, key=lambda row: (row.place, row.number))
