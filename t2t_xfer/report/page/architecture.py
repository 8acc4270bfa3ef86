"""The architecture question: did the change from intermediate training depend on the model?

The rule: a difference of changes is paired, over cells that both models have, and same-data cells
stay out of every mean. One model per architecture answers for these models only.

    architecture_section(page)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from t2t_xfer.report.document import (
    INTERVAL,
    Cell,
    Fold,
    Part,
    Picture,
    Section,
    Table,
    bounds,
    change_cell,
    columns,
    missing,
    model_head,
    p_number,
    plain_sign,
    scale_of,
    words,
)
from t2t_xfer.report.given import PageInput
from t2t_xfer.report.grid import NONE, Grid
from t2t_xfer.report.marks import mean_marks
from t2t_xfer.report.opening import scope
from t2t_xfer.report.page.sentences import p_text, plain, told
from t2t_xfer.report.pictures import Dot, Group, draw_forest

if TYPE_CHECKING:
    from t2t_xfer.report.findings import Change, Contrast


def architecture_section(page: PageInput) -> Section:
    """Changes by model and target, and the differences between models."""
    if not any(change.language is None for change in page.analysis.changes):
        return Section("architecture", "Does it depend on the architecture?")
    parts: list[Part] = [plain(scope(page.grid))]
    picture = _picture(page)
    parts += [picture] if picture else []
    parts.append(_by_model(page))
    contrasts = page.analysis.contrasts
    if contrasts:
        parts.append(
            "Interaction: the change of one model minus the change of the other on the same cells "
            "(a difference in differences), paired by example."
        )
        parts.append(_interaction(page))
        table = _contrasts(contrasts)
        parts.append(Fold(f"{table.caption} ({len(contrasts)} rows)", [table]))
    return Section("architecture", "Does it depend on the architecture?", parts)


def _interaction(page: PageInput) -> Table:
    """One row for each pair of models, one column for each target."""
    found = {
        (each.first, each.second, each.target): each
        for each in page.analysis.contrasts
        if each.intermediate is None
    }
    scale = scale_of(each.interval.value for each in found.values())
    pairs = dict.fromkeys((first, second) for first, second, _ in found)
    targets = (*page.grid.targets, None)
    rows = [
        [
            *words(first, f"minus {second}"),
            *(
                _contrast(
                    found.get((first, second, target)),
                    scale,
                    _marks(page.grid, (first, second), target),
                )
                for target in targets
            ),
        ]
        for first, second in pairs
    ]
    heads = columns("model", "minus", *page.grid.targets, "all targets", text=2)
    legend = [f"Difference in points, its {INTERVAL}, and its adjusted p."]
    return Table("interaction", "Differences between models", heads, rows, legend)


def _marks(grid: Grid, models: Sequence[str], target: str | None) -> str:
    return mean_marks(grid, models, grid.targets if target is None else [target])


def _contrast(contrast: Contrast | None, scale: float, marks: str) -> Cell:
    if contrast is None:
        return missing("no pair that both models have")
    adjusted = p_text(contrast.adjusted)
    return change_cell(
        contrast.interval,
        scale=scale,
        significant=contrast.significant,
        marks=marks,
        small=f"{bounds(contrast.interval)}; {adjusted}",
        note=f"{bounds(contrast.interval)}, {p_text(contrast.p)}, adjusted {adjusted}, "
        f"n = {contrast.n}, seeds: {contrast.seeds}",
    )


def _by_model(page: PageInput) -> Table:
    """The mean change of each model: by target, and over all that count."""
    analysis, grid = page.analysis, page.grid
    found = {
        (model, target): analysis.change(model, None, target)
        for model in grid.models
        for target in (*grid.targets, None)
    }
    scale = scale_of(change.interval.value for change in found.values() if change is not None)
    rows = [
        [
            model_head(model, grid.architectures[model]),
            *(
                _cell(found[model, target], scale, _marks(grid, [model], target))
                for target in (*grid.targets, None)
            ),
        ]
        for model in grid.models
    ]
    return Table(
        "by-model",
        "Change by model",
        columns("model", *grid.targets, "all targets", text=1),
        rows,
        [
            f"Mean change against {NONE} in points over the zero-shot languages and over "
            "intermediates, each pair of intermediate and target weighing the same; with "
            f"its {INTERVAL}. Same-data and translate-train pairs are left out."
        ],
    )


def _cell(change: Change | None, scale: float, marks: str) -> Cell:
    if change is None:
        return missing("no pair that counts")
    return change_cell(
        change.interval, scale=scale, significant=change.significant, note=told(change), marks=marks
    )


def _contrasts(contrasts: Sequence[Contrast]) -> Table:
    scale = scale_of(contrast.interval.value for contrast in contrasts)
    rows = [
        [
            *words(each.first, f"minus {each.second}"),
            Cell(each.target or "all targets"),
            Cell(each.intermediate or "all"),
            change_cell(each.interval, scale=scale, significant=each.significant),
            Cell(p_number(each.p), key=each.p),
            Cell(p_number(each.adjusted), key=each.adjusted),
        ]
        for each in contrasts
    ]
    names = ("model", "minus", "target", "intermediate", "difference", "p", "adjusted p")
    return Table("contrasts", "Every difference with its test", columns(*names, text=4), rows)


def _picture(page: PageInput) -> Picture | None:
    """A forest plot: one row for each target, one mark for each model."""
    grid, analysis = page.grid, page.analysis
    groups = []
    for target in (*grid.targets, None):
        dots = [
            Dot(model, change.interval.value, change.interval.low, change.interval.high)
            for model in grid.models
            if (change := analysis.change(model, None, target)) is not None
        ]
        if dots:
            groups.append(Group(target or "all targets", dots))
    if not groups:
        return None
    svg = draw_forest(groups, grid.models, f"change against none, points ({INTERVAL})")
    last = groups[-1]
    said = "; ".join(
        f"{dot.series} {plain_sign(dot.value)} ({plain_sign(dot.low)} to {plain_sign(dot.high)})"
        for dot in last.dots
    )
    alt = (
        f"Forest plot of the zero-shot change from intermediate training: {len(groups)} rows "
        f"(targets), a mark with its {INTERVAL} for each of {len(grid.models)} models. "
        f"{last.name}: {said}. All numbers are in the table below it."
    )
    caption = "Zero-shot change by target and model, mean over intermediates; same-data pairs out."
    return Picture(svg, alt, caption)
