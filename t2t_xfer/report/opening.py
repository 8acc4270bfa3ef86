"""The first lines of a report: the study's question, answered as far as its numbers go.

The rule: every figure in these sentences is in the tables below them; a change is called different
from 0 by its paired, adjusted p-value alone; none of them speaks of architectures in general.

    opening(numbers.main)     # 'Intermediate training changed the zero-shot score ...'
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from t2t_xfer.report.document import (
    CONSTANT,
    INCOMPLETE,
    between,
    beyond,
    listing,
    signed,
    span,
    text,
)
from t2t_xfer.report.findings import LEVEL, Change
from t2t_xfer.report.grid import NONE, Grid
from t2t_xfer.report.marks import mean_marks
from t2t_xfer.report.numbers import Analysed


def opening(numbers: Analysed) -> str:
    """A few sentences made from the numbers: what changed, and how sure that is."""
    grid = numbers.grid
    if not grid.rows:
        return "No cell of this study is finished: there is nothing to report yet."
    found = {
        model: change
        for model in grid.models
        if (change := numbers.analysis.change(model, None, None)) is not None
    }
    if not found:
        return (
            "These cells cannot say whether intermediate training helps zero-shot transfer: no "
            "model has zero-shot scores of one target both with and without it (same-data and "
            "translate-train cells do not count)."
        )
    changes = listing(
        f"{signed(change.interval.value)} {between(change.interval)} for {text(model)}"
        f" ({text(change.architecture)})"
        for model, change in found.items()
    )
    return (
        "Against no intermediate training, the zero-shot score (mean over all languages but the "
        f"source language) changed by these points, with 95 % intervals: {changes}. "
        f"{_comparison(grid, list(found))} {_clear(found)} {covered(grid, list(found.values()))}"
    )


def scope(grid: Grid) -> str:
    """What the models of this study can stand for."""
    models = Counter(grid.architectures.values())
    if not models:
        return ""
    if len(models) == 1:
        return (
            f"All models here are of one architecture ({text(next(iter(models)))}): the page says "
            "nothing about differences between architectures, and answers for these models only."
        )
    counts = listing(f"{count} {text(name)}" for name, count in models.items())
    return (
        f"Models by architecture: {counts}. One model per architecture answers for these models "
        "only: a difference between two of them is not yet a difference between architectures."
        if max(models.values()) == 1
        else f"Models by architecture: {counts}. They answer for these models only: differences "
        "between them are not yet differences between architectures."
    )


def covered(grid: Grid, changes: Sequence[Change]) -> str:
    """What the intervals of mean changes are made of, and with one seed what they leave out."""
    parts = (_covered(grid, changes), _missing(grid, changes), _collapsed(grid, changes))
    return " ".join(filter(None, parts))


def _missing(grid: Grid, changes: Sequence[Change]) -> str:
    """What of the plan is not in the means."""
    models = [change.model for change in changes]
    if not any(INCOMPLETE in mean_marks(grid, [model], grid.targets) for model in models):
        return ""
    there = span(len(grid.pairs(model)) for model in models)
    planned = span(len(grid.planned_pairs(model)) for model in models)
    return (
        f"Cells of the plan are missing ({INCOMPLETE}): {there} of {planned} pairs of intermediate"
        " and target are in these means, not all of them whole."
    )


def _collapsed(grid: Grid, changes: Sequence[Change]) -> str:
    """That constant answers are part of the means, if they are."""
    cells = {
        (change.model, side, target, code)
        for change in changes
        for intermediate, target in grid.pairs(change.model)
        for side in (intermediate, NONE)
        for code in grid.collapsed(change.model, side, target)
    }
    if not cells:
        return ""
    return (
        f"Constant answers ({CONSTANT}) are behind these means, in {len(cells)} scores of a"
        " language: where both sides have one, a change of 0 is no evidence that nothing changes."
    )


def _covered(grid: Grid, changes: Sequence[Change]) -> str:
    counts = span(row.n for row in grid.rows)
    seeds = min(change.seeds for change in changes)
    if seeds == 1:
        return (
            f"The intervals are of the tested examples alone (n = {counts} per language, paired): "
            "with one seed, nobody knows how far another training run would move these numbers."
        )
    return f"The intervals are paired, over {seeds} seeds and n = {counts} examples per language."


def _comparison(grid: Grid, models: list[str]) -> str:
    """What the means of the models are taken over, and whether that is the same for all."""
    counts = [len(grid.pairs(model)) for model in models]
    pairs = f"{span(counts)} {'pair' if max(counts) == 1 else 'pairs'} of intermediate and target"
    if len({grid.compared(model) for model in models}) == 1:
        return f"That is a mean over {pairs}."
    return (
        f"Those are means over {pairs}, but not over the same finished cells for every model: "
        "they do not compare the models."
    )


def _clear(found: Mapping[str, Change]) -> str:
    """Which of the mean changes are more than chance."""
    clear = [text(model) for model, change in found.items() if change.significant]
    further = f"from 0 {beyond(min(change.seeds for change in found.values()))}"
    further += f" (adjusted p below {LEVEL:g})."
    if len(found) == 1:
        return f"It {'differs' if clear else 'does not differ'} {further}"
    if not clear:
        return f"None of them differs {further}"
    if len(clear) == len(found):
        return f"All of them differ {further}"
    verb = "differs" if len(clear) == 1 else "differ"
    those = listing(f"that of {model}" for model in clear)
    return f"Of them, only {those} {verb} {further}"
