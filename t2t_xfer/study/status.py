"""How far a study is, what it has before it, and what its store no longer needs.

Asked of `plan.json`, records and locks alone: nothing is planned and no model is loaded, so it can
be asked from another terminal at any time.

    study_status(plan.stages, store).in_words()     # which stages are done, run, failed, wait
    outlook(would_run(plan, store), store)          # how long they take, what disk they need
    reasons(stages, store.records())                # why a stage would run: what differs
    removable(store, Path("eval_outputs"))          # checkpoints whose every use is done

Times are judged by finished stages: a new one takes as long as the finished ones of its kind that
share most fields of its spec. Crude, since times differ by machine.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Literal, TypeAlias, get_args

from tabulate import tabulate

from t2t_xfer.stages.base import Stage, flat, identity
from t2t_xfer.study.plan_file import load_plan, study_directories, unfinished
from t2t_xfer.study.record import Record
from t2t_xfer.study.run import Summary, damaged_results, duration
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


@dataclass(frozen=True)
class Outlook:
    """Of the stages that would run. None: no finished stage to judge by."""

    num_stages: int
    seconds: float | None
    size: int | None
    """Bytes."""
    free: int
    """Bytes left on the store's disk."""

    def in_words(self) -> str:
        """One or two lines."""
        if not self.num_stages:
            return "nothing to run"
        if self.seconds is None or self.size is None:
            return "time and disk: not known before a stage of each kind is finished"
        lines = [
            f"about {duration(self.seconds)} one after the other, and {self.size / 1e6:.0f} MB of"
            f" disk ({self.free / 1e6:.0f} MB free), judged by finished stages"
        ]
        if self.size > self.free:
            lines.append("That is more than is free: run `t2t-xfer store prune`, or make room.")
        return "\n".join(lines)


def outlook(stages: Sequence[Stage], store: Store) -> Outlook:
    """Judged by every record in the store, whatever study made it."""
    records = store.records()
    sizes = _sizes(records)
    known = [sizes.get(stage.kind) for stage in stages]
    size = [each for each in known if each is not None]
    there = next(p for p in (store.root, *store.root.absolute().parents) if p.exists())
    return Outlook(
        len(stages),
        Estimator(records).total(stages),
        round(sum(size)) if len(size) == len(known) else None,
        shutil.disk_usage(there).free,
    )


def _sizes(records: Sequence[Record]) -> dict[str, float]:
    """Kind to the median size of its finished stages."""
    found: dict[str, list[int]] = {}
    for record in records:
        found.setdefault(record.kind, []).append(sum(f.size for f in record.files.values()))
    return {kind: median(sizes) for kind, sizes in found.items()}


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


WEIGHTS = ("model", "train")
"""The kinds of stages that hold weights."""


@dataclass(frozen=True)
class Removable:
    """A stage that may go."""

    stage: Stage
    size: int
    """Bytes of its files."""


def removable(store: Store, output: Path) -> list[Removable]:
    """The checkpoints that no study under `output` wants any more, largest first.

    What a report needs stays (predictions, which can be scored again, and scores), and so does what
    an unfinished stage of any study wants. A checkpoint that no study names was made by `train` for
    its own sake and stays.

    Raises:
        UserError: a study's directory cannot be read; then nothing is known to be unwanted.
    """
    studies = [load_plan(directory).stages for directory in study_directories(output)]
    sizes = {
        stage.id: sum(file.size for file in record.files.values())
        for stages in studies
        for stage in stages
        if (record := store.record(stage.id)) is not None
    }
    wanted = {need for stages in studies for need in _wanted(stages, set(sizes), store)}
    found = {
        stage.digest: Removable(stage, sizes[stage.id])
        for stages in studies
        for stage in stages
        if stage.kind in WEIGHTS and stage.id in sizes and stage.digest not in wanted
    }
    return sorted(found.values(), key=lambda each: (-each.size, each.stage.id))


def _wanted(stages: Sequence[Stage], finished: set[str], store: Store) -> set[str]:
    """Digests of what the stages still to run need. Labels differ from study to study."""
    return {
        need.rpartition("-")[2]
        for stage in unfinished(stages, finished, damaged_results(stages, store))
        for need in (stage.id, *stage.needs.values())
    }
