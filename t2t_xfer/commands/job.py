"""`t2t-xfer study job`: what a scheduler starts. It does the stages of one job in this process."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

from t2t_xfer.commands import options
from t2t_xfer.progress import quiet_libraries
from t2t_xfer.terminal import echo

if TYPE_CHECKING:
    from t2t_xfer.study.stage import Stage
    from t2t_xfer.study.store import Store


@click.command(hidden=True)
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("name")
@options.output
def job(folder: Path, name: str, output: Path) -> None:
    """Do the stages of job NAME of FOLDER/jobs.json that are not done yet."""
    quiet_libraries()
    from t2t_xfer.study.snakemake import JOBS, leased_gpu, load_job
    from t2t_xfer.study.store import Store

    work = load_job(folder, name)
    store = Store(output / options.STORE)
    began = (folder / JOBS).stat().st_mtime
    for stage in work.stages:
        log = store.log_path(stage)
        if log.is_file() and log.stat().st_mtime >= began:
            # A scheduler tries failed jobs again, because a killed one can go on. This one was
            # not killed: it would fail in the same way.
            echo(f"{stage.id} has failed in this run: {log}", err=True)
            raise SystemExit(1)
    lease = leased_gpu(store.root / ".work") if work.kind in ("train", "predict") else nullcontext()
    with lease:
        code = _do(work.name, work.stages, store)
    raise SystemExit(code)


def _do(name: str, stages: tuple[Stage, ...], store: Store) -> int:
    from t2t_xfer.specs.catalogue import Catalogue
    from t2t_xfer.stages.context import Context
    from t2t_xfer.stages.run import StageRunner
    from t2t_xfer.study.plan_file import Plan
    from t2t_xfer.study.run import run_plan

    context = Context(Catalogue(), str(stages[0].how["data"]))
    plan = Plan(name, stages, ())
    summary = run_plan(plan, store, StageRunner(context), say=echo)
    return 1 if summary.failed or summary.blocked else 0
