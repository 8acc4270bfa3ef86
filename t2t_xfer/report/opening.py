"""What a report opens with: the study's question, answered as far as its numbers go, and what must
be read before them.

The rule: every figure in these sentences is in the tables below them, and a sentence says no more
than its interval. A gain or a loss is called so by its paired, adjusted p-value alone; none of the
sentences speaks of architectures in general.

    answer(report)      # 'Against no intermediate training, the zero-shot score ...'
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from t2t_xfer.metrics.chance import alarm
from t2t_xfer.report.document import (
    CONSTANT,
    EVERYWHERE,
    INCOMPLETE,
    Lines,
    Piece,
    Section,
    beyond,
    bounds,
    listing,
    signed,
    span,
)
from t2t_xfer.report.findings import LEVEL, Change, Contrast
from t2t_xfer.report.given import Report
from t2t_xfer.report.main_table import collapse_notes, mean_marks
from t2t_xfer.report.numbers import NONE, Grid
from t2t_xfer.study.results import Result

NAMED = 3
"""How many single pairs a sentence names."""


def answer(report: Report) -> Section:
    """A few sentences made from the numbers: what changed, and how sure that is."""
    return Section("answer", "", _answer(report), EVERYWHERE, lead=True)


def read_first(report: Report) -> Section | None:
    """What a reader must know before the numbers."""
    notes = [*report.notes, *first_notes(report.grids)]
    if not notes:
        return None
    return Section("notes", "Read this first", [Lines(notes)], EVERYWHERE, lead=True)


def first_notes(grids: Sequence[Grid]) -> list[str]:
    """Scores below chance, and constant answers."""
    rows = [row for grid in grids for row in grid.rows]
    return [*_below_chance(rows), *(note for grid in grids for note in collapse_notes(grid))]


def _below_chance(rows: Iterable[Result]) -> list[str]:
    """One note for each cell that is clearly below chance.

    Answers that could not be read are left out: they are wrong without being inverted.
    """
    notes = []
    for row in rows:
        n = round(row.n * (1 - row.invalid_rate))
        if row.chance is None or n == 0:
            continue
        score = min(100.0, row.score / (1 - row.invalid_rate))
        found = alarm(score, n, row.chance)
        if found is not None:
            notes.append(
                f"Below chance: {row.model}, {row.intermediate}, {row.target} in {row.language},"
                f" seed {row.seed}: {found}"
            )
    return notes


def _answer(report: Report) -> list[Piece]:
    grid = report.grid
    if not grid.rows:
        return ["No cell of this study is finished: there is nothing to report yet."]
    overall = [
        change
        for model in grid.models
        if (change := report.analysis.change(model, None, None)) is not None
    ]
    if not overall:
        return [
            "These cells cannot say whether intermediate training helps zero-shot transfer: no "
            "model has zero-shot scores of one target both with and without it (same-data and "
            "translate-train cells do not count).",
            scope(grid),
        ]
    return [
        "Against no intermediate training, the zero-shot score (mean over all languages but the "
        "source language) changed by these points, with 95 % intervals:",
        Lines([_changed(change) for change in overall]),
        " ".join(
            filter(
                None,
                (
                    _compared(grid, [change.model for change in overall]),
                    _covered(grid, overall),
                    _missing(grid, overall),
                    _collapsed(grid, overall),
                ),
            )
        ),
        *_pairs(report),
        *_between_models(report.analysis.contrasts),
        scope(grid),
    ]


def scope(grid: Grid) -> str:
    """What the models of this study can stand for."""
    models = Counter(grid.architectures.values())
    if len(models) == 1:
        return (
            f"All models here are of one architecture ({next(iter(models))}): the page says "
            "nothing about differences between architectures, and answers for these models only."
        )
    counts = listing(f"{count} {name}" for name, count in models.items())
    return (
        f"Models by architecture: {counts}. One model per architecture answers for these models "
        "only: a difference between two of them is not yet a difference between architectures."
        if max(models.values()) == 1
        else f"Models by architecture: {counts}. They answer for these models only: differences "
        "between them are not yet differences between architectures."
    )


def _changed(change: Change) -> str:
    found = "not distinguishable from no change"
    if change.significant:
        found = "a gain " if change.interval.value > 0 else "a loss "
        found += beyond(change.seeds)
    return (
        f"{change.model} ({change.architecture}): {signed(change.interval.value)} "
        f"({bounds(change.interval)}), {found}"
    )


def _compared(grid: Grid, models: Sequence[str]) -> str:
    """What the means of the models are taken over, and whether that is the same for all."""
    counts = [len(grid.pairs(model)) for model in models]
    pairs = f"{span(counts)} {'pair' if max(counts) == 1 else 'pairs'} of intermediate and target"
    if len({grid.compared(model) for model in models}) == 1:
        same = " for every model" if len(models) > 1 else ""
        return f"Means over {pairs}, the same{same}." if same else f"That is a mean over {pairs}."
    return (
        f"Those are means over {pairs}, but not over the same finished cells for every model: "
        "they do not compare the models."
    )


def _covered(grid: Grid, changes: Sequence[Change]) -> str:
    """What the intervals are made of, and with one seed what they leave out."""
    counts = span(row.n for row in grid.rows)
    seeds = min(change.seeds for change in changes)
    if seeds == 1:
        return (
            f"The intervals are of the tested examples alone (n = {counts} per language, paired): "
            "with one seed, nobody knows how far another training run would move these numbers."
        )
    return f"The intervals are paired, over {seeds} seeds and n = {counts} examples per language."


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


def _pairs(report: Report) -> list[str]:
    """How many single pairs moved significantly, and the largest of them."""
    pairs = [
        change
        for change in report.analysis.changes
        if change.language is None
        and change.intermediate is not None
        and change.target is not None
        and change.counts
    ]
    if not pairs:
        return []
    clear = sorted((c for c in pairs if c.significant), key=lambda c: -abs(c.interval.value))
    rose = [change for change in clear if change.interval.value > 0]
    fell = [change for change in clear if change.interval.value <= 0]
    many = f"Of {len(pairs)} single changes (a model, an intermediate, a target)"
    if len(pairs) == 1:
        many = "Of the one single change (a model, an intermediate, a target)"
    text = (
        f"{many}, {len(rose)} rose and {len(fell)} fell "
        f"{beyond(min(c.seeds for c in pairs))} (adjusted p below {LEVEL:g}); "
        f"{len(pairs) - len(clear)} cannot be told from no change."
    )
    for kind, found in (("gains", rose), ("losses", fell)):
        if found:
            text += f" Largest {kind}: {listing(map(_pair, found[:NAMED]))}."
    return [text]


def _pair(change: Change) -> str:
    value = signed(change.interval.value)
    return f"{change.intermediate} before {change.target} with {change.model} ({value})"


def _between_models(contrasts: Sequence[Contrast]) -> list[Piece]:
    found = [c for c in contrasts if c.target is None and c.intermediate is None]
    if not found:
        return []
    each = [
        f"{contrast.first} minus {contrast.second}: {signed(contrast.interval.value)} "
        f"({bounds(contrast.interval)}), {_told_apart(contrast)}"
        for contrast in found
    ]
    return [
        "Did the change depend on the model? The change of one minus the change of the other, on "
        "the cells that both have:",
        Lines(each),
    ]


def _told_apart(contrast: Contrast) -> str:
    if not contrast.significant:
        return "not distinguishable from no difference"
    return f"a difference {beyond(contrast.seeds)}"
