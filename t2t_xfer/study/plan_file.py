"""`stages.json`: the stages of a study, kept beside its report.

So that what a study wants can be known without planning it again: `study status` from another
terminal, `store prune`, and a scheduler that runs one stage in a process of its own.

    save_stages(Path("eval_outputs/quickstart"), plan.stages)
    load_stages(Path("eval_outputs/quickstart"))[0].id      # 'model/micro-encoder-…'

The order of a study's stages: predictions over one base follow each other.

The rule: an adapter is trained over a base of its own, so what is predicted in between would load
the base again each time. Predictions over it wait until all that starts from the same place is
trained, and no longer: the first numbers still come after the first row of a study.

    train m>xnli · predict m>xnli · train m>udpos · predict m>udpos · train m>mnli>xnli · …
    train m>xnli · train m>udpos · predict m>xnli · predict m>udpos · train m>mnli>xnli · …

The order is no part of any stage's identity. Whole checkpoints have nothing to share: their
predictions stay where they are.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from t2t_xfer.files import read_json, write_text
from t2t_xfer.study.stage import Cell, Plan, Stage, is_id, plain_json

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


PLAN = "plan.json"


@dataclass(frozen=True)
class StudyFile:
    """What `plan.json` holds."""

    study: str
    cells: tuple[Cell, ...]
    baselines: Mapping[str, str]
    """`target/language` to the majority baseline's score id."""
    sources: Mapping[str, str]
    """Target to the language of its training data."""
    notes: tuple[str, ...]
    """What a reader must know: absent languages, synthetic data."""
    synthetic: bool = False
    """The data is the microworld, whose languages have a known distance from English."""


def study_file(
    plan: Plan,
    baselines: Mapping[tuple[str, str], str],
    sources: Mapping[str, str],
    notes: Sequence[str],
    *,
    synthetic: bool = False,
) -> StudyFile:
    """The part of a plan that a report needs."""
    named = {f"{target}/{language}": score for (target, language), score in baselines.items()}
    return StudyFile(plan.study, plan.cells, named, sources, (*notes, *plan.absent), synthetic)


def save_study(directory: Path, file: StudyFile) -> None:
    """Writes `plan.json`.

    Raises:
        UserError: the directory cannot be written.
    """
    text = json.dumps(asdict(file), indent=1, ensure_ascii=False, sort_keys=True)
    write_text(directory / PLAN, text + "\n")


def load_study(directory: Path) -> StudyFile:
    """Reads `plan.json`.

    Raises:
        UserError: there is none, or it cannot be read.
    """
    return read_json(directory / PLAN, _study)


def _study(raw: object) -> StudyFile:
    """Checked, since a plan may have been edited, or copied from another version.

    Raises:
        ValueError: it is not what `save_study` writes.
    """
    from pydantic import TypeAdapter, ValidationError

    try:
        file = TypeAdapter(StudyFile).validate_python(raw)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise ValueError(f"{where}: {first['msg']}") from None
    for cell in file.cells:
        if cell.target not in file.sources:
            raise ValueError(f"sources: the target {cell.target!r} is missing")
    strange = [id for id in (*_score_ids(file), *file.baselines.values()) if not is_id(id)]
    if strange:
        raise ValueError(f"{strange[0]!r} is no id of a stage")
    places = [
        (c.model, c.intermediate, c.target, c.language, c.seed, c.readout) for c in file.cells
    ]
    if len(set(places)) < len(places):
        twice = next(place for place in places if places.count(place) > 1)
        raise ValueError(f"cells: {', '.join(map(str, twice))} is there twice")
    return file


def _score_ids(file: StudyFile) -> list[str]:
    return [cell.score_id for cell in file.cells]
