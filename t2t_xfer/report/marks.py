"""Marks beside numbers whose training data says less than it seems, and what they mean.

The rule: a marked change stays out of every mean change (`Grid.counts`).

    mark(grid, "mnli", "xnli")      # '‡'
"""

from __future__ import annotations

from collections.abc import Callable

from t2t_xfer.report.grid import Grid
from t2t_xfer.report.phrases import SAME_DATA, TRANSLATED, listing, text


def mark(grid: Grid, intermediate: str, target: str) -> str:
    """The marks of a cell; mostly none."""
    same = SAME_DATA if grid.same_data(intermediate, target) else ""
    return same + (TRANSLATED if grid.translated(intermediate, target) else "")


def same_data_words(grid: Grid) -> str:
    """What the mark of same-data cells means, with the pairs that have it."""
    pairs = _pairs(grid, grid.same_data)
    words = []
    if pairs:
        words.append(
            f"{SAME_DATA} Same-data cells, kept out of every mean change: {listing(pairs)}. The "
            "intermediate task trains on examples that train the target too, all of them or some, "
            "so such a run trains longer on the same data and shows no transfer between tasks "
            "(docs/decisions/005-same-data.md). The change beside "
            "an average is therefore over fewer targets than the average where such a cell is."
        )
    if any(row.same_data is None for row in grid.rows):
        words.append(
            "Whether an intermediate task shares the target's training data is not known here "
            "(`cells.csv` does not hold it): such cells may be inside the mean changes."
        )
    return "\n\n".join(words)


def translated_words(grid: Grid) -> str:
    """What the mark of translate-train cells means, with the pairs that have it."""
    pairs = _pairs(grid, grid.translated)
    if not pairs:
        return ""
    return (
        f"{TRANSLATED} Translate-train cells, not zero-shot, kept out of every mean change:"
        f" {listing(pairs)}. Rows in other languages than the source language trained the"
        " intermediate task or the target (docs/translate.md)."
    )


def _pairs(grid: Grid, marked: Callable[[str, str], bool]) -> list[str]:
    return [
        f"{text(intermediate)} before {text(target)}"
        for intermediate in grid.intermediates
        for target in grid.targets
        if marked(intermediate, target)
    ]
