"""Exact nearest neighbours both ways: this package's blocked search beside faiss's exact index.

    python benchmarks/retrieval.py                              # 20,000 x 20,000, three rounds
    python benchmarks/retrieval.py --rows 200000 --rounds 1 --budget-mib 1024 --mine

faiss searches each direction on its own (`IndexFlatIP` over unit vectors), as every user of it
does; ours makes each product once. Rounds are interleaved, so that other work on the machine hits
both. Without faiss (`pip install -e '.[bench]'`) only ours is measured. Vectors are made up, a
tenth of them as pairs; a search takes the same time whatever they are. Memory is the growth of the
resident set over what it was with the vectors loaded, at its peak (Linux only). Prints Markdown.
"""

from __future__ import annotations

import argparse
import platform
import re
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from t2t_xfer.retrieval.mine import mine
from t2t_xfer.retrieval.search import nearest_both


class Measured(NamedTuple):
    """One run."""

    seconds: float
    mib: float | None
    """Growth of memory at its peak."""
    answer: Any


def main() -> None:
    """Measures and prints."""
    options = _options()
    torch.set_num_threads(options.threads)
    left, right = _vectors(options.rows, options.hidden, options.neighbours)
    budget = options.budget_mib * 2**20
    runs: dict[str, Callable[[], Any]] = {
        "ours": lambda: nearest_both(left, right, options.neighbours, budget)
    }
    faiss = _faiss(options.threads)
    if faiss is not None and not options.no_faiss:
        runs["faiss"] = lambda: _search_faiss(faiss, left, right, options.neighbours)
    if options.mine:
        runs["mine"] = lambda: mine(left, right, options.neighbours, budget)
    for run in runs.values():
        run() if options.rows <= 20_000 else None  # first use of libraries
    found: dict[str, list[Measured]] = {name: [] for name in runs}
    for _ in range(options.rounds):
        for name, run in runs.items():
            found[name].append(_measure(run))
    print(
        f"{options.rows:,} x {options.rows:,}, {options.hidden} dimensions, k = "
        f"{options.neighbours}, {options.threads} threads, budget {options.budget_mib} MiB,"
        f" median of {options.rounds}; {_machine()}; torch {torch.__version__}"
        + (f", faiss {faiss.__version__}" if "faiss" in runs else "")
    )
    print("\n| | seconds | memory beside the vectors, MiB |\n|---|---|---|")
    medians = {}
    for name, all_runs in found.items():
        medians[name] = statistics.median(run.seconds for run in all_runs)
        peaks = [run.mib for run in all_runs if run.mib is not None]
        print(f"| {name} | {medians[name]:.1f} | {max(peaks):.0f} |" if peaks else "")
    if "faiss" in runs:
        print(f"\nours / faiss: {medians['ours'] / medians['faiss']:.2f}")
        print(f"same neighbours: {_agreement(found):.6f} of all")
    else:
        print("\nfaiss is not installed, or was left out: pip install -e '.[bench]'")
    if options.mine:
        print(f"mined {len(found['mine'][0].answer.left):,} pairs")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, default in (("rows", 20_000), ("hidden", 256), ("neighbours", 4), ("rounds", 3)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--budget-mib", type=int, default=256)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--mine", action="store_true", help="measure margin mining, too")
    parser.add_argument("--no-faiss", action="store_true")
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
    start = time.perf_counter()
    answer = run()
    seconds = time.perf_counter() - start
    return Measured(seconds, None if before is None else _status("VmHWM") - before, answer)


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
