"""The executor `snakemake`: open jobs go to Snakemake 9, which runs each in its own process.

Rented, not owned: queues, retries, clusters and containers are Snakemake's (`--profile`). It never
sees a result, only markers in a folder of this run, so that a failing job deletes nothing.
"""

from __future__ import annotations

import logging
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from tempfile import mkdtemp

from t2t_xfer.errors import MissingExtraError, UserError
from t2t_xfer.study.jobs import Job, save_jobs
from t2t_xfer.study.lease import visible_gpus

log = logging.getLogger(__name__)

SNAKEFILE = Path(__file__).with_name("Snakefile")


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
    jobs: Sequence[Job],
    output: Path,
    *,
    cores: int,
    profile: str | None = None,
    retries: int = 2,
    dry_run: bool = False,
) -> int:
    """Runs the jobs; Snakemake's exit code. What became of them is in the store.

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
    save_jobs(folder, jobs)
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
