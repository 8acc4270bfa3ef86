"""The sentences of a report about scores that only inverted labels could explain."""

from __future__ import annotations

from collections.abc import Iterable

from t2t_xfer.metrics.chance import alarm
from t2t_xfer.report.cells import CellRow


def below_chance_notes(rows: Iterable[CellRow]) -> list[str]:
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
