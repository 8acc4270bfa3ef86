"""Running a plan: nothing twice, nothing lost, one failure stops only what depends on it."""

from __future__ import annotations

import errno
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from t2t_xfer.errors import UserError
from t2t_xfer.records import Json
from t2t_xfer.stages.base import Stage
from t2t_xfer.study.plan_file import Plan
from t2t_xfer.study.run import Summary, duration, run_plan, would_run
from t2t_xfer.study.store import Store, StoreError

from .made_stages import made


def make_plan(targets: int = 2) -> Plan:
    """model -> train mnli -> per target: train -> predict -> score."""
    stages: list[Stage] = []

    def add(kind: str, label: str, **needs: Stage) -> Stage:
        ids = {role: stage.id for role, stage in needs.items()}
        named = {"version": len(stages)}
        stages.append(made(kind, label, ids, **named))
        return stages[-1]

    mnli = add("train", "m+mnli", checkpoint=add("model", "m"))
    for target in range(targets):
        trained = add("train", f"m+mnli>t{target}", checkpoint=mnli)
        add("score", f"t{target}", predictions=add("predict", f"t{target}", checkpoint=trained))
    return Plan("made-up", tuple(stages), ())


def do(stage: Stage, work: Path, needs: Mapping[str, Path]) -> dict[str, Json]:
    """A stage whose file holds the files of all that it needs: the content shows the chain."""
    before = "".join((folder / "text").read_text() for folder in needs.values())
    (work / "half").write_text("half")
    (work / "text").write_text(f"{before}{stage.kind} {stage.label}\n")
    (work / "half").unlink()
    return {"lines": before.count("\n") + 1}


def run(plan: Plan, root: Path, broken: tuple[str, ...] = ()) -> tuple[Summary, list[str]]:
    lines: list[str] = []

    def do_or_fail(stage: Stage, work: Path, needs: Mapping[str, Path]) -> dict[str, Json]:
        if f"{stage.kind} {stage.label}" in broken:
            (work / "half").write_text("kept")
            raise UserError("tasks/t0.yaml:3: no such column\nsecond line")
        return do(stage, work, needs)

    return run_plan(plan, Store(root), do_or_fail, lines.append), lines


def contents(plan: Plan, root: Path) -> dict[str, str]:
    store = Store(root)
    assert [store.verify(stage.id) for stage in plan.stages] == [[]] * len(plan.stages)
    return {stage.id: (store.path(stage.id) / "text").read_text() for stage in plan.stages}


def test_everything_runs_once_in_order(tmp_path: Path) -> None:
    plan = make_plan()
    summary, lines = run(plan, tmp_path)
    assert summary.ran == tuple(stage.id for stage in plan.stages)
    assert lines[1].startswith("[2/8] train m+mnli ... 0.0 s")
    last = Store(tmp_path).record(plan.stages[-1].id)
    assert last is not None
    assert last.results == {"lines": 5}
    again, lines = run(plan, tmp_path)
    assert (again.ran, len(again.reused)) == ((), 8)
    assert lines == ["8 of 8 stages need no work"]


def test_new_work_is_exactly_what_is_missing(tmp_path: Path) -> None:
    run(make_plan(2), tmp_path)
    names = [f"{stage.kind} {stage.label}" for stage in would_run(make_plan(3), Store(tmp_path))]
    assert names == ["train m+mnli>t2", "predict t2", "score t2"]


def test_a_pruned_checkpoint_is_made_again_only_if_something_wants_it(tmp_path: Path) -> None:
    plan, store = make_plan(1), Store(tmp_path)
    run(plan, tmp_path)
    train = plan.stages[2]
    for path in sorted(store.path(train.id).iterdir()):
        path.unlink()
    assert would_run(plan, store) == []
    predictions = store.path(plan.stages[3].id)
    shutil.rmtree(predictions)  # the score has used them
    assert would_run(plan, store) == []
    (store.path(plan.stages[4].id) / "text").unlink()
    assert would_run(plan, store) == list(plan.stages[2:])


def test_a_failure_blocks_its_dependants_only(tmp_path: Path) -> None:
    plan = make_plan()
    summary, lines = run(plan, tmp_path, broken=("train m+mnli>t0",))
    failed, *blocked = (stage.id for stage in plan.stages[2:5])
    assert (summary.failed, summary.blocked) == ((failed,), tuple(blocked))
    assert len(summary.ran) == 5
    log = summary.logs[failed]
    assert "Traceback" in log.read_text()
    assert lines[2].startswith("[3/8] train m+mnli>t0 ... failed after 0.0 s: tasks/t0.yaml:3: no")
    assert lines[2].endswith(f"(log: {log})")
    assert lines[3] == f"[4/8] predict t0 ... blocked: {failed} failed or is blocked"
    work = Store(tmp_path).begin(plan.stages[2])
    assert (work / "half").read_text() == "kept"


def test_a_rerun_does_only_the_failed_and_the_blocked(tmp_path: Path) -> None:
    plan = make_plan()
    first, _ = run(plan, tmp_path, broken=("train m+mnli>t0",))
    second, _ = run(plan, tmp_path)
    assert second.ran == first.failed + first.blocked
    assert [path.name for path in (tmp_path / ".work").iterdir()] == []  # the log is gone too
    run(plan, tmp_path / "undisturbed")
    for stage in plan.stages:
        text = Store(tmp_path).path(stage.id) / "text"
        assert (
            text.read_text()
            == (Store(tmp_path / "undisturbed").path(stage.id) / "text").read_text()
        )


def test_an_interrupt_passes_and_frees_the_stage(tmp_path: Path) -> None:
    def interrupted(*_: object) -> dict[str, Json]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_plan(make_plan(), Store(tmp_path), interrupted, print)
    assert len(run(make_plan(), tmp_path)[0].ran) == 8


class SafetensorError(Exception):
    """What safetensors raises."""


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "no space"),
        SafetensorError("I/O error: No space left on device (os error 28)"),
    ],
)
def test_a_full_disk_stops_the_run_by_name(tmp_path: Path, error: Exception) -> None:
    """Every later stage would train for hours and then fail to save."""
    calls: list[str] = []

    def full(stage: Stage, *_: object) -> dict[str, Json]:
        calls.append(stage.id)
        raise RuntimeError("saving failed") from error

    with pytest.raises(StoreError, match=r"model m stopped .* the disk is full"):
        run_plan(make_plan(), Store(tmp_path), full, print)
    assert len(calls) == 1


def test_a_log_that_cannot_be_written_is_no_failure_of_its_own(tmp_path: Path) -> None:
    plan = make_plan()
    (tmp_path / ".work").mkdir()
    Store(tmp_path).log_path(plan.stages[0]).mkdir()
    summary, _ = run(plan, tmp_path, broken=("model m",))
    assert (len(summary.failed), len(summary.blocked), summary.logs) == (1, 7, {})


@pytest.mark.parametrize(
    ("seconds", "words"), [(12.34, "12.3 s"), (320.4, "5 min 20 s"), (7380.0, "2 h 3 min")]
)
def test_durations(seconds: float, words: str) -> None:
    assert duration(seconds) == words


RUNNER = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from tests.test_run import do, make_plan
from t2t_xfer.study.run import run_plan
from t2t_xfer.study.store import Store
def slow(stage, work, needs):
    time.sleep(0.02)
    with open(sys.argv[2], "a") as file:
        file.write(stage.id + "\\n")
    return do(stage, work, needs)
print("ready", flush=True)
summary = run_plan(make_plan(4), Store(Path(sys.argv[1])), slow, lambda line: None)
assert not summary.failed and not summary.blocked, summary
"""


def start(root: Path, ran: Path) -> subprocess.Popen[bytes]:
    here = str(Path(__file__).parents[1])
    command = [sys.executable, "-c", RUNNER, str(root), str(ran), here]
    return subprocess.Popen(command, stdout=subprocess.PIPE)


def finish(process: subprocess.Popen[bytes]) -> int:
    process.communicate()
    return process.returncode


def test_two_processes_share_the_work(tmp_path: Path) -> None:
    plan, ran = make_plan(4), tmp_path / "ran"
    processes = [start(tmp_path / "store", ran) for _ in range(3)]
    assert [finish(process) for process in processes] == [0, 0, 0]
    assert sorted(ran.read_text().split()) == sorted(stage.id for stage in plan.stages)
    contents(plan, tmp_path / "store")


def test_kills_at_random_moments_change_nothing(tmp_path: Path) -> None:
    plan, root, kills = make_plan(4), tmp_path / "store", 0
    moments = random.Random(7)
    for _ in range(6):
        process = start(root, tmp_path / "ran")
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(moments.uniform(0.0, 0.12))
        os.kill(process.pid, signal.SIGKILL)
        if finish(process) == 0:
            break
        kills += 1
        for stage in plan.stages:
            record = Store(root).record(stage.id)
            assert record is None or Store(root).verify(stage.id) == []
    assert finish(start(root, tmp_path / "ran")) == 0
    run(plan, tmp_path / "undisturbed")
    assert contents(plan, root) == contents(plan, tmp_path / "undisturbed")
    print(f"kills survived: {kills}")
    assert kills >= 3
