"""One command in several processes: the first walks through the plan, the others train with it.

The first process alone touches the store. Before each training it tells the others which stage
comes and where; at the end it tells them to stop. If it fails it tells them nothing: it ends, and
the launcher ends them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from t2t_xfer import processes
from t2t_xfer.records import Json

if TYPE_CHECKING:
    from t2t_xfer.stages.base import Stage
    from t2t_xfer.study.plan_file import Plan
    from t2t_xfer.study.run import RunStage


def leading(run_stage: RunStage) -> RunStage:
    """The same, with all processes in a training. Alone: the same."""
    if processes.count() == 1:
        return run_stage
    from t2t_xfer.training.devices import from_first

    def run(stage: Stage, work: Path, needs: Mapping[str, Path]) -> Mapping[str, Json]:
        if stage.kind == "train":
            sources = {role: str(path) for role, path in needs.items()}
            from_first((stage.id, str(work), sources))
        return run_stage(stage, work, needs)

    return run


def dismiss() -> None:
    """Tells the other processes that all is done."""
    if processes.count() > 1:
        from t2t_xfer.training.devices import from_first, leave

        from_first(None)
        leave()


def follow(plan: Plan, run_stage: RunStage) -> None:
    """What a process does that is not the first: it trains when told to."""
    from t2t_xfer.training.devices import from_first, leave

    stages = {stage.id: stage for stage in plan.stages}
    while (told := from_first()) is not None:
        name, work, sources = told
        run_stage(stages[name], Path(work), {role: Path(at) for role, at in sources.items()})
    leave()
