"""The paper's main table: rows are intermediates by model, columns targets and the average.

The rule: the change beside a score is over the same languages as the score.

    main_section(page)
"""

from __future__ import annotations

from collections.abc import Sequence

from t2t_xfer.report.document import (
    INTERVAL,
    Cell,
    Column,
    Fold,
    Section,
    Table,
    bounds,
    columns,
    missing,
    number,
    p_number,
    plain_sign,
    scale_of,
    shade,
    star,
    words,
)
from t2t_xfer.report.findings import LEVEL
from t2t_xfer.report.given import PageInput
from t2t_xfer.report.grid import Grid
from t2t_xfer.report.main_table import OVER_ALL, Entry, Row, legend, main_table, metric_of
from t2t_xfer.report.numbers import Analysed
from t2t_xfer.report.page.sentences import effect_text, plain, told

SHADED = (
    f"Shaded by the size of the change, blue up and orange down; star and bold: adjusted p below "
    f"{LEVEL:g}. "
)


def main_section(page: PageInput) -> Section:
    """The main table, the same as in every other form of the report; folded: over the zero-shot
    languages, and every change with its test."""
    grid = page.grid
    numbers = Analysed(grid, page.analysis)
    rows = main_table(numbers)
    opened = f"{OVER_ALL} Below the change its {INTERVAL}. {SHADED}"
    marks = [plain(words) for words in legend(numbers, rows)]
    shown = Table("scores", "Over all languages", _heads(grid), _rows(page, rows), [opened, *marks])
    zero_shot = Table(
        "scores-zero-shot",
        "Over the zero-shot languages",
        _heads(grid),
        _rows(page, main_table(numbers, None)),
        [f"The same over the zero-shot languages alone. {SHADED}"],
    )
    folds = [Fold(table.caption, [table]) for table in (zero_shot, _every_change(page))]
    return Section("main", "Scores and changes", [shown, *folds])


def _rows(page: PageInput, rows: Sequence[Row]) -> list[list[Cell]]:
    scale = scale_of(
        change.interval.value
        for change in page.analysis.changes
        if change.language is None and change.target and change.intermediate
    )
    return [
        [*words(row.model, row.intermediate), *(_cell(entry, scale) for entry in row.entries)]
        for row in rows
    ]


def _cell(entry: Entry, scale: float) -> Cell:
    """A score, with its change below it."""
    if entry.score is None:
        return missing()
    text = number(entry.score) + entry.marks
    if not entry.has_change:
        return Cell(text, key=entry.score)
    if entry.change is None:
        return Cell(text, small="no change known", key=entry.score)
    interval = entry.change.interval
    return Cell(
        text,
        small=f"{plain_sign(interval.value)}{star(entry.significant)} ({bounds(interval)})",
        key=entry.score,
        shade=shade(interval.value, scale),
        note=told(entry.change),
        strong=entry.significant,
    )


def _every_change(page: PageInput) -> Table:
    """What the cells of the main table say on hover, as a table of its own."""
    rows = [
        [
            *words(each.model, each.intermediate or "", each.target or "all targets"),
            Cell("" if each.counts else "in no mean"),
            Cell(plain_sign(each.interval.value), bounds(each.interval), key=each.interval.value),
            Cell(p_number(each.p), key=each.p),
            Cell(p_number(each.adjusted), key=each.adjusted),
            Cell(effect_text(each.effect), key=each.effect),
            Cell(str(each.n), key=each.n),
            Cell(str(each.seeds), key=each.seeds),
        ]
        for each in page.analysis.changes
        if each.language is None and each.intermediate is not None
    ]
    named = ("model", "intermediate", "target", "counts", "change", "p", "adjusted p")
    heads = columns(*named, "effect size", "n", "seeds", text=4)
    legend = [
        "Zero-shot changes, paired by example. p: two-sided, of no change; adjusted: for the "
        "number of tests. Effect size: Cohen's h, the change on the arcsine scale. n: examples of "
        "the smallest language. docs/statistics.md says what each column means."
    ]
    return Table("changes", "Every change with its test", heads, rows, legend)


def _heads(grid: Grid) -> list[Column]:
    heads = [Column("model", numeric=False), Column("intermediate", numeric=False)]
    return [
        *heads,
        *(Column(t, small=metric_of(grid, t)) for t in grid.targets),
        Column("average"),
    ]
