"""Marks beside numbers whose training data says less than it seems, and what they mean.

The rule: a marked change stays out of every mean change (`Grid.counts`).

    mark(grid, "mnli", "xnli")      # '‡'
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product

from t2t_xfer.report.document import CONSTANT, INCOMPLETE, SAME_DATA, TRANSLATED, listing, text
from t2t_xfer.report.grid import NONE, Grid

BASELINE = "has the majority baseline's score, with every seed, on"


def mark(grid: Grid, intermediate: str, target: str) -> str:
    """The marks of a cell; mostly none."""
    same = SAME_DATA if grid.same_data(intermediate, target) else ""
    return same + (TRANSLATED if grid.translated(intermediate, target) else "")


def constant_mark(
    grid: Grid, model: str, intermediate: str, target: str, languages: Sequence[str] | None = None
) -> str:
    """The mark of a number that a constant answer is part of, on either side of a change."""
    found = {
        code
        for side in (intermediate, NONE)
        for code in grid.collapsed(model, side, target)
        if languages is None or code in languages
    }
    return CONSTANT if found else ""


def incomplete_mark(
    grid: Grid, model: str, intermediate: str, target: str, languages: Sequence[str] | None = None
) -> str:
    """The mark of a mean that some of its languages or seeds have no part in."""
    return "" if grid.complete(model, intermediate, target, languages) else INCOMPLETE


def change_marks(
    grid: Grid, model: str, intermediate: str, target: str, languages: Sequence[str] | None = None
) -> str:
    """What a change lacks on either side: constant answers, missing cells."""
    sides = dict.fromkeys((intermediate, NONE))
    gone = any(incomplete_mark(grid, model, side, target, languages) for side in sides)
    constant = constant_mark(grid, model, intermediate, target, languages)
    return constant + (INCOMPLETE if gone else "")


def mean_marks(grid: Grid, models: Sequence[str], targets: Sequence[str]) -> str:
    """What mean changes over the intermediates of these lack, in the zero-shot languages."""
    places = [
        (model, intermediate, target)
        for model, intermediate, target in product(models, grid.planned_intermediates, targets)
        if intermediate != NONE and grid.counts(intermediate, target) and grid.others(target)
    ]
    shown = "".join(change_marks(grid, *place, grid.others(place[2])) for place in places)
    return "".join(mark for mark in (CONSTANT, INCOMPLETE) if mark in shown)


def constant_words(grid: Grid) -> str:
    """What the mark of constant answers means; empty where there are none."""
    if not collapse_notes(grid):
        return ""
    return (
        f"{CONSTANT} Some of the cells in it, or in what it is compared with, hold one constant"
        " answer, or the majority baseline's score in every language and seed: a model that has not"
        " learnt the task. Its change is not known to be exactly 0: the interval leaves open what"
        " the tested examples cannot show (the rule of three; docs/statistics.md)."
    )


def collapse_notes(grid: Grid) -> list[str]:
    """A sentence for each model and target with constant answers, which names the cells."""
    found: dict[tuple[str, str, str, tuple[str, ...]], list[str]] = {}
    for model, intermediate, target in product(grid.models, grid.intermediates, grid.targets):
        codes = grid.collapsed(model, intermediate, target)
        if codes:
            constant = grid.constant(model, intermediate, target) == codes
            does = "gives one answer to every example of" if constant else BASELINE
            found.setdefault((model, does, target, codes), []).append(intermediate)
    notes = []
    for (model, does, target, codes), intermediates in found.items():
        whole = len(codes) == len(grid.languages(target))
        where = "every language" if whole else ", ".join(codes)
        notes.append(
            f"Constant answers ({CONSTANT}): {model} {does} {target} after"
            f" {listing(intermediates)}, in {where}. It has not learnt the task there, and its"
            " change says nothing of transfer."
        )
    return notes


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
