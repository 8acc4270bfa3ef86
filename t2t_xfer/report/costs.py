"""What the finished stages behind a study's numbers took, by their records.

The rule: a stage counts once, however many cells are read from it, and whichever study ran it.

    costs(load_study(directory), store)     # [Cost("train/…", "train", …, 51.1, 91244), …]
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from t2t_xfer.report.given import Cost
from t2t_xfer.study.plan_file import StudyFile
from t2t_xfer.study.record import Record
from t2t_xfer.study.stage import KINDS
from t2t_xfer.study.store import Store

TOKENS = ("tokens", "tokens_read", "tokens_written")
"""Of training, and of predictions."""


def costs(file: StudyFile, store: Store) -> list[Cost]:
    """The cost of every finished stage, in the order of kinds and names."""
    found: dict[str, Cost] = {}
    wanted: Iterable[str] = [*(cell.score_id for cell in file.cells), *file.baselines.values()]
    while wanted:
        needs: dict[str, None] = {}
        for stage_id in wanted:
            record = None if stage_id in found else store.record(stage_id)
            if record is not None:
                found[stage_id] = _cost(record)
                needs.update(dict.fromkeys(record.needs.values()))
        wanted = needs
    return sorted(found.values(), key=lambda cost: (KINDS.index(cost.kind), cost.stage))


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
