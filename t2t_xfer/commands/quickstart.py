"""`t2t-xfer quickstart`: the whole way from rows to report, offline, on synthetic data.

Micro models are too small to gain from threads, so a machine with two cores is used by two
processes instead: this one, which reports, and a silent one that does the same study from its other
end. A store is safe for both, and each finds done what the other has finished.
"""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from t2t_xfer.commands import options

if TYPE_CHECKING:
    from t2t_xfer.study.stage import Stage

DATA = "microworld"
STUDIES = {"quick": "quickstart", "full": "quickstart_full"}
"""The files in `studies/`, where every setting stands."""


@click.command()
@click.option(
    "--budget",
    type=click.Choice([*STUDIES]),
    default="quick",
    show_default=True,
    help="quick: minutes on two cores. full: hours, with more tasks and three seeds.",
)
@options.output
def quickstart(budget: Literal["quick", "full"], output: Path) -> None:
    """Run a small study offline: three architectures on the embedded, synthetic microworld."""
    from t2t_xfer.commands.study import run_study

    os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported
    name = STUDIES[budget]
    with _second_process(_from_the_other_end(name, output), output):
        code = run_study(name, DATA, False, output)
    raise SystemExit(code)


def _from_the_other_end(name: str, output: Path) -> list[Stage]:
    """What is left to do of the study, its last model, intermediate and target first."""
    from t2t_xfer.specs.catalogue import Catalogue
    from t2t_xfer.stages.context import Context
    from t2t_xfer.study.plan import plan_study
    from t2t_xfer.study.run import would_run
    from t2t_xfer.study.store import Store

    catalogue = Catalogue()
    study = catalogue.study(name)
    axes = ("models", "seeds", "intermediates", "targets")
    reversed_study = study.model_copy(update={axis: getattr(study, axis)[::-1] for axis in axes})
    planned = plan_study(reversed_study, Context(catalogue, DATA))
    return would_run(planned, Store(output / options.STORE))


@contextmanager
def _second_process(stages: list[Stage], output: Path) -> Iterator[None]:
    """Another process does these stages meanwhile, if there is a core for it.

    What becomes of it does not matter: what it leaves undone is done here.
    """
    if not stages or _num_cores() < 2:
        yield
        return
    from t2t_xfer.study.snakemake import Job, save_jobs

    folder = (output / options.STORE / ".work" / f"quickstart-{os.getpid()}").resolve()
    save_jobs(folder, [Job("second", "model", tuple(stages), ())])
    command = [sys.executable, "-m", "t2t_xfer", "study", "job", str(folder), "second"]
    process = subprocess.Popen(
        [*command, "--output", str(output.resolve())],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    store_log = logging.getLogger("t2t_xfer.study.store")
    store_log.addFilter(_is_news)
    try:
        yield
    finally:
        store_log.removeFilter(_is_news)
        process.terminate()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _is_news(record: logging.LogRecord) -> bool:
    """That another process does a stage is no news here: it was started for that."""
    return "another process is doing this stage" not in record.getMessage()


def _num_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
