"""The order of a study's stages: predictions over one base follow each other.

The rule: an adapter is trained over a base of its own, so what is predicted in between would load
the base again each time. Predictions over it wait until all that starts from the same place is
trained, and no longer: the first numbers still come after the first row of a study.

    train m>xnli · predict m>xnli · train m>udpos · predict m>udpos · train m>mnli>xnli · …
    train m>xnli · train m>udpos · predict m>xnli · predict m>udpos · train m>mnli>xnli · …

The order is no part of any stage's identity. Whole checkpoints have nothing to share: their
predictions stay where they are.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from t2t_xfer.study.stage import Stage


def bases_together(stages: Iterable[Stage]) -> tuple[Stage, ...]:
    """The same stages, each still after everything that it needs."""
    ordered: list[Stage] = []
    waiting: dict[str, Stage] = {}
    start: tuple[str, str, int] | None = None
    for stage in stages:
        if stage.kind in ("train", "model"):
            if start is None or _start(stage) != start:
                ordered += waiting.values()
                waiting.clear()
                start = _start(stage)
            ordered.append(stage)
        elif _waits(stage, waiting, start):
            waiting[stage.id] = stage
        else:
            ordered.append(stage)
    return (*ordered, *waiting.values())


def _start(stage: Stage) -> tuple[str, str, int] | None:
    """The base, the adapter and the seed that an adapter's training starts from; else None."""
    spec: Any = stage.spec
    if stage.kind != "train" or spec["training"]["adapter"] == "none":
        return None
    adapter = stage.needs.get("adapter") or stage.how.get("adapter")
    return _base(stage), str(adapter), int(spec["seed"])


def _base(stage: Stage) -> str:
    return str(stage.needs.get("checkpoint") or stage.how.get("path"))


def _waits(stage: Stage, waiting: dict[str, Stage], start: tuple[str, str, int] | None) -> bool:
    if stage.kind == "score":
        return any(need in waiting for need in stage.needs.values())
    return start is not None and _base(stage) == start[0]
