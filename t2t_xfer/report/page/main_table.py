"""The paper's main table: rows are intermediates by model, columns targets and the average.

The rule: the change beside a score is over the same languages as the score.

    main_section(page)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from t2t_xfer.report.analysis import ALL
from t2t_xfer.report.grid import NONE, Grid, average
from t2t_xfer.report.marks import mark, same_data_words, translated_words
from t2t_xfer.report.page.given import PageInput
from t2t_xfer.report.page.section import Fold, Section
from t2t_xfer.report.page.sentences import effect_text, plain, told
from t2t_xfer.report.page.view import (
    INTERVAL,
    Cell,
    Column,
    Table,
    bounds,
    columns,
    excludes_zero,
    metric_names,
    missing,
    p_number,
    plain_sign,
    scale_of,
    shade,
    words,
)
from t2t_xfer.report.phrases import INCOMPLETE, number

SHADED = (
    f"Shaded by the size of the change, blue up and orange down; bold: the {INTERVAL} does not "
    "hold 0 (before any adjustment for the number of cells). "
)


def main_section(page: PageInput) -> Section:
    """The paper's main table over the zero-shot languages, and folded with the source language."""
    grid = page.grid
    legend = [
        "First line: score, a mean over the zero-shot languages and over seeds. Second line: its "
        f"change in points against {NONE} on the same languages and seeds, with its {INTERVAL}. "
        + SHADED
        + "The average is over all targets, and only given where none is missing; the change "
        "beside it is over those that count.",
        *_marks(grid),
    ]
    shown = Table(
        "scores", "Zero-shot scores and changes", _heads(grid), _main_rows(page, None), legend
    )
    whole = Table(
        "scores-all",
        "Scores with the source language, as XTREME averages",
        _heads(grid),
        _main_rows(page, ALL),
        [
            "The same over all languages, the source language included. The average is over all "
            "targets."
        ],
    )
    folds = [Fold(table.caption, [table]) for table in (whole, _every_change(page))]
    return Section("main", "Scores and changes", [shown, *folds])


def _main_rows(page: PageInput, language: str | None) -> list[list[Cell]]:
    """`language`: None for the zero-shot ones, `ALL` for all."""
    grid = page.grid
    scale = scale_of(
        change.interval.value
        for change in page.analysis.changes
        if change.language is None and change.target and change.intermediate
    )
    rows = []
    for model in grid.models:
        for intermediate in grid.intermediates:
            line = _Line(page, model, intermediate, language, scale)
            cells = [line.cell(target) for target in grid.targets]
            rows.append([*words(model, intermediate), *cells, line.average()])
    return rows


@dataclass(frozen=True)
class _Line:
    """One row of the main table."""

    page: PageInput
    model: str
    intermediate: str
    language: str | None
    scale: float

    def cell(self, target: str) -> Cell:
        """The score in a target, with its change below it."""
        grid = self.page.grid
        score = self._score(target)
        if score is None:
            return missing()
        sides = dict.fromkeys((self.intermediate, NONE))
        whole = all(grid.complete(self.model, side, target) for side in sides)
        marks = mark(grid, self.intermediate, target) + ("" if whole else INCOMPLETE)
        return self._scored(number(score) + marks, score, target)

    def average(self) -> Cell:
        """Over all targets, if none is missing."""
        targets = [t for t in self.page.grid.targets if self._languages(t)]
        scores = [self._score(target) for target in targets]
        score = average(scores)
        if score is None or None in scores:
            return missing("a target is missing")
        return self._scored(number(score), score, None)

    def _languages(self, target: str) -> tuple[str, ...]:
        grid = self.page.grid
        return grid.languages(target) if self.language == ALL else grid.others(target)

    def _score(self, target: str) -> float | None:
        languages = self._languages(target)
        found = self.page.grid.mean(self.model, self.intermediate, target, languages)
        return found if languages else None

    def _scored(self, text: str, score: float, target: str | None) -> Cell:
        if self.intermediate == NONE:
            return Cell(text, key=score)
        change = self.page.analysis.change(self.model, self.intermediate, target, self.language)
        if change is None:
            return Cell(text, small="no change known", key=score)
        interval = change.interval
        return Cell(
            text,
            small=f"{plain_sign(interval.value)} ({bounds(interval)})",
            key=score,
            shade=shade(interval.value, self.scale),
            note=told(change),
            strong=excludes_zero(interval),
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
        *(Column(t, small=metric_names(grid, t)) for t in grid.targets),
        Column("average"),
    ]


def _marks(grid: Grid) -> list[str]:
    describe: tuple[Callable[[Grid], str], ...] = (same_data_words, translated_words)
    found = [plain(text) for each in describe if (text := each(grid))]
    incomplete = (
        f"{INCOMPLETE} Some languages or seeds are missing on one side; the change is over those "
        "that both have."
    )
    return [*found, incomplete] if grid.missing() else found
