"""From the open stages of a plan to jobs: what one process of a scheduler does.

The rule: a training is a job of its own. All predictions of one base model, with all its adapters
and languages, and their scores are one job: a process that loads the model once (a start of
torch or vLLM costs more than most predictions). What needs no model is one job.

    jobs_of(would_run(plan, store))     # [Job("train-1", "train", …), Job("predict-2", …)]
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from t2t_xfer.errors import UserError
from t2t_xfer.files import write_text
from t2t_xfer.study.stage import Stage, canonical_json, plain_json

JobKind: TypeAlias = Literal["model", "train", "predict", "baseline"]
JOBS = "jobs.json"


@dataclass(frozen=True)
class Job:
    """The stages that one process does, in their order."""

    name: str
    """`train-17`: a file name, and the name of its log."""
    kind: JobKind
    stages: tuple[Stage, ...]
    after: tuple[str, ...]
    """The jobs that make what this one needs."""


def jobs_of(open_stages: Sequence[Stage]) -> list[Job]:
    """Every open stage in exactly one job; jobs in an order in which they can be done."""
    by_id = {stage.id: stage for stage in open_stages}
    groups: dict[tuple[JobKind, str], list[Stage]] = {}
    for stage in open_stages:
        groups.setdefault(_group(stage, by_id), []).append(stage)
    names: dict[str, str] = {}
    for number, ((kind, _), stages) in enumerate(groups.items(), start=1):
        names |= {stage.id: f"{kind}-{number}" for stage in stages}
    jobs = []
    for (kind, _), stages in groups.items():
        name = names[stages[0].id]
        needed = (names.get(need) for stage in stages for need in stage.needs.values())
        after = sorted({other for other in needed if other is not None} - {name})
        jobs.append(Job(name, kind, tuple(stages), tuple(after)))
    return jobs


def _group(stage: Stage, by_id: Mapping[str, Stage]) -> tuple[JobKind, str]:
    """What the stages of a job have in common."""
    if stage.kind == "score":
        predicted = by_id.get(stage.needs["predictions"])
        # Predictions that exist already need no model to be scored.
        return ("baseline", "") if predicted is None else _group(predicted, by_id)
    if stage.kind == "predict":
        if stage.spec["engine"] in ("oracle", "majority"):
            return "baseline", ""
        base = stage.needs.get("checkpoint") or canonical_json(stage.spec["model"])
        return "predict", f"{base} {stage.spec['dtype']} {stage.spec['engine']}"
    return ("model" if stage.kind == "model" else "train"), stage.id


def save_jobs(folder: Path, jobs: Sequence[Job]) -> None:
    """Writes `jobs.json`: name to kind, stages and the jobs before it.

    Raises:
        UserError: the folder cannot be written.
    """
    body = {job.name: plain_json(asdict(job)) for job in jobs}
    write_text(folder / JOBS, json.dumps(body, ensure_ascii=False) + "\n")


def load_job(folder: Path, name: str) -> Job:
    """One job of `jobs.json`.

    Raises:
        UserError: there is no such file or job.
    """
    try:
        body = json.loads((folder / JOBS).read_text(encoding="utf-8"))[name]
        stages = tuple(Stage(**stage) for stage in body.pop("stages"))
        return Job(stages=stages, **{**body, "after": tuple(body["after"])})
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as e:
        raise UserError(
            f"{folder / JOBS} holds no job {name!r} ({type(e).__name__}: {e}). Jobs are written by"
            " `t2t-xfer study run --executor snakemake`; run that again."
        ) from e
