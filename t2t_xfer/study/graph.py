"""`stages.json`: the stages of a study, kept beside its report.

So that what a study wants can be known without planning it again: `study status` from another
terminal, `store prune`, and a scheduler that runs one stage in a process of its own.

    save_stages(Path("eval_outputs/quickstart"), plan.stages)
    load_stages(Path("eval_outputs/quickstart"))[0].id      # 'model/micro-encoder-…'
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import asdict
from pathlib import Path
from typing import Any

from t2t_xfer.files import read_json, write_text
from t2t_xfer.study.stage import Stage, is_id, plain_json

STAGES = "stages.json"


def save_stages(directory: Path, stages: Iterable[Stage]) -> None:
    """Writes `stages.json`.

    Raises:
        UserError: the directory cannot be written.
    """
    body = [plain_json(asdict(stage)) for stage in stages]
    write_text(directory / STAGES, json.dumps(body, ensure_ascii=False) + "\n")


def load_stages(directory: Path) -> tuple[Stage, ...]:
    """Reads `stages.json`: every stage once, after everything that it needs.

    Raises:
        UserError: there is none, or it cannot be read.
    """
    return read_json(directory / STAGES, lambda stages: tuple(map(_stage, stages)))


def _stage(raw: Mapping[str, Any]) -> Stage:
    """Raises ValueError or TypeError if it is not what `save_stages` writes."""
    stage = Stage(**raw)
    if not isinstance(stage.label, str):
        raise ValueError(f"a stage's label is {stage.label!r}, not a text")
    for name in ("spec", "needs", "how"):
        if not isinstance(getattr(stage, name), dict):
            raise ValueError(f"{name} of the stage {stage.label!r} is no mapping")
    for need in stage.needs.values():
        if not isinstance(need, str) or not is_id(need):
            raise ValueError(f"the stage {stage.label!r} needs {need!r}, which is no id of a stage")
    return stage


def study_directories(output: Path) -> list[Path]:
    """The directories of the studies that share a store under `output`."""
    return sorted(path.parent for path in output.glob(f"*/{STAGES}"))


def unfinished(
    stages: Sequence[Stage], finished: set[str], damaged: Set[str] = frozenset()
) -> list[Stage]:
    """The stages that a run would still do, in their order.

    A stage is wanted if it is an end of the graph, or if a stage that must run needs it. So a
    checkpoint that was pruned after its scores were taken is not wanted again.

    Args:
        finished: ids of the stages with a whole record.
        damaged: ids of stages that are wanted whatever needs them.
    """
    needed = {need for stage in stages for need in stage.needs.values()}
    wanted = ({stage.id for stage in stages} - needed) | damaged
    found: list[Stage] = []
    for stage in reversed(stages):
        if stage.id in wanted and stage.id not in finished:
            found.append(stage)
            wanted |= set(stage.needs.values())
    return found[::-1]
