"""Walk a plan: do what is not done, never stop for one failing stage, lose nothing.

The rule: a stage runs if its result is missing *and* something wants it: it is an end of the
plan, or a stage that must run needs it. So a checkpoint that was pruned after its scores were
taken is not trained again. A stage that fails blocks its dependants and nothing else; running
the same plan again does only the failed and the blocked.

    summary = run_plan(plan, store, run_stage, say=print)
    # [3/41] train micro-encoder+mnli ... 12.3 s
    raise SystemExit(1 if summary.failed else 0)
"""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

from t2t_xfer.errors import UserError, presentable
from t2t_xfer.files import disk_problem
from t2t_xfer.progress import reporting_to
from t2t_xfer.records import Json
from t2t_xfer.stages.base import Stage
from t2t_xfer.study.plan_file import Plan, unfinished
from t2t_xfer.study.record import start_peak
from t2t_xfer.study.store import SHOWN, ChangedError, Sound, Store, StoreError


def duration(seconds: float) -> str:
    """`12.3 s`, `5 min 20 s`, `2 h 3 min`."""
    if seconds < 100:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 100:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


log = logging.getLogger(__name__)

RunStage: TypeAlias = Callable[[Stage, Path, Mapping[str, Path]], Mapping[str, Json]]
"""Does a stage in its work directory, given the directories of what it needs by role. Returns
the results for the record. Files that it leaves in the work directory are the stage's files."""

Say: TypeAlias = Callable[[str], None]


@dataclass(frozen=True)
class Summary:
    """What became of every stage of a plan, by id."""

    ran: tuple[str, ...]
    reused: tuple[str, ...]
    """Done before or by another process, or wanted by nothing that was left to do."""
    failed: tuple[str, ...]
    blocked: tuple[str, ...]
    """Not tried, because something that they need failed."""
    logs: Mapping[str, Path]
    """Where the traceback of a failed stage is."""
    errors: Mapping[str, Exception] = field(default_factory=dict)
    """What failed stages of this process raised, without their frames."""


def would_run(plan: Plan, store: Store) -> list[Stage]:
    """The stages that `run_plan` would do, in their order. Looks at records only."""
    finished = {stage.id for stage in plan.stages if store.record(stage.id) is not None}
    found = unfinished(plan.stages, finished, damaged_results(plan.stages, store))
    store.keep_seals()
    return found


def damaged_results(stages: Iterable[Stage], store: Store) -> set[str]:
    """Ids of the stages whose files a report would show, if these were what was written."""
    return {stage.id for stage in stages if stage.kind in SHOWN and store.is_damaged(stage.id)}


def run_plan(plan: Plan, store: Store, run_stage: RunStage, say: Say) -> Summary:
    """Do every stage of a plan that is not done, in the plan's order.

    Raises:
        StoreError: the store's disk is full, read-only or closed. Nothing else could succeed,
            so the run stops; what is finished is kept.
        KeyboardInterrupt: passes through; the interrupted stage resumes next time.
    """
    return _Walk(plan, store, run_stage, say).run()


@dataclass
class _Walk:
    """One run of a plan."""

    plan: Plan
    store: Store
    run_stage: RunStage
    say: Say
    fate: dict[str, str] = field(default_factory=dict)
    """Stage id to `ran`, `reused`, `failed` or `blocked`, in the order of the walk."""
    logs: dict[str, Path] = field(default_factory=dict)
    errors: dict[str, Exception] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.sound = Sound(self.store)

    def run(self) -> Summary:
        self.store.sweep()
        to_do = {stage.id for stage in would_run(self.plan, self.store)}
        total = len(self.plan.stages)
        if len(to_do) < total:
            self.say(f"{total - len(to_do)} of {total} stages need no work")
        for number, stage in enumerate(self.plan.stages, start=1):
            if stage.id not in to_do:
                self.fate[stage.id] = "reused"
                continue
            line = self._one(stage)
            self.say(f"[{number}/{total}] {stage.kind} {stage.label} ... {line}")
        return Summary(
            ran=self._all("ran"),
            reused=self._all("reused"),
            failed=self._all("failed"),
            blocked=self._all("blocked"),
            logs=self.logs,
            errors=self.errors,
        )

    def _all(self, fate: str) -> tuple[str, ...]:
        return tuple(stage_id for stage_id, what in self.fate.items() if what == fate)

    def _one(self, stage: Stage) -> str:
        """Do one stage, note its fate, and say it in words."""
        lost = [need for need in stage.needs.values() if self._is_lost(need)]
        if lost:
            self.fate[stage.id] = "blocked"
            return f"blocked: {', '.join(lost)} failed or is blocked"
        log.info("%s begins", stage.id)
        start = time.monotonic()
        try:
            work = self.store.begin(stage)
            if self.store.record(stage.id) is not None:
                self.store.discard_work(stage)
                self.fate[stage.id] = "reused"
                return "done by another process"
            sources = {role: self._source(need) for role, need in stage.needs.items()}
            start_peak()
            with reporting_to(self.store.progress_path(stage.digest)):
                results = self.run_stage(stage, work, sources)
            self.store.commit(stage, results, time.monotonic() - start)
            self.sound.wrote(stage.id)
        except StoreError:
            raise
        except Exception as error:
            self.fate[stage.id] = "failed"
            return self._failure(stage, error, time.monotonic() - start)
        finally:
            self.store.release(stage)
        self.fate[stage.id] = "ran"
        return duration(time.monotonic() - start)

    def _source(self, stage_id: str) -> Path:
        """Where the files of a need are; made again if they are not what was written.

        Raises:
            ChangedError: they are not, and this plan does not say how they are made.
            UserError: they cannot be made again.
        """
        try:
            return self.sound.path(stage_id)
        except ChangedError as error:
            maker = next((stage for stage in self.plan.stages if stage.id == stage_id), None)
            if maker is None:
                raise ChangedError(
                    f"{error} Run the same command again: the stage is done anew."
                ) from error
            log.warning("%s It is done again.", error)
        line = self._one(maker)
        self.say(f"again: {maker.kind} {maker.label} ... {line}")
        if self._is_lost(stage_id):
            raise UserError(f"{stage_id} had changed and could not be made again: {line}")
        return self.sound.path(stage_id)

    def _is_lost(self, stage_id: str) -> bool:
        return self.fate.get(stage_id) in ("failed", "blocked")

    def _failure(self, stage: Stage, error: Exception, seconds: float) -> str:
        """Log a failure; its message and the log's place, in words."""
        path = self.store.log_path(stage)
        header = f"{stage.id}\n{datetime.now(UTC).isoformat(timespec='seconds')}\n\n"
        text = header + presentable("".join(traceback.format_exception(error)))
        try:
            path.write_text(text, encoding="utf-8", errors="backslashreplace")
            self.logs[stage.id] = path
        except OSError as reason:
            log.warning("no log of %s could be written: %s", stage.id, reason)
            log.info("%s", text)
        full = disk_problem(error)
        if full:
            raise StoreError(
                f"{stage.kind} {stage.label} stopped after {duration(seconds)}: {full} "
                f"({error}). Finished stages are kept. Make room, then run the same command again."
            ) from error
        words = str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
        first = next(iter(words.splitlines()), "")
        # Frames would keep a failed stage's model in memory.
        error.__cause__ = error.__context__ = None
        self.errors[stage.id] = error.with_traceback(None)
        where = f" (log: {path})" if stage.id in self.logs else ""
        return f"failed after {duration(seconds)}: {first}{where}"
