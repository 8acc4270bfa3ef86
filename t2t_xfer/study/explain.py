"""Why a stage would run: how its identity differs from the most similar result that exists.

train micro-encoder>mnli@0: training.learning_rate is 0.0005, was 0.001
"""

from __future__ import annotations

from collections.abc import Iterable

from t2t_xfer.study.record import Record
from t2t_xfer.study.stage import Stage, flat, identity

SHOWN = 3
"""Differences that are named; the others are counted."""


def reasons(stages: Iterable[Stage], records: Iterable[Record]) -> dict[str, str]:
    """Stage id to why it is not among the records, for stages in the order of the plan."""
    known: dict[str, list[tuple[Record, dict[str, str]]]] = {}
    for record in records:
        known.setdefault(record.kind, []).append((record, flat(record.spec)))
    return {stage.id: _reason(stage, known.get(stage.kind, [])) for stage in stages}


def _reason(stage: Stage, known: list[tuple[Record, dict[str, str]]]) -> str:
    if any(identity(r.kind, r.spec, r.needs) == stage.digest for r, _ in known):
        return "its files are damaged or gone"
    if not known:
        return f"the store has no {stage.kind} stage"
    fields = flat(stage.spec)
    record, was = min(known, key=lambda each: (_distance(fields, each[1]), each[0].label))
    changed = [
        f"{name} is {fields.get(name, 'absent')}, was {was.get(name, 'absent')}"
        for name in sorted(fields.keys() | was.keys())
        if fields.get(name) != was.get(name)
    ]
    if not changed:
        return f"like {record.stage_id}, but what it needs is made anew"
    more = f" and {len(changed) - SHOWN} more" if len(changed) > SHOWN else ""
    return f"nearest is {record.stage_id}: {'; '.join(changed[:SHOWN])}{more}"


def _distance(one: dict[str, str], other: dict[str, str]) -> int:
    return sum(one.get(name) != other.get(name) for name in one.keys() | other.keys())
