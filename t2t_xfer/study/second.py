"""A silent second process that does the stages of a plan from its other end.

A store is safe for both: each finds done what the other has finished, and what this one leaves
undone is done by the one that reports.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

from t2t_xfer.stages.base import Stage
from t2t_xfer.study.plan_file import Plan, save_plan
from t2t_xfer.study.run import would_run
from t2t_xfer.study.store import Store


@contextmanager
def second_process(plan: Plan, store: Store) -> Iterator[None]:
    """While it lasts, another process works on what is not done. What becomes of it does not
    matter, and what it has begun another run goes on with."""
    stages = from_the_other_end(would_run(plan, store))
    if not stages:
        yield
        return
    root = store.root.resolve()
    (root / ".work").mkdir(parents=True, exist_ok=True)
    folder = Path(mkdtemp(prefix="second-", dir=root / ".work"))
    save_plan(folder, Plan(plan.study, tuple(stages)))
    command = [sys.executable, "-m", "t2t_xfer", "study", "job", str(folder)]
    process = subprocess.Popen(
        [*command, "--output", str(root.parent)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def from_the_other_end(stages: Sequence[Stage]) -> list[Stage]:
    """The same stages, the last one first, each after what it needs of them."""
    by_id = {stage.id: stage for stage in stages}
    ordered: dict[str, Stage] = {}

    def add(stage: Stage) -> None:
        for need in stage.needs.values():
            if need in by_id and need not in ordered:
                add(by_id[need])
        ordered[stage.id] = stage

    for stage in reversed(stages):
        add(stage)
    return list(ordered.values())
