"""The examples behind the finished cells of a study, read from the store.

The rule: nothing is decoded or parsed again, and a half-finished study gives the cells it has.
Equal ids are kept once, so half a million rows stay small.

    observed = observe(load_study(directory), store)
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from t2t_xfer.errors import UserError
from t2t_xfer.report.observed import Floats, Observed
from t2t_xfer.stages.logs import PREDICTIONS, STATISTICS
from t2t_xfer.study.results import StudyFile, collect
from t2t_xfer.study.store import Store


class _Examples(NamedTuple):
    """What one `score` stage logged; several cells may share it."""

    ids: tuple[str, ...]
    statistics: Floats
    statuses: tuple[str, ...]
    removed_tokens: NDArray[np.int64]


def observe(file: StudyFile, store: Store) -> list[Observed]:
    """The finished cells with their examples, in the order of the study's cells.

    Raises:
        UserError: a log of a finished stage cannot be read; names the file and the line.
    """
    reader = _Reader(store)
    found = []
    for cell in file.cells:
        # No row: the cell is not finished.
        for row in collect(replace(file, cells=(cell,)), store):
            found.append(Observed(row, *reader.examples(cell.score_id)))
    return found


class _Reader:
    """Reads each stage once, and keeps one object for equal ids."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._read: dict[str, _Examples] = {}
        self._ids: dict[tuple[str, ...], tuple[str, ...]] = {}

    def examples(self, score_id: str) -> _Examples:
        if score_id not in self._read:
            self._read[score_id] = self._examples(score_id)
        return self._read[score_id]

    def _examples(self, score_id: str) -> _Examples:
        path = self._store.path(score_id) / STATISTICS
        kept: dict[str, str] = {}  # a status stands in thousands of rows
        lines = [
            (row["id"], row["statistics"], kept.setdefault(row["status"], row["status"]))
            for row in _rows(path)
        ]
        try:
            ids, statistics, statuses = map(tuple, zip(*lines, strict=True))
            table = np.array(statistics, dtype=np.float64)
        except ValueError as error:
            raise UserError(f"{path} holds no table of statistics: {error}.") from error
        ids = self._ids.setdefault(ids, ids)
        return _Examples(ids, table, statuses, self._removed(score_id, ids))

    def _removed(self, score_id: str, ids: tuple[str, ...]) -> NDArray[np.int64]:
        """Read only where the record says that something was cut."""
        removed = np.zeros(len(ids), dtype=np.int64)
        score = self._store.record(score_id)
        needed = "" if score is None else score.needs.get("predictions", "")
        record = self._store.record(needed) if needed else None
        if record is None or record.results.get("removed_tokens") == 0:
            return removed
        path = self._store.path(needed) / PREDICTIONS
        found = {row["id"]: row["removed_tokens"] for row in _rows(path)}
        removed[:] = [found.get(id, 0) for id in ids]
        return removed


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    try:
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                try:
                    yield json.loads(line)
                except ValueError as error:
                    raise UserError(
                        f"{path}:{number}: not a line of JSON ({error}). Run `t2t-xfer store"
                        " verify` to see which stages are damaged, then run the study again."
                    ) from error
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from error
