"""`t2t-xfer study`: a grid of models, intermediate tasks and targets from one file."""

from __future__ import annotations

import json
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import click

from t2t_xfer import processes
from t2t_xfer.commands import options
from t2t_xfer.errors import UserError
from t2t_xfer.progress import quiet_libraries
from t2t_xfer.terminal import echo

if TYPE_CHECKING:
    from t2t_xfer.stages.base import Stage
    from t2t_xfer.stages.context import Context
    from t2t_xfer.study.plan_file import Plan
    from t2t_xfer.study.run import Summary
    from t2t_xfer.study.store import Store

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
@click.option("--why", is_flag=True, help="Say of each stage that would run why it is not done.")
@click.option(
    "--graph",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Draw what is trained from what, and tested on it, into this Markdown file (Mermaid).",
)
@options.as_json
def plan_command(
    file: str,
    data: str,
    skip_missing: bool,
    output: Path,
    why: bool,
    graph: Path | None,
    as_json: bool,
) -> None:
    """Show what a study would run, without running it."""
    from tabulate import tabulate

    from t2t_xfer.files import write_text
    from t2t_xfer.report.drawing import drawing
    from t2t_xfer.stages.preflight import Models
    from t2t_xfer.study.run import would_run
    from t2t_xfer.study.status import outlook, reasons
    from t2t_xfer.study.store import Store

    plan, context = _plan(file, data, skip_missing)
    store = Store(output / options.STORE)
    open_stages = would_run(plan, store)
    Models(open_stages, context, plan.stages).check_words()
    if graph is not None:
        open_ids = {stage.id for stage in open_stages}
        done = {stage.id for stage in plan.stages} - open_ids
        write_text(graph, drawing(plan.stages, done))
        echo(f"drawn: {graph}", err=True)
    counts: dict[str, int] = {}
    for stage in plan.stages:
        counts[stage.kind] = counts.get(stage.kind, 0) + 1
    if as_json:
        summary = {"stages": counts, "naive": plan.naive, "would_run": len(open_stages)}
        echo(json.dumps(summary))
        return
    rows = [
        [kind, plan.naive[kind], n, sum(s.kind == kind for s in open_stages)]
        for kind, n in counts.items()
    ]
    echo(tabulate(rows, ["kind", "without sharing", "stages", "would run"]))
    for line in plan.notes:
        echo(line)
    for line in plan.absent:
        echo(f"left out: {line}")
    echo(f"{len(plan.cells)} cells")
    echo(outlook(open_stages, store).in_words())
    if why:
        for stage_id, reason in reasons(open_stages, store.records()).items():
            echo(f"{stage_id}: {reason}")


@study.command()
@click.argument("directory", type=click.Path(path_type=Path))
@options.as_json
def status(directory: Path, as_json: bool) -> None:
    """Show how far a study is, also while it runs: DIRECTORY is its own under the output."""
    from t2t_xfer.study.plan_file import load_plan
    from t2t_xfer.study.status import study_status
    from t2t_xfer.study.store import Store

    stages = load_plan(directory).stages
    found = study_status(stages, Store(directory.resolve().parent / options.STORE))
    if as_json:
        left = found.seconds_left
        echo(json.dumps({"stages": found.counts, "seconds_left": left}))
        return
    echo(found.in_words())


@study.command("run")
@click.argument("file")
@options.data
@options.skip_missing
@options.output
@click.option(
    "--executor",
    type=click.Choice(["local", "snakemake"]),
    default="local",
    show_default=True,
    help="local: one process, models stay warm. snakemake: a process for each job.",
)
@click.option("--profile", default=None, help="Snakemake's, for a cluster: docs/cluster.md.")
@click.option(
    "--jobs",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="At a time (snakemake).",
)
@click.option("--dry-run", is_flag=True, help="Only let Snakemake show its jobs.")
def run_command(
    file: str,
    data: str,
    skip_missing: bool,
    output: Path,
    executor: Literal["local", "snakemake"],
    profile: str | None,
    jobs: int,
    dry_run: bool,
) -> None:
    """Run what is not done yet, and write report.html, report.md and cells.csv."""
    if executor == "local" and (profile or dry_run or jobs > 1):
        raise UserError("--profile, --jobs and --dry-run need --executor snakemake.")
    rented = Rented(jobs, profile, dry_run) if executor == "snakemake" else None
    raise SystemExit(run_study(file, data, skip_missing, output, rented))


class Rented(NamedTuple):
    """How Snakemake is to run a study."""

    jobs: int
    profile: str | None
    dry_run: bool


def run_study(
    file: str,
    data: str,
    skip_missing: bool,
    output: Path,
    rented: Rented | None = None,
    *,
    helped: bool = False,
) -> int:
    """Runs a study to its report; the exit code is 0, or 1 if stages failed.

    Args:
        helped: a second process does the same stages from the other end.
    """
    quiet_libraries()
    from t2t_xfer.report.browser import Inputs
    from t2t_xfer.report.written import write_results
    from t2t_xfer.stages.preflight import preflight
    from t2t_xfer.study.plan_file import save_plan
    from t2t_xfer.study.results import Results
    from t2t_xfer.study.run import would_run
    from t2t_xfer.study.second import second_process
    from t2t_xfer.study.snakemake import require_snakemake
    from t2t_xfer.study.store import Store

    if rented is not None:
        require_snakemake()
    plan, context = _plan(file, data, skip_missing)
    if plan.study == options.STORE:
        raise UserError(
            f"a study cannot be called {options.STORE!r}: its results would lie in the store."
        )
    store = Store(output / options.STORE, helped=helped)
    preflight(would_run(plan, store), context, plan.stages)
    plan = replace(plan, notes=(*([SYNTHETIC] if plan.synthetic else []), *plan.notes))
    for note in plan.notes:
        echo(note)
    directory = output / plan.study
    save_plan(directory, plan)
    if rented is None:
        with second_process(plan, store) if helped else nullcontext():
            summary = _run_here(plan, store, context)
    else:
        summary = _run_rented(plan, store, output, rented)
        if rented.dry_run:
            return 0
    inputs = Inputs(context.catalogue, context)
    written = write_results(directory, Results(plan, store), inputs=inputs)
    echo(written.summary)
    for note in plan.notes:  # once more at the end, where a reader of a long output is
        echo(note)
    for stage_id in summary.failed:
        echo(f"failed: {stage_id}, log: {summary.logs.get(stage_id, 'none')}", err=True)
    for stage_id in summary.blocked:
        echo(f"blocked: {stage_id}", err=True)
    echo(
        f"{len(summary.ran)} stages run, {len(summary.reused)} reused, {len(summary.failed)}"
        f" failed, {len(summary.blocked)} blocked"
    )
    echo(f"report: {written.report}")
    return 1 if summary.failed or summary.blocked else 0


def _run_here(plan: Plan, store: Store, context: Context) -> Summary:
    from t2t_xfer.stages.run import StageRunner
    from t2t_xfer.study.run import run_plan

    processes.check_single(
        "t2t-xfer study run",
        "Run what needs several devices as `accelerate launch -m t2t_xfer train …` with the same"
        " --output first, and the study takes it over; or run several stages at once with"
        " --executor snakemake (docs/devices.md).",
    )
    return run_plan(plan, store, StageRunner(context), say=echo)


def _run_rented(plan: Plan, store: Store, output: Path, rented: Rented) -> Summary:
    from t2t_xfer.study.run import would_run
    from t2t_xfer.study.snakemake import jobs_of, run_jobs
    from t2t_xfer.study.status import summary_since

    open_stages = would_run(plan, store)
    if open_stages:
        echo(f"{len(open_stages)} stages in {len(jobs_of(open_stages))} jobs")
        run_jobs(
            open_stages, output, cores=rented.jobs, profile=rented.profile, dry_run=rented.dry_run
        )
    return summary_since(plan.stages, open_stages, store)


def _plan(file: str, data: str, skip_missing: bool) -> tuple[Plan, Context]:
    from t2t_xfer.specs.catalogue import Catalogue
    from t2t_xfer.stages.context import Context
    from t2t_xfer.study.plan import plan_study

    catalogue = Catalogue()
    context = Context(catalogue, data)
    return plan_study(catalogue.study(file), context, skip_missing=skip_missing), context


@study.command(hidden=True)
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
