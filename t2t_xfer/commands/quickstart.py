"""`t2t-xfer quickstart`: the whole way from rows to report, offline, on synthetic data.

Micro models are too small to gain from threads, so a machine with two cores is used by two
processes instead (`study/second.py`).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

import click

from t2t_xfer.commands import options

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
    raise SystemExit(run_study(STUDIES[budget], DATA, False, output, helped=_num_cores() > 1))


def _num_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
