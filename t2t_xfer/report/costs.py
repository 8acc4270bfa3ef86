"""What the finished stages behind a study's numbers took, by their records.

The rule: a stage counts once, however many cells are read from it, and whichever study ran it.

    costs(Results.read(directory))     # [Cost("train/…", "train", …, 51.1, 91244), …]
"""

from __future__ import annotations

from typing import Any

from t2t_xfer.report.given import Cost
from t2t_xfer.study.record import Record
from t2t_xfer.study.results import Results
from t2t_xfer.study.stage import KINDS

TOKENS = ("tokens", "tokens_read", "tokens_written")
"""Of training, and of predictions."""


def costs(results: Results) -> list[Cost]:
    """The cost of every finished stage, in the order of kinds and names."""
    found = map(_cost, results.records())
    return sorted(found, key=lambda cost: (KINDS.index(cost.kind), cost.stage))


def _cost(record: Record) -> Cost:
    results: Any = record.results
    counted = [results[name] for name in TOKENS if name in results]
    memory: Any = record.memory
    return Cost(
        stage=record.stage_id,
        kind=record.kind,
        label=record.label,
        seconds=record.seconds,
        tokens=sum(counted) if counted else None,
        memory=memory.get("process"),
        device_memory=memory.get("accelerator"),
        device=str(results.get("device", "")),
    )
