"""The transfer gap: how far the other languages are behind the source language, and for whom.

The rule: a gap is English (or whatever the target was trained in) minus a group of languages, of
the same model, intermediate and target. The smaller it is, the better a
model carries over what it learnt.

    gap_section(page)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from t2t_xfer.report.document import (
    INTERVAL,
    Beside,
    Cell,
    Column,
    Fold,
    Part,
    Section,
    Table,
    bounds,
    columns,
    missing,
    model_head,
    plain_sign,
    star,
    words,
)
from t2t_xfer.report.findings import LEVEL
from t2t_xfer.report.given import PageInput
from t2t_xfer.report.grid import NONE, Grid
from t2t_xfer.report.marks import change_marks
from t2t_xfer.report.page.distance import distance_parts

if TYPE_CHECKING:
    from t2t_xfer.report.findings import Gap

OTHERS = "others"
KINDS = (("family", "By language family"), ("script", "By script"))
LEGEND = (
    "Mean over the targets that have such languages, which differ between groups; below it the "
    f"{INTERVAL}."
)


def gap_section(page: PageInput) -> Section:
    """Gaps by model and target, by family and script, and over the distance to English."""
    gaps = page.analysis.gaps
    if not gaps:
        return Section("gap", "Transfer gap")
    parts: list[Part] = [
        "Score in the source language minus the mean score of other languages, in points: the "
        "smaller, the better a model carries over what it learnt. Star and bold: it changed "
        f"significantly against {NONE} (adjusted p below {LEVEL:g})."
    ]
    parts.append(_by_target(page))
    groups = [
        _by_group(page, kind, caption)
        for kind, caption in KINDS
        if any(gap.group.startswith(f"{kind}:") for gap in gaps)
    ]
    parts += [Beside("By kind of language", "gap-kinds", groups), LEGEND] if groups else []
    single = [gap for gap in gaps if gap.target is not None and gap.group != OTHERS]
    if single:
        rows = [
            [
                *words(g.model, g.intermediate, g.target or "", g.group, ", ".join(g.languages)),
                _cell(page.grid, g),
                Cell(bounds(g.change) or "–"),
            ]
            for g in single
        ]
        heads = columns("model", "intermediate", "target", "group", "languages", "gap", text=5)
        heads.append(Column(f"change against {NONE}", numeric=False))
        table = Table("gaps-single", "Gap by target and group of languages", heads, rows)
        parts.append(Fold(f"{table.caption} ({len(single)} rows)", [table]))
    return Section("gap", "Transfer gap", [*parts, *distance_parts(page)])


def _by_target(page: PageInput) -> Table:
    grid = page.grid
    rows = [
        [
            model_head(model, grid.architectures[model]),
            Cell(intermediate),
            *(
                _cell(grid, page.analysis.gap(model, intermediate, t))
                for t in (*grid.targets, None)
            ),
        ]
        for model in grid.models
        for intermediate in grid.intermediates
    ]
    names = ("model", "intermediate", *grid.targets, "all targets")
    return Table("gaps", "Source language minus all others", columns(*names, text=2), rows)


def _by_group(page: PageInput, kind: str, caption: str) -> Table:
    """One row for each group and model, one column for each intermediate."""
    grid, analysis = page.grid, page.analysis
    groups: dict[str, Sequence[str]] = {}
    for gap in analysis.gaps:
        if gap.group.startswith(f"{kind}:"):
            groups[gap.group] = sorted({*groups.get(gap.group, ()), *gap.languages})
    rows = [
        [
            Cell(group.removeprefix(f"{kind}:"), small=", ".join(groups[group]), heading=True),
            Cell(model),
            *(_cell(grid, analysis.gap(model, each, None, group)) for each in grid.intermediates),
        ]
        for group in sorted(groups)
        for model in grid.models
    ]
    names = (kind, "model", *grid.intermediates)
    return Table(f"gaps-{kind}", caption, columns(*names, text=2), rows)


def _cell(grid: Grid, gap: Gap | None) -> Cell:
    if gap is None:
        return missing("no such languages, or not finished")
    targets = grid.targets if gap.target is None else (gap.target,)
    marks = "".join(
        dict.fromkeys(
            mark
            for target in targets
            for mark in change_marks(
                grid, gap.model, gap.intermediate, target, _compared(grid, target, gap)
            )
        )
    )
    note = f"{', '.join(gap.languages)}: gap {bounds(gap.interval)}"
    if gap.change is not None:
        value = plain_sign(gap.change.value)
        note += f"; change against {NONE} {value} ({bounds(gap.change)})"
    return Cell(
        plain_sign(gap.interval.value) + star(gap.significant) + marks,
        small=bounds(gap.interval),
        key=gap.interval.value,
        note=note,
        strong=gap.significant,
    )


def _compared(grid: Grid, target: str, gap: Gap) -> list[str]:
    """The languages of a target that a gap is made of."""
    others = [code for code in grid.others(target) if code in gap.languages]
    return [grid.source(target), *others] if others else []
