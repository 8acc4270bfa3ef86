"""XTREME's own averages of a study, where a whole group of its tasks was tested in all languages.

The means over seeds go into `metrics.aggregate`, which the command `score` uses too: so a number
here is the one that XTREME's evaluator gives for the same predictions.
"""

from __future__ import annotations

from collections.abc import Mapping
from statistics import fmean

from t2t_xfer.metrics.aggregate import GROUPS, Averages, averages
from t2t_xfer.report.document import INCOMPLETE, TRANSLATED, listing, number, table, text
from t2t_xfer.report.grid import Grid
from t2t_xfer.xtreme.layout import BY_TASK


def xtreme_averages(grid: Grid) -> str:
    """A section with the averages; empty if no run has a whole group."""
    rows = []
    for model in grid.models:
        for intermediate in grid.intermediates:
            found = averages(_scores(grid, model, intermediate))
            if any(value is not None for value in found.groups.values()):
                translated = any(grid.translated(intermediate, each) for each in grid.targets)
                named = text(intermediate) + (TRANSLATED if translated else "")
                gone = any(not grid.complete(model, intermediate, each) for each in grid.targets)
                marked = named + (INCOMPLETE if gone else "")
                rows.append([text(model), marked, *_numbers(found)])
    if not rows:
        return ""
    partial = any(row[1].endswith(INCOMPLETE) for row in rows)
    words = f" {INCOMPLETE} Cells of the plan are missing, such as seeds." if partial else ""
    return "\n\n".join(
        [
            "## XTREME's averages",
            table(["model", "intermediate", *GROUPS, "all nine tasks"], rows, left=2),
            "Mean over a group's tasks of the mean over all of XTREME's languages, English "
            "included; the last column is over tasks, not groups. Given only where no task and no "
            f"language is missing. {_rows_tested(grid)}{words}",
        ]
    )


def _rows_tested(grid: Grid) -> str:
    """Whether these are XTREME's numbers: only where its rows were tested, all of them."""
    short = [
        f"{target} (down to {min(counts)})"
        for target in grid.targets
        if target in BY_TASK and (counts := _short(grid, target))
    ]
    if short:
        return (
            f"No published number compares with these: other numbers of rows than XTREME's were"
            f" tested in {listing(map(text, short))}."
        )
    return "Compare with published numbers only where every row was tested."


def _short(grid: Grid, target: str) -> list[int]:
    task = BY_TASK[target]
    return [row.n for row in grid.of(target) if task.size(row.language) not in (None, row.n)]


def _scores(grid: Grid, model: str, intermediate: str) -> Mapping[str, Mapping[str, float]]:
    """Task and language to the mean over seeds, of test rows alone: XTREME's are of those."""
    found: dict[str, dict[str, list[float]]] = {}
    for row in grid.rows:
        if (row.model, row.intermediate, row.split) == (model, intermediate, "test"):
            found.setdefault(row.target, {}).setdefault(row.language, []).append(row.score)
    return {
        target: {language: fmean(scores) for language, scores in by_language.items()}
        for target, by_language in found.items()
    }


def _numbers(found: Averages) -> list[str]:
    return [*(number(found.groups[group]) for group in GROUPS), number(found.all_task)]
