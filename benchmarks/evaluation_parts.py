"""Tables of `evaluation.py`: medians, ratios to ours, and what differs."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any

Runs = dict[str, list[dict[str, Any]]]
_COLUMNS = (("seconds", 1.0), ("cpu_seconds", 1.0), ("logits_bytes", 2**20), ("peak_bytes", 2**20))
_HEADS = ("seconds", "CPU seconds", "logits MiB", "peak MiB")


def middle(runs: Sequence[dict[str, Any]], key: str) -> float:
    """The median of one figure."""
    return float(median(run[key] for run in runs))


def table(runs: Runs) -> str:
    """Medians, and how many times as much as ours they are."""
    head = ["", *(cell for name in _HEADS for cell in (name, "/ ours"))]
    lines = ["| " + " | ".join(head) + " |", "|---|" + "---|" * (len(head) - 1)]
    for side, found in runs.items():
        cells = [side]
        for key, unit in _COLUMNS:
            value = middle(found, key)
            cells += [f"{value / unit:.2f}", f"{value / middle(runs['ours'], key):.2f}"]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def agreement(ours: Sequence[Sequence[float]], theirs: Sequence[Sequence[float]]) -> str:
    """The share of equal predictions, the largest difference of a score, and what differs."""
    best = [_best(scores) for scores in ours]
    other = [_best(scores) for scores in theirs]
    differ = [i for i, (a, b) in enumerate(zip(best, other, strict=True)) if a != b]
    largest = max(
        abs(x - y) for a, b in zip(ours, theirs, strict=True) for x, y in zip(a, b, strict=True)
    )
    lines = [
        f"same predictions: {1 - len(differ) / len(best):.2%} of {len(best)} items,"
        f" {len(set(best))} different ones; largest difference of a score {largest:.1e}"
    ]
    lines += [f"  item {i}: {ours[i]} and {theirs[i]}" for i in differ[:10]]
    return "\n".join(lines)


def _best(scores: Sequence[float]) -> int:
    return max(range(len(scores)), key=scores.__getitem__)


def bound(counted: dict[str, float], runs: Runs) -> str:
    """What the ratio of times is beside the ratio of FLOPs."""
    line = f"FLOPs candidate by candidate / at least: {counted['bound']:.2f}"
    if "lm-eval" in runs:
        ratio = middle(runs["lm-eval"], "seconds") / middle(runs["ours"], "seconds")
        line += f"; times {ratio:.2f}, {ratio / counted['bound']:.2f} of it"
    rate = counted["flops_least"] * len(runs["ours"][0]["scores"])
    return f"{line}; ours {rate / middle(runs['ours'], 'seconds') / 1e9:.0f} useful GFLOPs a second"


def by_case(found: dict[str, Runs]) -> str:
    """Seconds of several cases, one a line."""
    lines = ["", "| case | ours | lm-eval | / ours |", "|---|---|---|---|"]
    for name, runs in found.items():
        mine = middle(runs["ours"], "seconds")
        theirs = middle(runs["lm-eval"], "seconds") if "lm-eval" in runs else None
        rest = "| |" if theirs is None else f"{theirs:.2f} | {theirs / mine:.2f} |"
        lines.append(f"| {name} | {mine:.2f} | {rest}")
    return "\n".join(lines)
