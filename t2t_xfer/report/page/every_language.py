"""Every language: for each target and model a heatmap of languages by intermediates.

language_section(page)
"""

from __future__ import annotations

from collections.abc import Sequence

from t2t_xfer.languages import LANGUAGES
from t2t_xfer.report.document import (
    INTERVAL,
    Beside,
    Cell,
    Column,
    Fold,
    Part,
    Section,
    Table,
    change_cell,
    missing,
    number,
    scale_of,
    score_cell,
    words,
)
from t2t_xfer.report.given import PageInput
from t2t_xfer.report.grid import ALL, NONE, Grid
from t2t_xfer.report.main_table import metric_of
from t2t_xfer.report.marks import constant_mark, mark
from t2t_xfer.report.page.main_table import SHADED
from t2t_xfer.report.page.sentences import told


def language_section(page: PageInput) -> Section:
    """Language by intermediate, one table for each target and model."""
    parts: list[Part] = [
        f"Change against {NONE} in points by language; below it the {INTERVAL}, and in the "
        f"column {NONE} the score itself. {SHADED}Hover, tap or focus a cell for its scores.",
    ]
    scale = scale_of(
        c.interval.value for c in page.analysis.changes if c.language not in (None, ALL)
    )
    for position, target in enumerate(page.grid.targets):
        tables = [
            _heatmap(page, target, model, scale, f"heat-{position}-{place}")
            for place, model in enumerate(page.grid.models)
            if any(row.model == model for row in page.grid.of(target))
        ]
        if not tables:
            continue
        parts.append(Beside(_heading(page.grid, target), f"target-{position}", tables))
    if page.aside.rows:
        parts.append(Fold("Read in another way (in no mean above)", _aside(page.aside)))
    return Section("languages", "Every language", parts)


def _heatmap(page: PageInput, target: str, model: str, scale: float, id: str) -> Table:
    grid = page.grid
    heads = [Column("language", numeric=False)]
    heads += [
        Column(intermediate + mark(grid, intermediate, target))
        for intermediate in grid.intermediates
    ]
    rows = []
    for code in grid.languages(target):
        cells = [
            _language_cell(page, model, intermediate, target, code, scale)
            for intermediate in grid.intermediates
        ]
        rows.append([_language_head(grid, target, code), *cells])
    caption = f"{model} ({grid.architectures[model]})"
    return Table(id, caption, heads, rows, dense=True)


def _language_cell(
    page: PageInput, model: str, intermediate: str, target: str, code: str, scale: float
) -> Cell:
    score = page.grid.mean(model, intermediate, target, [code])
    if score is None:
        return missing()
    marks = constant_mark(page.grid, model, intermediate, target, [code])
    if intermediate == NONE:
        baseline = page.grid.majority(target, code)
        note = "" if baseline is None else f", majority baseline {number(baseline)}"
        return score_cell(score, marks=marks, note=f"score {number(score)}{note}")
    change = page.analysis.change(model, intermediate, target, code)
    if change is None:
        return score_cell(score, small="score", note="no change known: none is missing")
    note = f"score {number(score)}; change {told(change)}"
    return change_cell(
        change.interval, scale=scale, significant=change.significant, note=note, marks=marks
    )


def _language_head(grid: Grid, target: str, code: str) -> Cell:
    """`de German`, and which one the training data is in."""
    known = LANGUAGES.get(code)
    source = " (source)" if code == grid.source(target) else ""
    return Cell(code + source, small=known.name if known else "", heading=True)


def _aside(grid: Grid) -> Sequence[Part]:
    return [
        Table(
            f"aside-{place}",
            _heading(grid, target),
            [Column("model", numeric=False), Column("intermediate", numeric=False)]
            + [Column(code) for code in grid.languages(target)],
            [
                [*words(model, intermediate), *_scores(grid, model, intermediate, target)]
                for model in grid.models
                for intermediate in grid.intermediates
            ],
        )
        for place, target in enumerate(grid.targets)
    ]


def _scores(grid: Grid, model: str, intermediate: str, target: str) -> list[Cell]:
    codes = grid.languages(target)
    return [score_cell(grid.mean(model, intermediate, target, [code])) for code in codes]


def _heading(grid: Grid, target: str) -> str:
    return f"{target} ({metric_of(grid, target)})"
