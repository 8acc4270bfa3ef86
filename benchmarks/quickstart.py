"""Time and memory of `t2t-xfer quickstart` on this machine, its second process included.

Peaks are sampled every 0.2 s. Seconds of processors do not depend on other work on the machine,
seconds of the clock do: divide the former by the cores to see what an idle machine would take.

    python benchmarks/quickstart.py                    # some minutes
    python benchmarks/quickstart.py --budget full
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parent.parent
SECONDS_BETWEEN_SAMPLES = 0.2
MIB = 2**20


def measured(command: list[str]) -> tuple[int, float, Counter[str]]:
    """Exit code, seconds, and the peaks in bytes: of all processes together and of one."""
    peaks: Counter[str] = Counter()
    started = time.monotonic()
    environment = {**os.environ}
    process = subprocess.Popen(command, cwd=ROOT, env=environment)
    while process.poll() is None:
        sizes = []
        with suppress(psutil.Error):
            parent = psutil.Process(process.pid)
            sizes = [each.memory_info().rss for each in (parent, *parent.children(recursive=True))]
        peaks["together"] = max(peaks["together"], sum(sizes))
        peaks["largest"] = max([peaks["largest"], *sizes])
        time.sleep(SECONDS_BETWEEN_SAMPLES)
    return process.returncode, time.monotonic() - started, peaks


def main() -> int:
    """Runs the quickstart in an empty folder and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--budget", default="quick")
    budget = parser.parse_args().budget
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "t2t_xfer", "quickstart", "--budget", budget]
        code, seconds, peaks = measured([*command, "--output", folder])
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"\nquickstart --budget {budget} on {psutil.cpu_count()} cores, exit code {code}")
    print(f"  {seconds:8.0f} s on the clock")
    print(f"  {used.ru_utime + used.ru_stime:8.0f} s of processors")
    print(f"  {peaks['together'] / MIB:8.0f} MiB at most, all processes together")
    print(f"  {peaks['largest'] / MIB:8.0f} MiB at most, the largest process")
    return code


if __name__ == "__main__":
    sys.exit(main())
