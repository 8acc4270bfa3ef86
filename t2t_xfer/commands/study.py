"""`t2t-xfer study` and `report`: a grid of models, intermediate tasks and targets from one file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from t2t_xfer.commands import options
from t2t_xfer.errors import UserError

if TYPE_CHECKING:
    from t2t_xfer.stages.context import Context
    from t2t_xfer.study.plan import Planned

SYNTHETIC = (
    "synthetic: the data is the embedded microworld, a generated test bed. These numbers are no"
    " evidence about natural languages."
)


@click.group()
def study() -> None:
    """Plan and run studies."""


@study.command("plan")
@click.argument("file")
@options.data
@options.skip_missing
@options.output
@options.as_json
def plan_command(file: str, data: str, skip_missing: bool, output: Path, as_json: bool) -> None:
    """Show what a study would run, without running it."""
    from tabulate import tabulate

    from t2t_xfer.study.run import would_run
    from t2t_xfer.study.store import Store

    planned, _ = _plan(file, data, skip_missing)
    open_stages = would_run(planned.plan, Store(output / options.STORE))
    counts: dict[str, int] = {}
    for stage in planned.plan.stages:
        counts[stage.kind] = counts.get(stage.kind, 0) + 1
    if as_json:
        summary = {"stages": counts, "naive": planned.naive, "would_run": len(open_stages)}
        click.echo(json.dumps(summary))
        return
    rows = [
        [kind, planned.naive[kind], n, sum(s.kind == kind for s in open_stages)]
        for kind, n in counts.items()
    ]
    click.echo(tabulate(rows, ["kind", "without sharing", "stages", "would run"]))
    for line in planned.plan.absent:
        click.echo(f"left out: {line}")
    click.echo(f"{len(planned.plan.cells)} cells")


@study.command("run")
@click.argument("file")
@options.data
@options.skip_missing
@options.output
def run_command(file: str, data: str, skip_missing: bool, output: Path) -> None:
    """Run what is not done yet, and write cells.csv and report.md."""
    raise SystemExit(run_study(file, data, skip_missing, output))


@click.command()
@click.argument("directory", type=click.Path(path_type=Path))
def report(directory: Path) -> None:
    """Write cells.csv and report.md again from what is in the store."""
    from t2t_xfer.study.results import load_study, write_results
    from t2t_xfer.study.store import Store

    file = load_study(directory)
    root = directory.resolve().parent / options.STORE
    if not root.is_dir():
        raise UserError(
            f"the store {root} is not there, so there is nothing to report. A study's directory"
            " stays beside the store that its numbers come from."
        )
    _, path = write_results(directory, file, Store(root))
    click.echo(path)


@click.command()
@options.output
def quickstart(output: Path) -> None:
    """Run a small study offline: three architectures on the embedded, synthetic microworld."""
    raise SystemExit(run_study("quickstart", "microworld", False, output))


def run_study(file: str, data: str, skip_missing: bool, output: Path) -> int:
    """Runs a study to its report; the exit code is 0, or 1 if stages failed."""
    options.quiet_libraries()
    from t2t_xfer.report.markdown import render_summary
    from t2t_xfer.stages.preflight import preflight
    from t2t_xfer.stages.run import StageRunner
    from t2t_xfer.study.results import save_study, study_file, write_results
    from t2t_xfer.study.run import run_plan, would_run
    from t2t_xfer.study.store import Store

    planned, context = _plan(file, data, skip_missing)
    plan = planned.plan
    if plan.study == options.STORE:
        raise UserError(
            f"a study cannot be called {options.STORE!r}: its results would lie in the store."
        )
    store = Store(output / options.STORE)
    preflight(would_run(plan, store), context)
    sources = {cell.target: context.task(cell.target).spec.source_language for cell in plan.cells}
    notes = [SYNTHETIC] if data == "microworld" else []
    for note in notes:
        click.echo(note)
    directory = output / plan.study
    kept = study_file(plan, planned.baselines, sources, notes)
    save_study(directory, kept)
    summary = run_plan(plan, store, StageRunner(context), say=click.echo)
    rows, path = write_results(directory, kept, store)
    click.echo(render_summary(rows))
    for stage_id in summary.failed:
        click.echo(f"failed: {stage_id}, log: {summary.logs.get(stage_id, 'none')}", err=True)
    click.echo(
        f"{len(summary.ran)} stages run, {len(summary.reused)} reused, {len(summary.failed)}"
        f" failed, {len(summary.blocked)} blocked"
    )
    click.echo(f"report: {path}")
    return 1 if summary.failed or summary.blocked else 0


def _plan(file: str, data: str, skip_missing: bool) -> tuple[Planned, Context]:
    from t2t_xfer.specs.catalogue import Catalogue
    from t2t_xfer.stages.context import Context
    from t2t_xfer.study.plan import plan_study

    catalogue = Catalogue()
    context = Context(catalogue, data)
    return plan_study(catalogue.study(file), context, skip_missing=skip_missing), context
