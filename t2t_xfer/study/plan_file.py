"""`plan.json`: a study as a graph of stages, and the cells that are read from them.

It lies beside the report, so that everything about a study can be known without planning it again:
how far it is, what it still wants, what its numbers are. A study's directory stands beside its
store (`eval_outputs/quickstart`, `eval_outputs/store`); `evaluate` keeps its plan in the directory
that holds the store.

    save_plan(Path("eval_outputs/quickstart"), plan)
    load_plan(Path("eval_outputs/quickstart")).stages[0].id     # 'model/micro-encoder-…'
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, TypeAlias, get_type_hints

from t2t_xfer.errors import UserError, cut
from t2t_xfer.files import write_text
from t2t_xfer.stages.base import Stage, is_id, plain_json
from t2t_xfer.stages.run import stage_from_json
from t2t_xfer.stages.train import TrainStage

PLAN = "plan.json"
STORE = "store"
"""The name of the directory with the stages."""

Key: TypeAlias = tuple[str, str, str, str, int, str]
"""What makes a cell one of a kind in its study."""


@dataclass(frozen=True)
class Cell:
    """One number of a study: a model, an intermediate, a target, a language and a seed."""

    study: str
    model: str
    architecture: str
    intermediate: str
    """A task's name, several joined by `+`, or `none`. Of an evaluation the adapter, or `none`."""
    target: str
    language: str
    seed: int
    readout: str
    score_id: str
    """The `score` stage that holds the number."""
    same_data: bool
    """The intermediate task trains on rows that train the target too (mnli before xnli)."""
    translate_train: bool = False
    """Some of the training rows are translations, so that transfer is not zero-shot."""

    @property
    def key(self) -> Key:
        """What makes the cell one of a kind in its study."""
        return (self.model, self.intermediate, self.target, self.language, self.seed, self.readout)


@dataclass(frozen=True)
class Plan:
    """A study as a graph of stages and the cells that are read from them."""

    study: str
    stages: tuple[Stage, ...]
    """Every stage once, after everything that it needs."""
    cells: tuple[Cell, ...] = ()
    baselines: Mapping[str, str] = field(default_factory=dict)
    """`target/language` to the majority baseline's score id."""
    sources: Mapping[str, str] = field(default_factory=dict)
    """Target to the language of its training data."""
    notes: tuple[str, ...] = ()
    """What a reader of the numbers must know of the rows behind them."""
    absent: tuple[str, ...] = ()
    """What `--skip-missing` left out, one line each."""
    synthetic: bool = False
    """The data is the microworld, whose languages have a known distance from English."""
    naive: Mapping[str, int] = field(default_factory=dict)
    """How many stages of each kind there would be without sharing."""


def save_plan(directory: Path, plan: Plan) -> None:
    """Writes `plan.json`, a stage or a cell on each line."""
    bare = plain_json(asdict(replace(plan, stages=())))
    assert isinstance(bare, dict)
    body = {**bare, "stages": [stage.to_json() for stage in plan.stages]}
    lines = ",\n".join(f"{json.dumps(key)}: {_lines(value)}" for key, value in body.items())
    write_text(directory / PLAN, f"{{\n{lines}\n}}\n")


def _lines(value: object) -> str:
    if not isinstance(value, list) or not value:
        return json.dumps(value, ensure_ascii=False)
    return "[\n" + ",\n".join(json.dumps(each, ensure_ascii=False) for each in value) + "\n]"


def load_plan(directory: Path) -> Plan:
    """Reads `plan.json`.

    Raises:
        UserError: there is none, or it cannot be read.
    """
    path = directory / PLAN
    try:
        return _plan(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise UserError(
            f"{directory} holds no {PLAN}, so it is no study's directory. Give the directory that"
            " `t2t-xfer study run` named, for example eval_outputs/quickstart."
        ) from None
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as e:
        raise UserError(
            f"{path} cannot be read: {cut(e, 200)}. Run the study again to write it anew; if"
            " `evaluate` wrote it, move it away and evaluate again. What is finished is kept."
        ) from e


def _plan(raw: Any) -> Plan:
    """Checked, since a plan may have been edited, or copied from another version.

    Raises:
        ValueError, TypeError: it is not what `save_plan` writes.
    """
    from pydantic import ValidationError, create_model

    if not isinstance(raw, dict) or not isinstance(raw.get("stages"), list):
        raise ValueError("it is no dictionary with a list of stages")
    stages = tuple(map(_stage, raw["stages"]))
    typed: Any = {k: (v, ...) for k, v in get_type_hints(Plan).items() if k != "stages"}
    shape = create_model("Plan", **typed)
    try:
        plan = Plan(stages=stages, **vars(shape.model_validate(raw)))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise ValueError(f"{where}: {first['msg']}") from None
    for cell in plan.cells:
        if cell.target not in plan.sources:
            raise ValueError(f"sources: the target {cell.target!r} is missing")
    ids = [*(cell.score_id for cell in plan.cells), *plan.baselines.values()]
    strange = [id for id in ids if not is_id(id)]
    if strange:
        raise ValueError(f"{strange[0]!r} is no id of a stage")
    keys = [cell.key for cell in plan.cells]
    if len(set(keys)) < len(keys):
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"cells: {', '.join(map(str, twice))} is there twice")
    return plan


def _stage(raw: Mapping[str, Any]) -> Stage:
    """Raises ValueError or TypeError if it is not what `save_plan` writes."""
    stage = stage_from_json(**raw)
    for need in stage.needs.values():
        if not is_id(need):
            raise ValueError(f"the stage {stage.label!r} needs {need!r}, which is no id of a stage")
    return stage


def study_directories(output: Path) -> list[Path]:
    """The directories of the studies that share a store under `output`."""
    return sorted(path.parent for path in (*output.glob(f"*/{PLAN}"), *output.glob(PLAN)))


def store_of(directory: Path) -> Path:
    """Where the store of a study's directory is, or should be."""
    inside = directory / STORE
    return inside if inside.is_dir() else directory.resolve().parent / STORE


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
    """The same stages, each still after everything that it needs, predictions over one base
    together.

    An adapter is trained over a base of its own, so what is predicted in between would load the
    base again each time. Predictions over it wait until all that starts from the same place is
    trained, and no longer: the first numbers still come after the first row of a study.

        train m>xnli · predict m>xnli · train m>udpos · predict m>udpos · train m>mnli>xnli · …
        train m>xnli · train m>udpos · predict m>xnli · predict m>udpos · train m>mnli>xnli · …

    Whole checkpoints have nothing to share: their predictions stay where they are.
    """
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
    if not isinstance(stage, TrainStage) or stage.training.adapter == "none":
        return None
    adapter = stage.needs.get("adapter") or stage.how.adapter
    return _base(stage), str(adapter), stage.seed


def _base(stage: Stage) -> str:
    return str(stage.needs.get("checkpoint") or stage.how.path)


def _waits(stage: Stage, waiting: dict[str, Stage], start: tuple[str, str, int] | None) -> bool:
    if stage.kind == "score":
        return any(need in waiting for need in stage.needs.values())
    return start is not None and _base(stage) == start[0]
