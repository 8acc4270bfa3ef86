"""Lines of a table of scores, and what must be said beneath it.

language      accuracy    examples  invalid
de §             41.20         500  0.0 %
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from t2t_xfer.terminal import echo

NOT_ZERO_SHOT = "§"
"""As reports mark it where training rows were translated."""
INCOMPLETE = "†"
"""As reports mark a mean that languages are missing from."""
CONSTANT = "¶"
"""As reports mark constant answers."""


def language_cell(code: str, result: Mapping[str, Any]) -> str:
    """A language, marked if the prompts showed solved examples of it, or if all answers are one."""
    marks = ("" if result.get("zero_shot", True) else NOT_ZERO_SHOT) + (
        CONSTANT if _constant(result) else ""
    )
    return f"{code} {marks}" if marks else code


def _constant(result: Mapping[str, Any]) -> bool:
    return result.get("different_answers") == 1 and result["n"] > 1 and result["score"] < 100


def number_cells(result: Mapping[str, Any]) -> list[object]:
    """Score, examples, share of invalid answers."""
    return [result["score"], result["n"], f"{100 * result['invalid_rate']:.1f} %"]


def mean_row(results: Mapping[str, Mapping[str, Any]], missing: Sequence[str]) -> tuple[str, float]:
    """`mean`, or `mean of 3 of 5 †` where languages that were asked for have no number."""
    mean = float(sum(result["score"] for result in results.values()) / len(results))
    known = len(results)
    return f"mean of {known} of {known + len(missing)} {INCOMPLETE}" if missing else "mean", mean


def print_missing(missing: Iterable[str]) -> None:
    """What the mark of a mean that is not whole means."""
    found = list(dict.fromkeys(missing))
    if found:
        echo(f"{INCOMPLETE} without {', '.join(found)}, which has no number here")


def print_notes(results: Iterable[Mapping[str, Any]]) -> None:
    """What a reader of these results of `score` stages must know beside the numbers."""
    shown = list(results)
    if not all(result.get("zero_shot", True) for result in shown):
        echo(f"{NOT_ZERO_SHOT} not zero-shot: the prompts show solved examples of the language")
    if any(map(_constant, shown)):
        echo(f"{CONSTANT} every example got the same answer: nothing was learnt or read")
    dropped = sum(result.get("removed_shots", 0) for result in shown)
    if dropped:
        asked = sum(result.get("shots", 0) * result["n"] for result in shown)
        echo(
            f"{dropped} of {asked} few-shot examples did not fit and were dropped; raise"
            " --max-input-tokens to show them"
        )
