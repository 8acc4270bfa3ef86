"""Every language: for each target and model a heatmap of languages by intermediates.

every_language(report)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from t2t_xfer.languages import LANGUAGES
from t2t_xfer.report.document import (
    STAR,
    Beside,
    Column,
    Fold,
    Piece,
    Section,
    Table,
    TableCell,
    columns,
    missing,
    number,
    scale_of,
    words,
)
from t2t_xfer.report.findings import LEVEL
from t2t_xfer.report.given import Report
from t2t_xfer.report.main_table import MeanScore, constant_mark, entry_cell, mark, metric_of
from t2t_xfer.report.numbers import ALL, NONE, Grid


def every_language(report: Report) -> Section | None:
    """Language by intermediate, one table for each target and model."""
    grid, aside = report.grids
    pieces: list[Piece] = [
        f"Scores by language, with the change against {NONE} in points. {STAR} adjusted p below "
        f"{LEVEL:g}: by Benjamini-Hochberg among the languages of a target.",
    ]
    changes = report.analysis.changes
    scale = scale_of(c.interval.value for c in changes if c.language not in (None, ALL))
    for position, target in enumerate(grid.targets):
        tables = [
            _heatmap(report, target, model, scale, f"heat-{position}-{place}")
            for place, model in enumerate(grid.models)
            if any(row.model == model for row in grid.of(target))
        ]
        if tables:
            tables += _baseline(grid, target, f"majority-{position}")
            pieces.append(Beside(heading(grid, target), f"target-{position}", tables))
    if aside.rows:
        says = (
            "The same models and sentences by another readout. These numbers are in no mean above."
        )
        pieces.append(Fold("Read in another way", [says, *_aside(aside)]))
    return Section("languages", "Every language", pieces) if grid.rows or aside.rows else None


def heading(grid: Grid, target: str) -> str:
    """`xnli (accuracy)`."""
    return f"{target} ({metric_of(grid, target)})"


def _heatmap(report: Report, target: str, model: str, scale: float, id: str) -> Table:
    grid = report.grid
    heads = [Column("language", numeric=False)]
    heads += [Column(each + mark(grid, each, target)) for each in grid.intermediates]
    rows = [
        [
            _language(grid, target, code),
            *(_cell(report, (model, each, target), code, scale) for each in grid.intermediates),
        ]
        for code in grid.languages(target)
    ]
    caption = f"{model} ({grid.architectures[model]})"
    return Table(id, caption, heads, rows, dense=True, intervals=False)


def _baseline(grid: Grid, target: str, id: str) -> list[Table]:
    """What the most frequent answer would score, where that is known."""
    found = {code: grid.majority(target, code) for code in grid.languages(target)}
    rows = [
        [_language(grid, target, code), TableCell(number(score), key=score)]
        for code, score in found.items()
        if score is not None
    ]
    heads = [Column("language", numeric=False), Column("score")]
    return [Table(id, "majority baseline", heads, rows, dense=True)] if rows else []


def _cell(report: Report, place: tuple[str, str, str], code: str, scale: float) -> TableCell:
    score = report.grid.mean(*place, [code])
    compared = place[1] != NONE
    change = report.analysis.change(*place, code) if compared else None
    marks = constant_mark(report.grid, *place, [code])
    cell = entry_cell(MeanScore(score, change, compared, marks), scale)
    if score is None:
        return cell
    told = f"score {number(score)}" + (f"; change {cell.note}" if compared else "")
    return replace(cell, note=told)


def _language(grid: Grid, target: str, code: str) -> TableCell:
    """`de German`, and which one the training data is in."""
    known = LANGUAGES.get(code)
    source = " (source)" if code == grid.source(target) else ""
    return TableCell(code + source, small=known.name if known else "", heading=True)


def _aside(grid: Grid) -> Sequence[Table]:
    return [
        Table(
            f"aside-{place}",
            heading(grid, target),
            [*columns("model", "intermediate", text=2), *columns(*grid.languages(target))],
            [
                [*words(model, intermediate), *_scores(grid, model, intermediate, target)]
                for model in grid.models
                for intermediate in grid.intermediates
            ],
        )
        for place, target in enumerate(grid.targets)
    ]


def _scores(grid: Grid, model: str, intermediate: str, target: str) -> Iterable[TableCell]:
    for code in grid.languages(target):
        score = grid.mean(model, intermediate, target, [code])
        yield missing() if score is None else TableCell(number(score), key=score)
