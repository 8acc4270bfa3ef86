"""The paper's main table as data: intermediates by model, targets and their average in columns.

The rule: an entry knows what its number lacks, so that every way to print it says the same.

    table = main_table(numbers.main)
    table.lines[0].entries[0].score, table.lines[1].entries[0].change
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

from t2t_xfer.report.document import CONSTANT, INCOMPLETE, MISSING, STAR
from t2t_xfer.report.findings import LEVEL, Change
from t2t_xfer.report.grid import ALL, NONE, Grid, average
from t2t_xfer.report.marks import (
    change_marks,
    constant_words,
    mark,
    same_data_words,
    translated_words,
)
from t2t_xfer.report.numbers import Analysed

OVER_ALL = (
    "Mean over languages, the source language included as XTREME does, and over seeds; with it the"
    f" change in points against {NONE}, on the languages and seeds that both have. The average is"
    " over all targets and only given where none is missing; the change beside it is over those"
    " that count."
)
SIGNIFICANT = (
    f"{STAR} The change is significant: its paired p-value is below {LEVEL:g} after adjustment "
    "for the number of changes in the table (Holm)."
)
INCOMPLETE_WORDS = (
    f"{INCOMPLETE} Some languages or seeds are missing on one side; the change is over "
    "those that both runs have."
)


@dataclass(frozen=True)
class Entry:
    """A mean score over languages and seeds, and its change against none."""

    score: float | None
    """0 to 100."""
    change: Change | None = None
    """None: nothing to compare with."""
    has_change: bool = False
    """The line is of an intermediate, so that a change belongs here, known or not."""
    marks: str = ""
    """What the number lacks: `phrases.SAME_DATA`, `TRANSLATED`, `CONSTANT`, `INCOMPLETE`."""

    @property
    def significant(self) -> bool:
        """Whether the change is marked."""
        return self.change is not None and self.change.significant


@dataclass(frozen=True)
class Row:
    """One model after one intermediate."""

    model: str
    intermediate: str
    entries: tuple[Entry, ...]
    """A target each, then the average."""


def metric_of(grid: Grid, target: str) -> str:
    """The metric's name, several where cells differ in it, and the split if it is not `test`.

    A dash where no cell is finished.
    """
    rows = grid.of(target)
    splits = [f"{row.split} rows" for row in rows if row.split != "test"]
    return ", ".join(dict.fromkeys([*(row.metric for row in rows), *splits])) or MISSING


def main_table(numbers: Analysed, view: str | None = ALL) -> list[Row]:
    """The rows, models and intermediates in the order of the grid.

    Args:
        view: `ALL`: means over all languages, as XTREME's. None: over the zero-shot languages.
    """
    grid = numbers.grid
    targets = [target for target in grid.targets if _languages(grid, target, view)]
    rows = []
    for model, intermediate in product(grid.models, grid.intermediates):
        line = _Line(numbers, model, intermediate, view)
        entries = {target: line.entry(target) for target in targets}
        rows.append(
            Row(
                model,
                intermediate,
                (
                    *(entries.get(target, Entry(None)) for target in grid.targets),
                    line.average(list(entries.values()), targets),
                ),
            )
        )
    return rows


def legend(numbers: Analysed, rows: Sequence[Row]) -> list[str]:
    """What the marks mean that stand in these rows; names are escaped for Markdown."""
    grid = numbers.grid
    entries = [entry for row in rows for entry in row.entries]
    shown = "".join(entry.marks for entry in entries)
    return [
        *([SIGNIFICANT] if any(entry.significant for entry in entries) else []),
        *filter(None, (same_data_words(grid), translated_words(grid))),
        *([constant_words(grid)] if CONSTANT in shown else []),
        *([INCOMPLETE_WORDS] if INCOMPLETE in shown else []),
    ]


def _languages(grid: Grid, target: str, view: str | None) -> tuple[str, ...]:
    return grid.languages(target) if view == ALL else grid.others(target)


class _Line(NamedTuple):
    numbers: Analysed
    model: str
    intermediate: str
    view: str | None

    def entry(self, target: str) -> Entry:
        """The mean score in a target."""
        grid = self.numbers.grid
        place = (self.model, self.intermediate, target)
        languages = _languages(grid, target, self.view)
        score = grid.mean(*place, languages)
        if score is None:
            return Entry(None)
        return Entry(
            score,
            self._change(target),
            has_change=self.intermediate != NONE,
            marks=mark(grid, self.intermediate, target) + change_marks(grid, *place, languages),
        )

    def average(self, entries: Sequence[Entry], targets: Sequence[str]) -> Entry:
        """Over all targets, where none is missing; its change over those that count."""
        score = average(entry.score for entry in entries)
        if score is None or any(entry.score is None for entry in entries):
            return Entry(None)
        counted = [
            entry
            for entry, target in zip(entries, targets, strict=True)
            if self.numbers.grid.counts(self.intermediate, target)
        ]
        known = all(entry.change is not None for entry in counted)
        shown = "".join(entry.marks for entry in entries)
        return Entry(
            score,
            self._change(None) if known else None,
            has_change=self.intermediate != NONE,
            marks="".join(each for each in (CONSTANT, INCOMPLETE) if each in shown),
        )

    def _change(self, target: str | None) -> Change | None:
        if self.intermediate == NONE:
            return None
        return self.numbers.analysis.change(self.model, self.intermediate, target, self.view)
