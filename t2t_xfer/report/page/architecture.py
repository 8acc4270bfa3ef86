"""The architecture question: did the change from intermediate training depend on the model?

The rule: a difference of changes is paired, over cells that both models have, and same-data cells
stay out of every mean. One model per architecture answers for these models only.

    architecture_section(page)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from t2t_xfer.report.grid import NONE
from t2t_xfer.report.opening import scope
from t2t_xfer.report.page.forest import Dot, Group, draw_forest
from t2t_xfer.report.page.given import PageInput
from t2t_xfer.report.page.section import Fold, Part, Picture, Section
from t2t_xfer.report.page.sentences import p_text, plain, told
from t2t_xfer.report.page.view import (
    Cell,
    Table,
    change_cell,
    columns,
    missing,
    plain_sign,
    scale_of,
    words,
)

if TYPE_CHECKING:
    from t2t_xfer.report.analysis import Change, Contrast

SHORT = 12
"""A table of more contrasts is folded."""


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
            "(a difference in differences). Its interval and test are paired by example; p is "
            "adjusted over this table."
        )
        whole = [contrast for contrast in contrasts if contrast.intermediate is None]
        single = [contrast for contrast in contrasts if contrast.intermediate is not None]
        if whole:
            parts.append(_contrasts("contrasts", "Differences between models", whole))
        if single:
            table = _contrasts("contrasts-single", "The same by intermediate", single)
            parts.append(Fold(f"{table.caption} ({len(single)} rows)", [table]))
    return Section("architecture", "Does it depend on the architecture?", parts)


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
            *words(model, grid.architectures[model]),
            *(_cell(found[model, target], scale) for target in (*grid.targets, None)),
        ]
        for model in grid.models
    ]
    return Table(
        "by-model",
        "Change by model",
        columns("model", "architecture", *grid.targets, "all targets", text=2),
        rows,
        [
            f"Mean change against {NONE} in points over the zero-shot languages and over "
            "intermediates, each pair of intermediate and target weighing the same; with its 95 % "
            "interval. Same-data and translate-train pairs are left out."
        ],
    )


def _cell(change: Change | None, scale: float) -> Cell:
    if change is None:
        return missing("no pair that counts")
    return change_cell(change.interval, scale=scale, note=told(change))


def _contrasts(id: str, caption: str, contrasts: Sequence[Contrast]) -> Table:
    scale = scale_of(contrast.interval.value for contrast in contrasts)
    rows = [
        [
            *words(f"{each.first} minus {each.second}"),
            Cell(each.target or "all targets"),
            Cell(each.intermediate or "all"),
            change_cell(each.interval, scale=scale),
            Cell(p_text(each.p), key=each.p),
            Cell(p_text(each.adjusted), key=each.adjusted),
        ]
        for each in contrasts
    ]
    heads = columns("models", "target", "intermediate", "difference", "p", "adjusted p", text=3)
    return Table(id, caption, heads, rows)


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
    svg = draw_forest(groups, grid.models, "change against none, points (95 % interval)")
    last = groups[-1]
    said = "; ".join(
        f"{dot.series} {plain_sign(dot.value)} ({plain_sign(dot.low)} to {plain_sign(dot.high)})"
        for dot in last.dots
    )
    alt = (
        f"Forest plot of the zero-shot change from intermediate training: {len(groups)} rows "
        f"(targets), a mark with its 95 % interval for each of {len(grid.models)} models. "
        f"{last.name}: {said}. All numbers are in the table below it."
    )
    caption = "Zero-shot change by target and model, mean over intermediates; same-data pairs out."
    return Picture(svg, alt, caption)
