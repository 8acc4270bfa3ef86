"""How far a study is, seen from outside: by its `stages.json`, the records and the locks.

Nothing is planned and no model is loaded, so it can be asked from another terminal at any time.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

from tabulate import tabulate

from t2t_xfer.study.durations import duration
from t2t_xfer.study.estimate import Estimator
from t2t_xfer.study.graph import unfinished
from t2t_xfer.study.run import Summary, damaged_results
from t2t_xfer.study.stage import Stage
from t2t_xfer.study.store import Store

State: TypeAlias = Literal["done", "not needed", "running", "failed", "blocked", "waiting"]


@dataclass(frozen=True)
class StageStatus:
    """One stage as it stands."""

    stage: Stage
    state: State
    detail: str = ""
    """How far a running stage is; where the log of a failed one lies; what blocks."""
    log: Path | None = None


@dataclass(frozen=True)
class StudyStatus:
    """A study as it stands."""

    stages: tuple[StageStatus, ...]
    seconds_left: float | None
    """Estimated from the times of finished stages; None: too little to go by."""

    @property
    def counts(self) -> dict[str, dict[str, int]]:
        """Kind of stage to state to number."""
        counted = Counter((each.stage.kind, each.state) for each in self.stages)
        found: dict[str, dict[str, int]] = {}
        for (kind, state), n in counted.items():
            found.setdefault(kind, {})[state] = n
        return found

    def in_words(self) -> str:
        """A table of states by kind, and a line for each stage that runs, failed or is blocked."""
        states = get_args(State)
        counts = self.counts
        rows = [[kind, *(by.get(state, "") for state in states)] for kind, by in counts.items()]
        lines = [tabulate(rows, ["kind", *states])]
        for each in self.stages:
            if each.state in ("running", "failed", "blocked"):
                detail = f": {each.detail}" if each.detail else ""
                log = f" (log: {each.log})" if each.log else ""
                lines.append(f"{each.state}: {each.stage.id}{detail}{log}")
        if self.seconds_left:
            lines.append(f"about {duration(self.seconds_left)} left, judged by finished stages")
        return "\n".join(lines)


def study_status(stages: Sequence[Stage], store: Store) -> StudyStatus:
    """The state of every stage, in the order of the plan."""
    records = {
        stage.id: record for stage in stages if (record := store.record(stage.id)) is not None
    }
    to_do = {stage.id for stage in unfinished(stages, set(records), damaged_results(stages, store))}
    lost: set[str] = set()
    found = []
    for stage in stages:
        status = _status(stage, store, stage.id in records, stage.id in to_do, lost)
        if status.state in ("failed", "blocked"):
            lost.add(stage.id)
        found.append(status)
    estimator = Estimator(records.values())
    open_stages = [each.stage for each in found if each.state in ("running", "waiting")]
    return StudyStatus(tuple(found), estimator.total(open_stages))


def _status(stage: Stage, store: Store, finished: bool, to_do: bool, lost: set[str]) -> StageStatus:
    if finished:
        return StageStatus(stage, "done")
    if not to_do:
        return StageStatus(stage, "not needed")
    if store.is_running(stage.digest):
        return StageStatus(stage, "running", _progress(store.progress_path(stage.digest)))
    log = store.log_path(stage)
    if log.is_file():
        return StageStatus(stage, "failed", _last_line(log), log)
    blocking = [need for need in stage.needs.values() if need in lost]
    if blocking:
        return StageStatus(stage, "blocked", f"needs {blocking[0]}")
    return StageStatus(stage, "waiting")


def _progress(path: Path) -> str:
    """`train 120 of 500 step`; empty while nothing has been told."""
    try:
        told: Any = json.loads(path.read_text(encoding="utf-8"))
        of = f" of {told['total']}" if told["total"] else ""
        return f"{told['what']} {told['done']}{of} {told['unit']}"
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _last_line(log: Path) -> str:
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
    except OSError:
        return ""
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


def summary_since(stages: Sequence[Stage], tried: Sequence[Stage], store: Store) -> Summary:
    """What became of stages that other processes have done.

    Args:
        tried: those of the stages that were open before.
    """
    was_open = {stage.id for stage in tried}
    found = study_status(stages, store).stages
    lost = {each.stage.id: each.log for each in found if each.state == "failed"}
    return Summary(
        ran=tuple(s.stage.id for s in found if s.state == "done" and s.stage.id in was_open),
        reused=tuple(s.stage.id for s in found if s.stage.id not in was_open),
        failed=tuple(lost),
        # A stage whose process was killed has no log; it can only be tried again.
        blocked=tuple(s.stage.id for s in found if s.state in ("blocked", "waiting", "running")),
        logs={stage_id: log for stage_id, log in lost.items() if log is not None},
    )
