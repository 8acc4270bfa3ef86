"""The first lines of a report: the study's question, answered as far as its numbers go.

The rule: every figure in these sentences is in the tables below them, and none of them speaks of
significance or of architectures in general.

    opening(Grid(rows))     # 'Intermediate training changed the zero-shot score ...'
"""

from __future__ import annotations

from collections import Counter

from t2t_xfer.report.grid import Grid, noise
from t2t_xfer.report.phrases import listing, signed, span, text


def opening(grid: Grid) -> str:
    """One or two sentences made from the numbers: what changed, and what noise is."""
    if not grid.rows:
        return "No cell of this study is finished: there is nothing to report yet."
    found = {
        model: change
        for model in grid.models
        if (change := grid.mean_change(model, "others")) is not None
    }
    if not found:
        return (
            "These cells cannot say whether intermediate training helps zero-shot transfer: no "
            "model has zero-shot scores of one target both with and without it (same-data and "
            f"translate-train cells do not count). {_noise(grid)}."
        )
    changes = listing(
        f"{signed(change)} for {text(model)} ({text(grid.architectures[model])})"
        for model, change in found.items()
    )
    widest = noise(min(row.n for row in grid.rows))
    above = [text(model) for model, change in found.items() if abs(change) >= widest]
    reach = f"that of {listing(above)} is larger" if above else "none is larger"
    return (
        "Against no intermediate training, the zero-shot score (mean over all languages but the "
        f"source language) changed by these points: {changes}. {_comparison(grid, list(found))} "
        f"{_noise(grid)}; of the mean changes above, {reach}."
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


def _noise(grid: Grid) -> str:
    counts = [row.n for row in grid.rows]
    size = f" (taking n = {min(counts)})" if len(set(counts)) > 1 else ""
    return (
        f"n = {span(counts)} per language: changes below ±{noise(min(counts)):.1f} points{size} "
        "are within sampling noise of one score"
    )
