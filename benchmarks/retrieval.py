"""Exact nearest neighbours both ways: this package's blocked search beside faiss's exact index.

    python benchmarks/retrieval.py                              # 20,000 x 20,000, three rounds
    python benchmarks/retrieval.py --rows 200000 --rounds 1 --budget-mib 1024 --runs mine faiss

faiss searches each direction on its own (`IndexFlatIP` over unit vectors), as every user of it
does; ours makes each product once. Rounds are interleaved, so that other work on the machine hits
both. Without faiss (`pip install -e '.[bench]'`) only ours is measured. Vectors are made up, a
tenth of them as pairs. Seconds of all cores together (CPU) say more than those of the clock where
the machine has other work. Memory is the growth of the resident set over what it was with the
vectors loaded, at its peak (Linux only). Prints Markdown.
"""

from __future__ import annotations

import argparse
import platform
import re
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from t2t_xfer.retrieval import mine, nearest_both


class Measured(NamedTuple):
    """One run."""

    seconds: float
    cpu_seconds: float
    mib: float | None
    """Growth of memory at its peak."""
    answer: Any


def main() -> None:
    """Measures and prints."""
    options = _options()
    torch.set_num_threads(options.threads)
    left, right = _vectors(options.rows, options.hidden, options.neighbours)
    budget = options.budget_mib * 2**20
    k = options.neighbours
    faiss = _faiss(options.threads)
    runs: dict[str, Callable[[], Any]] = {
        "ours": lambda: nearest_both(left, right, k, budget),
        "mine": lambda: mine(left, right, k, budget),
        "faiss": lambda: _search_faiss(faiss, left, right, k),
    }
    names = [name for name in options.runs if name != "faiss" or faiss is not None]
    found: dict[str, list[Measured]] = {name: [] for name in names}
    for number in range(options.rounds + options.warm_up):
        for name in names:
            measured = _measure(runs[name])
            took = f"{measured.seconds:.1f} s, CPU {measured.cpu_seconds:.1f} s"
            print(f"{name}: {took}, {measured.mib} MiB", file=sys.stderr, flush=True)
            if number >= options.warm_up:  # the first use of a library is slower
                found[name].append(measured)
    versions = f"torch {torch.__version__}" + (f", faiss {faiss.__version__}" if faiss else "")
    print(
        f"{options.rows:,} x {options.rows:,}, {options.hidden} dimensions, k = {k},"
        f" {options.threads} threads, budget {options.budget_mib} MiB, median of {options.rounds};"
        f" {_machine()}; {versions}"
    )
    _print_table(found)
    if faiss is None:
        print("\nfaiss is not installed: pip install -e '.[bench]'")
    if "ours" in found and "faiss" in found:
        print(f"\nsame neighbours in the same order: {_agreement(found):.6f} of all")
    if "mine" in found:
        print(f"\nmined {len(found['mine'][0].answer.left):,} pairs")


def _print_table(found: dict[str, list[Measured]]) -> None:
    head = ["", "seconds", "/ faiss", "CPU seconds", "/ faiss", "memory beside the vectors, MiB"]
    print(f"\n| {' | '.join(head)} |\n|{'---|' * len(head)}")
    for name, runs in found.items():
        cells = [name]
        for key in ("seconds", "cpu_seconds"):
            medians = {
                each: statistics.median(getattr(run, key) for run in all_runs)
                for each, all_runs in found.items()
            }
            ratio = f"{medians[name] / medians['faiss']:.2f}" if "faiss" in medians else ""
            cells += [f"{medians[name]:.1f}", ratio]
        peaks = [run.mib for run in runs if run.mib is not None]
        print(f"| {' | '.join([*cells, f'{max(peaks):.0f}' if peaks else ''])} |")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, default in (("rows", 20_000), ("hidden", 256), ("neighbours", 4), ("rounds", 3)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--budget-mib", type=int, default=256)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--warm-up", type=int, default=0, help="rounds that do not count")
    parser.add_argument(
        "--runs", nargs="+", choices=["ours", "mine", "faiss"], default=["ours", "faiss"]
    )
    return parser.parse_args()


def _vectors(rows: int, hidden: int, seed: int) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    left = rng.standard_normal((rows, hidden), dtype=np.float32)
    right = rng.standard_normal((rows, hidden), dtype=np.float32)
    pairs = rows // 10
    right[:pairs] = left[:pairs] + 0.5 * right[:pairs]
    return left, right


def _faiss(threads: int) -> Any:
    try:
        import faiss
    except ImportError:
        return None
    faiss.omp_set_num_threads(threads)
    return faiss


def _search_faiss(faiss: Any, left: Any, right: Any, k: int) -> tuple[Any, Any]:
    def search(queries: Any, pool: Any) -> Any:
        index = faiss.IndexFlatIP(pool.shape[1])
        index.add(pool)
        return index.search(queries, k)[1]

    ours, theirs = left.copy(), right.copy()
    faiss.normalize_L2(ours)
    faiss.normalize_L2(theirs)
    return search(ours, theirs), search(theirs, ours)


def _measure(run: Callable[[], Any]) -> Measured:
    before = _restart_peak()
    start, cpu_start = time.perf_counter(), time.process_time()
    answer = run()
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu_start
    return Measured(
        seconds, cpu_seconds, None if before is None else _status("VmHWM") - before, answer
    )


def _restart_peak() -> float | None:
    """Memory now, in MiB; the peak counts from here. None where that cannot be known."""
    clear = Path("/proc/self/clear_refs")
    if not clear.exists():
        return None
    clear.write_text("5")
    return _status("VmRSS")


def _status(key: str) -> float:
    found = re.search(rf"{key}:\s+(\d+)", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) / 1024


def _agreement(found: dict[str, list[Measured]]) -> float:
    ours, theirs = found["ours"][0].answer, found["faiss"][0].answer
    return float(np.mean([(a.indices == b).mean() for a, b in zip(ours, theirs, strict=True)]))


def _machine() -> str:
    names = re.findall(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    return names[0] if names else platform.processor()


if __name__ == "__main__":
    main()
