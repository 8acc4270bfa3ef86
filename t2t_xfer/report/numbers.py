"""All numbers of a report: the cells as grids, and what redrawing their examples says of them.

numbers = study_numbers(observe(file, store))
numbers.main.grid.mean("mt5", "mnli", "xnli"), numbers.main.analysis.change("mt5", "mnli", "xnli")
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from t2t_xfer.report.findings import Analysis, analyse
from t2t_xfer.report.grid import EMBED, Grid, Planned, aside_name, by_readout, read_twice
from t2t_xfer.report.resampled import Resampled
from t2t_xfer.study.results import Result


class Analysed(NamedTuple):
    """A grid and its analysis."""

    grid: Grid
    analysis: Analysis


class Numbers(NamedTuple):
    """What a report tells."""

    main: Analysed
    aside: Analysed
    """The same places read in another way (`grid.by_readout`)."""
    resampled: Resampled


def study_numbers(
    observed: Sequence[Result], planned: Sequence[Planned] = (), *, replicates: int = 1000
) -> Numbers:
    """The numbers of the cells that are finished; of none, empty grids.

    Args:
        planned: every cell of the study, so that what is missing from a mean is known; empty: every
            combination of what the finished ones name.
        replicates: redrawings behind each interval.

    Raises:
        ValueError: two of them are the same cell.
    """
    embedded = read_twice([*observed, *planned])
    resampled = Resampled(observed, replicates=replicates, embedded=embedded)
    rows = by_readout(observed, embedded)
    read_again = [each.target in embedded and each.readout != EMBED for each in planned]
    plans = (
        [cell for cell, again in zip(planned, read_again, strict=True) if not again],
        [
            cell._replace(target=aside_name(cell))
            for cell, again in zip(planned, read_again, strict=True)
            if again
        ],
    )
    grids = [Grid(*each) for each in zip(rows, plans, strict=True)]
    main, aside = (Analysed(grid, analyse(grid, resampled)) for grid in grids)
    return Numbers(main, aside, resampled)
