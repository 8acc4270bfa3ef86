"""The architecture question: did the change from intermediate training depend on the model?

The rule: a difference of changes is paired, over cells that both models have, and same-data cells
stay out of every mean. One model per architecture answers for these models only.

    models_section(report)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

from t2t_xfer.report.document import (
    INCOMPLETE,
    INTERVAL,
    MISSING,
    PAGE_ONLY,
    STAR,
    Fold,
    Picture,
    Piece,
    Section,
    Table,
    TableCell,
    bounds,
    change_cell,
    columns,
    counted,
    missing,
    model_head,
    p_number,
    p_text,
    scale_of,
    signed,
    words,
)
from t2t_xfer.report.findings import LEVEL, Change, Contrast
from t2t_xfer.report.given import Report
from t2t_xfer.report.main_table import mean_marks, told
from t2t_xfer.report.numbers import NONE, Grid, Which
from t2t_xfer.report.pictures import Dot, ForestRow, draw_forest

ALL_TARGETS = "all targets"
SPANS: tuple[Which, ...] = ("all", "source")


def models_section(report: Report) -> Section | None:
    """Changes by model and target, and the differences between models."""
    grid = report.grid
    if not any(grid.pairs(model) for model in grid.models):
        return None
    pieces: list[Piece] = []
    if any(change.language is None for change in report.analysis.changes):
        picture = _picture(report)
        pieces += [picture] if picture else []
        pieces.append(_by_target(report))
    pieces.append(_by_model(report))
    contrasts = report.analysis.contrasts
    if any(each.target is None and each.intermediate is None for each in contrasts):
        pieces.append(_interaction(report))
        table = _contrasts(contrasts)
        pieces.append(Fold(f"{table.caption} ({len(contrasts)} rows)", [table], PAGE_ONLY))
    return Section("architecture", "Does it depend on the architecture?", pieces)


def _by_target(report: Report) -> Table:
    """The mean change of each model: by target, and over all that count."""
    analysis, grid = report.analysis, report.grid
    targets = (*grid.targets, None)
    found = {(m, t): analysis.change(m, None, t) for m in grid.models for t in targets}
    scale = scale_of(change.interval.value for change in found.values() if change is not None)
    rows = [
        [
            model_head(model, grid.architectures[model]),
            *(_cell(found[model, each], scale, _marks(grid, [model], each)) for each in targets),
        ]
        for model in grid.models
    ]
    return Table(
        "by-target",
        "Zero-shot change by model and target",
        columns("model", *grid.targets, ALL_TARGETS, text=1),
        rows,
        [
            f"Mean change against {NONE} in points over the zero-shot languages and over "
            "intermediates, each pair of intermediate and target weighing the same; with its "
            f"{INTERVAL}. Same-data and translate-train pairs are left out."
        ],
    )


def _by_model(report: Report) -> Table:
    """Beside the zero-shot change those with the source language, and how many pairs rose."""
    analysis, grid = report.analysis, report.grid
    rows = []
    for model in grid.models:
        marks = mean_marks(grid, [model], grid.targets)
        means = [grid.mean_change(model, which) for which in SPANS]
        whole = analysis.change(model, None, None)
        scale = scale_of([None if whole is None else whole.interval.value])
        pairs = (analysis.change(model, *pair) for pair in grid.pairs(model))
        found = [change for change in pairs if change is not None]
        rose = sum(change.interval.value > 0 for change in found)
        clear = [change.interval.value > 0 for change in found if change.significant]
        rows.append(
            [
                model_head(model, grid.architectures[model]),
                *(TableCell(signed(value), marks=marks, key=value) for value in means),
                _cell(whole, scale, marks),
                missing()
                if whole is None
                else TableCell(p_number(whole.adjusted), key=whole.adjusted),
                counted(rose, f"{rose} of {len(found)}" if found else MISSING),
                TableCell(f"{sum(clear)} up, {clear.count(False)} down" if found else MISSING),
            ]
        )
    names = ("model", "all languages", "source language", "zero-shot languages", "adjusted p")
    heads = columns(*names, "zero-shot pairs that rose", "significant ones", text=1)
    legend = [
        f"Mean change against {NONE} in points, each pair of intermediate and target weighing the "
        f"same; same-data pairs left out. With it the {INTERVAL}."
    ]
    if any(INCOMPLETE in cell.marks for row in rows for cell in row):
        legend.append(f"{INCOMPLETE} Cells of the plan are missing from the mean.")
    return Table("by-model", "Change by model", heads, rows, legend)


def _interaction(report: Report) -> Table:
    """One row for each pair of models, one column for each target."""
    found = {
        (each.first, each.second, each.target): each
        for each in report.analysis.contrasts
        if each.intermediate is None
    }
    scale = scale_of(each.interval.value for each in found.values())
    targets = (*report.grid.targets, None)

    def cell(first: str, second: str, target: str | None) -> TableCell:
        marks = _marks(report.grid, (first, second), target)
        return _contrast(found.get((first, second, target)), scale, marks)

    rows = [
        [*words(first, f"minus {second}"), *(cell(first, second, target) for target in targets)]
        for first, second in dict.fromkeys((first, second) for first, second, _ in found)
    ]
    heads = columns("model", "minus", *report.grid.targets, ALL_TARGETS, text=2)
    legend = [
        "Zero-shot change of the first model minus that of the second, in points, on the "
        "languages, seeds and examples that both have (the interaction of model and "
        f"intermediate training, paired by example), with its {INTERVAL}, and on a page its "
        f"adjusted p. {STAR} adjusted p below {LEVEL:g} (Holm). It is about these models: their "
        "pretraining may differ in more than the architecture."
    ]
    return Table("interaction", "Differences between models", heads, rows, legend)


def _marks(grid: Grid, models: Sequence[str], target: str | None) -> str:
    return mean_marks(grid, models, grid.targets if target is None else [target])


def _cell(change: Change | None, scale: float, marks: str) -> TableCell:
    if change is None:
        return missing("no pair that counts")
    return change_cell(
        change.interval, scale=scale, significant=change.significant, note=told(change), marks=marks
    )


def _contrast(contrast: Contrast | None, scale: float, marks: str) -> TableCell:
    if contrast is None:
        return missing("no pair that both models have")
    adjusted = p_text(contrast.adjusted)
    return change_cell(
        contrast.interval,
        scale=scale,
        significant=contrast.significant,
        marks=marks,
        small=adjusted,
        note=f"{bounds(contrast.interval)}, {p_text(contrast.p)}, adjusted {adjusted}, "
        f"n = {contrast.n}, seeds: {contrast.seeds}",
    )


def _contrasts(contrasts: Sequence[Contrast]) -> Table:
    scale = scale_of(contrast.interval.value for contrast in contrasts)
    rows = [
        [
            *words(each.first, f"minus {each.second}"),
            TableCell(each.target or ALL_TARGETS),
            TableCell(each.intermediate or "all"),
            change_cell(each.interval, scale=scale, significant=each.significant),
            _p(each.p),
            _p(each.adjusted),
        ]
        for each in contrasts
    ]
    names = ("model", "minus", "target", "intermediate", "difference", "p", "adjusted p")
    return Table("contrasts", "Every difference with its test", columns(*names, text=4), rows)


def _p(value: float) -> TableCell:
    return counted(value, p_number(value))


def _picture(report: Report) -> Picture | None:
    """A forest plot: one row for each target, one mark for each model."""
    grid, analysis = report.grid, report.analysis
    groups = []
    for target in (*grid.targets, None):
        dots = [
            Dot(model, change.interval.value, change.interval.low, change.interval.high)
            for model in grid.models
            if (change := analysis.change(model, None, target)) is not None
        ]
        if dots:
            groups.append(ForestRow(target or ALL_TARGETS, dots))
    if not groups:
        return None
    label = f"change against none, points ({INTERVAL})"
    alt = (
        f"Forest plot of the zero-shot change from intermediate training: {len(groups)} rows "
        f"(targets), a mark with its {INTERVAL} for each of {len(grid.models)} models. "
        f"{groups[-1].name}: {_said(groups[-1].dots)}. All numbers are in the table below it."
    )
    caption = "Zero-shot change by target and model, mean over intermediates; same-data pairs out."
    return Picture(partial(draw_forest, groups, grid.models, label), alt, caption)


def _said(dots: Iterable[Dot]) -> str:
    return "; ".join(
        f"{dot.series} {signed(dot.value)} ({signed(dot.low)} to {signed(dot.high)})"
        for dot in dots
    )
