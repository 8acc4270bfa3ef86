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
    from t2t_xfer.stages.base import Stage
    from t2t_xfer.study.store import Store


@click.command(hidden=True)
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("name", required=False)
@options.output
def job(folder: Path, name: str | None, output: Path) -> None:
    """Do the stages of job NAME, or all, of FOLDER/plan.json that are not done yet."""
    quiet_libraries()
    from t2t_xfer.study.plan_file import PLAN, load_plan
    from t2t_xfer.study.snakemake import job_named, leased_gpu
    from t2t_xfer.study.store import Store

    plan = load_plan(folder)
    work = None if name is None else job_named(plan, name)
    stages = plan.stages if work is None else work.stages
    store = Store(output / options.STORE)
    began = (folder / PLAN).stat().st_mtime
    for stage in stages:
        log = store.log_path(stage)
        if log.is_file() and log.stat().st_mtime >= began:
            # A scheduler tries failed jobs again, because a killed one can go on. This one was
            # not killed: it would fail in the same way.
            echo(f"{stage.id} has failed in this run: {log}", err=True)
            raise SystemExit(1)
    needs_gpu = work is not None and work.kind in ("train", "predict")
    lease = leased_gpu(store.root / ".work") if needs_gpu else nullcontext()
    with lease:
        code = _do(stages, store)
    raise SystemExit(code)


def _do(stages: tuple[Stage, ...], store: Store) -> int:
    from t2t_xfer.specs.catalogue import Catalogue
    from t2t_xfer.stages.context import Context
    from t2t_xfer.stages.run import StageRunner
    from t2t_xfer.study.plan_file import Plan
    from t2t_xfer.study.run import run_plan

    context = Context(Catalogue(), stages[0].how.data)
    summary = run_plan(Plan("job", stages), store, StageRunner(context), say=echo)
    return 1 if summary.failed or summary.blocked else 0
