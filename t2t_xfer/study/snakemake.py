"""The executor `snakemake`: open stages go to Snakemake 9 as jobs, each a process of its own.

Rented, not owned: queues, retries, clusters and containers are Snakemake's (`--profile`). It is
given a folder with the `plan.json` of the open stages and never sees a result, only markers in that
folder, so that a failing job deletes nothing.

The rule: a training is a job of its own. All predictions of one base model, with all its adapters
and languages, and their scores are one job: a process that loads the model once (a start of torch
or vLLM costs more than most predictions). What needs no model is one job.

    jobs_of(would_run(plan, store))     # [Job("train-1", "train", …), Job("predict-2", …)]

A scheduler counts GPUs but does not say which: on a machine with several, a job takes one by a lock
(`leased_gpu`), which ends with its process.
"""

from __future__ import annotations

import logging
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import mkdtemp
from typing import Literal, TypeAlias

from t2t_xfer.errors import MissingExtraError, UserError
from t2t_xfer.files import FileLock
from t2t_xfer.stages.base import Stage, canonical_json
from t2t_xfer.stages.predict import PredictStage
from t2t_xfer.study.plan_file import Plan, save_plan

log = logging.getLogger(__name__)

SNAKEFILE = Path(__file__).with_name("Snakefile")
VISIBLE = "CUDA_VISIBLE_DEVICES"
SECONDS_BETWEEN_TRIES = 2.0

JobKind: TypeAlias = Literal["model", "train", "predict", "baseline"]


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
    if isinstance(stage, PredictStage):
        if stage.model is None:
            return "baseline", ""
        base = stage.needs.get("checkpoint") or canonical_json(stage.model)
        return "predict", f"{base} {stage.dtype} {stage.engine}"
    return ("model" if stage.kind == "model" else "train"), stage.id


def job_named(plan: Plan, name: str) -> Job:
    """One of the jobs of the open stages that a scheduler was given.

    Raises:
        UserError: there is no such job.
    """
    found = {job.name: job for job in jobs_of(plan.stages)}
    if name not in found:
        raise UserError(
            f"the plan holds no job {name!r}, only {', '.join(found) or 'none'}. Jobs are written"
            " by `t2t-xfer study run --executor snakemake`; run that again."
        )
    return found[name]


@contextmanager
def leased_gpu(folder: Path) -> Iterator[str | None]:
    """The GPU that this process may use, waited for if all are taken; None without GPUs.

    With one GPU, or where a scheduler has already chosen one, nothing is done.
    """
    devices = visible_gpus()
    if len(devices) < 2:
        yield devices[0] if devices else None
        return
    folder.mkdir(parents=True, exist_ok=True)
    device, lock = _wait(folder, devices)
    before = os.environ.get(VISIBLE)
    os.environ[VISIBLE] = device
    try:
        yield device
    finally:
        lock.give_back()
        if before is None:
            del os.environ[VISIBLE]
        else:
            os.environ[VISIBLE] = before


def visible_gpus() -> list[str]:
    """Names of the GPUs that this process may see: indices, or what `CUDA_VISIBLE_DEVICES` says.

    Asks `nvidia-smi` rather than torch, which could no longer be told which one to use.
    """
    named = os.environ.get(VISIBLE)
    if named is not None:
        return [name.strip() for name in named.split(",") if name.strip() not in ("", "-1")]
    try:
        listed = subprocess.run(
            ["nvidia-smi", "-L"], capture_output=True, text=True, check=True, timeout=30
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    lines = [line for line in listed.splitlines() if line.startswith("GPU ")]
    return [str(number) for number in range(len(lines))]


def _wait(folder: Path, devices: list[str]) -> tuple[str, FileLock]:
    told = False
    while True:
        for device in devices:
            safe = "".join(c if c.isalnum() else "-" for c in device)
            lock = FileLock(folder / f"gpu-{safe}.lock")
            if lock.take(wait=False):
                return device, lock
        if not told:
            log.warning("all %d GPUs are leased; waiting for one", len(devices))
            told = True
        time.sleep(SECONDS_BETWEEN_TRIES)


def require_snakemake() -> None:
    """Fails before anything runs.

    Raises:
        MissingExtraError: Snakemake is not installed.
    """
    if find_spec("snakemake") is None:
        raise MissingExtraError(
            "--executor snakemake needs Snakemake, which is not installed. Install it with"
            " pip install 't2t_xfer[study]', or use --executor local."
        )


def run_jobs(
    stages: Sequence[Stage],
    output: Path,
    *,
    cores: int,
    profile: str | None = None,
    retries: int = 2,
    dry_run: bool = False,
) -> int:
    """Runs open stages in jobs; Snakemake's exit code. What became of them is in the store.

    Args:
        output: the directory that holds the store.
        cores: jobs at a time on this machine; a profile may say otherwise.
        profile: Snakemake's `--profile`: a directory, or a name that it finds itself.
        retries: how often a job is tried again; training goes on from its last checkpoint.

    Raises:
        MissingExtraError: Snakemake is not installed.
        UserError: the run's folder cannot be written, or not be one of Snakemake's.
    """
    require_snakemake()
    root = (output / "store" / ".work").resolve()
    if "{" in str(root) or "}" in str(root):
        raise UserError(
            f"{root}: Snakemake takes braces in the path of its own folder for wildcards. Choose"
            " another --output, or --executor local."
        )
    try:
        root.mkdir(parents=True, exist_ok=True)
        folder = Path(mkdtemp(prefix="snakemake-", dir=root))
    except OSError as e:
        raise UserError(f"{root} cannot be written: {e.strerror}. Choose another --output.") from e
    save_plan(folder, Plan("jobs", tuple(stages)))
    command = _command(folder, output.resolve(), cores, profile, retries, dry_run)
    log.info("%s", shlex.join(command))
    try:
        code = subprocess.run(command, check=False).returncode
    except KeyboardInterrupt:  # Snakemake got it too, and has stopped its jobs
        shutil.rmtree(folder, ignore_errors=True)
        raise
    if code == 0:
        shutil.rmtree(folder, ignore_errors=True)
    else:
        log.warning("the logs of this run's jobs are in %s", folder)
    return code


def _command(
    folder: Path, output: Path, cores: int, profile: str | None, retries: int, dry_run: bool
) -> list[str]:
    settings = {
        "folder": str(folder),
        "output": str(output),
        "cwd": str(Path.cwd()),
        "command": shlex.join([sys.executable, "-m", "t2t_xfer"]),
    }
    gpus = len(visible_gpus())
    return [
        *(sys.executable, "-m", "snakemake"),
        *("--snakefile", str(SNAKEFILE)),
        *("--directory", str(folder)),
        *("--cores", str(cores)),
        *("--retries", str(retries)),
        *("--rerun-triggers", "input"),
        *(["--dry-run"] if dry_run else ["--quiet", "rules", "host", "reason"]),
        # On one machine a job with `gpu=1` waits for a free one; without GPUs it need not.
        *(["--profile", profile] if profile else ["--resources", f"gpu={gpus or cores}"]),
        *("--keep-going", "--rerun-incomplete", "--nocolor"),
        "--config",
        *(f"{key}={value}" for key, value in settings.items()),
    ]
