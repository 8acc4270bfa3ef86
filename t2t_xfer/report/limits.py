"""What the intervals of a report do not cover, in sentences for its readers.

The rule: a limit is told only where it applies, with what it applies to.

    limits(grid, changes, gaps)     # ('Every number rests on one seed: ...', ...)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from t2t_xfer.report.document import listing, span
from t2t_xfer.report.numbers import ALL, NONE, Grid

if TYPE_CHECKING:
    from t2t_xfer.report.findings import Change, Gap

FEW_SEEDS = 5
FEW_EXAMPLES = 30
"""Below it, percentile intervals are too narrow whatever the metric."""
TUNED = ("bucc_f1", "squad_v2")
"""Metrics with a threshold that was chosen on other data, or on the scored data themselves."""


def limits(grid: Grid, changes: Sequence[Change], gaps: Sequence[Gap]) -> tuple[str, ...]:
    """The limits of an analysis, the gravest first."""
    if not grid.rows:
        return ("No cell is finished: there is nothing to analyse.",)
    found = [*_absent(grid, changes, gaps), *_seeds(grid, changes), *_examples(grid, changes)]
    drawn = "the examples and the seeds" if len(grid.seeds) > 1 else "the examples"
    found.append(
        f"Intervals and p-values are about {drawn} that could have been drawn instead. The models,"
        " the tasks, the languages, the prompts and the training settings are taken as they are."
    )
    return (*found, *_metrics(grid))


def _absent(grid: Grid, changes: Sequence[Change], gaps: Sequence[Gap]) -> Iterator[str]:
    if NONE not in grid.intermediates:
        yield f"No run without intermediate training (`{NONE}`) is finished: there are no changes."
    elif not changes:
        yield (
            "No place is finished both with and without intermediate training: there are no"
            " changes."
        )
    elif not any(each.target is None and each.language is None for each in changes):
        yield (
            "No zero-shot language has a change that counts: nothing here speaks of transfer"
            " between tasks and languages."
        )
    if changes and grid.missing():
        yield (
            "Some cells are missing. A change or a contrast is over the cells that both sides have;"
            " a mean score is over those that are there."
        )
    if len(grid.models) == 1:
        yield "One model: there is nothing to compare architectures by."
    if not gaps:
        yield "No target has scores in its source language and in another one: no transfer gap."


def _seeds(grid: Grid, changes: Sequence[Change]) -> Iterator[str]:
    found = {each.seeds for each in changes if each.language not in (None, ALL)}
    found = found or {len(grid.seeds)}
    if found == {1}:
        yield (
            "One seed: the intervals cover which examples were tested, not what another training"
            " run would have given. Differences between training runs are often as large."
        )
        return
    if 1 in found:
        yield (
            "Some changes rest on one seed: their intervals cover examples only, and look narrower"
            " than those over several seeds."
        )
    several = sorted(found - {1})
    if several and several[0] < FEW_SEEDS:
        yield (
            f"{span(several)} seeds: the spread between training runs is known from so few, so"
            " intervals are as wide as Student's t asks for (two seeds say next to nothing)."
        )


def _examples(grid: Grid, changes: Sequence[Change]) -> Iterator[str]:
    few = sorted({row.target for row in grid.rows if row.n < FEW_EXAMPLES})
    if few:
        yield (
            f"Fewer than {FEW_EXAMPLES} examples in a language of {listing(few)}: intervals there"
            " are too narrow."
        )
    if any(each.unseen for each in changes):
        yield (
            "Where no example of a cell was scored differently, its change is not exactly 0: a rate"
            " of differences up to 3 in n examples could have gone unseen (the rule of three). That"
            " is in the interval and the p-value of every mean, difference and gap with such cells."
        )


def _metrics(grid: Grid) -> Iterator[str]:
    tuned = [target for target in grid.targets if {r.metric for r in grid.of(target)} & {*TUNED}]
    if tuned:
        yield (
            f"Thresholds of {listing(tuned)} were chosen once and stay as they are under redrawing:"
            " what choosing them adds to the uncertainty is not covered."
        )
