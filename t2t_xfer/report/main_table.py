"""The paper's main table as data: intermediates by model, targets and their average in columns.

The rule: an entry knows what its number lacks, so that every way to print it says the same.

    table = main_table(numbers.main)
    table.lines[0].entries[0].score, table.lines[1].entries[0].change
"""

from __future__ import annotations

from dataclasses import dataclass

from t2t_xfer.report.analysis import ALL
from t2t_xfer.report.grid import NONE, Grid, average
from t2t_xfer.report.numbers import LEVEL, Analysed


@dataclass(frozen=True)
class Entry:
    """A mean score over languages and seeds, and its change against none."""

    score: float | None
    """0 to 100."""
    change: float | None = None
    """In points. None: nothing to compare with."""
    has_change: bool = False
    """The line is of an intermediate, so that a change belongs here, known or not."""
    significant: bool = False
    same_data: bool = False
    translated: bool = False
    incomplete: bool = False
    """Some languages or seeds are missing on one side."""


@dataclass(frozen=True)
class Row:
    """One model after one intermediate."""

    model: str
    intermediate: str
    entries: tuple[Entry, ...]
    """A target each, then the average."""


def metric_of(grid: Grid, target: str) -> str:
    """The metric's name; several where cells differ in it."""
    return ", ".join(dict.fromkeys(row.metric for row in grid.of(target)))


def main_table(numbers: Analysed) -> list[Row]:
    """The rows, models and intermediates in the order of the grid."""
    grid = numbers.grid
    return [
        Row(
            model,
            intermediate,
            (
                *(_entry(numbers, model, intermediate, target) for target in grid.targets),
                _average(numbers, model, intermediate),
            ),
        )
        for model in grid.models
        for intermediate in grid.intermediates
    ]


def _entry(numbers: Analysed, model: str, intermediate: str, target: str) -> Entry:
    grid = numbers.grid
    score = grid.mean(model, intermediate, target)
    if score is None:
        return Entry(None)
    trained = intermediate != NONE
    whole = grid.complete(model, intermediate, target)
    return Entry(
        score,
        grid.change(model, intermediate, target) if trained else None,
        has_change=trained,
        significant=_significant(numbers, model, intermediate, target),
        same_data=grid.same_data(intermediate, target),
        translated=grid.translated(intermediate, target),
        incomplete=not whole or (trained and not grid.complete(model, NONE, target)),
    )


def _average(numbers: Analysed, model: str, intermediate: str) -> Entry:
    """Over all targets, where none is missing; its change over those that count."""
    grid = numbers.grid
    scores = [grid.mean(model, intermediate, target) for target in grid.targets]
    if None in scores:
        return Entry(None)
    trained = intermediate != NONE
    counted = [target for target in grid.targets if grid.counts(intermediate, target)]
    changes = [grid.change(model, intermediate, target) for target in counted if trained]
    sides = (NONE, intermediate) if trained else (NONE,)
    return Entry(
        average(scores),
        None if None in changes else average(changes),
        has_change=trained,
        significant=_significant(numbers, model, intermediate, None),
        incomplete=not all(grid.complete(model, s, t) for s in sides for t in grid.targets),
    )


def _significant(numbers: Analysed, model: str, intermediate: str, target: str | None) -> bool:
    change = numbers.analysis.change(model, intermediate, target, ALL)
    return change is not None and change.adjusted < LEVEL
