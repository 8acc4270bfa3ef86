"""What a reader must know before the numbers: scores below chance, and constant answers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from t2t_xfer.metrics.chance import alarm
from t2t_xfer.report.grid import Grid
from t2t_xfer.report.marks import collapse_notes
from t2t_xfer.study.results import Result


def first_notes(grids: Sequence[Grid]) -> list[str]:
    """The notes of these grids, as they stand under "Read this first"."""
    rows = [row for grid in grids for row in grid.rows]
    return [*below_chance_notes(rows), *(note for grid in grids for note in collapse_notes(grid))]


def below_chance_notes(rows: Iterable[Result]) -> list[str]:
    """One note for each cell that is clearly below chance.

    Answers that could not be read are left out: they are wrong without being inverted.
    """
    notes = []
    for row in rows:
        n = round(row.n * (1 - row.invalid_rate))
        if row.chance is None or n == 0:
            continue
        score = min(100.0, row.score / (1 - row.invalid_rate))
        found = alarm(score, n, row.chance)
        if found is not None:
            notes.append(
                f"Below chance: {row.model}, {row.intermediate}, {row.target} in {row.language},"
                f" seed {row.seed}: {found}"
            )
    return notes
