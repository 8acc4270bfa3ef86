"""How long stages will take, judged by stages that are finished.

A new stage takes as long as the most similar finished one of its kind: the one that shares most
fields of its spec (model, task, training, limit). Crude, and it says so: times differ by machine.
"""

from __future__ import annotations

from collections.abc import Iterable
from statistics import median

from t2t_xfer.study.record import Record
from t2t_xfer.study.stage import Stage, flat

NEIGHBOURS = 3
"""The median of so many similar stages: one slow start does not count."""


class Estimator:
    """Times of finished stages, by kind."""

    def __init__(self, records: Iterable[Record]) -> None:
        self._known: dict[str, list[tuple[frozenset[tuple[str, str]], float]]] = {}
        for record in records:
            fields = frozenset(flat(record.spec).items())
            self._known.setdefault(record.kind, []).append((fields, record.seconds))

    def seconds(self, stage: Stage) -> float | None:
        """Estimated wall-clock time of a stage; None if none of its kind is finished."""
        known = self._known.get(stage.kind)
        if not known:
            return None
        fields = frozenset(flat(stage.spec).items())
        nearest = sorted(known, key=lambda each: -len(each[0] & fields))[:NEIGHBOURS]
        return median(seconds for _, seconds in nearest)

    def total(self, stages: Iterable[Stage]) -> float | None:
        """The sum over stages done one after the other; None if one of them is unknown."""
        each = [self.seconds(stage) for stage in stages]
        known = [seconds for seconds in each if seconds is not None]
        return sum(known) if len(known) == len(each) else None
