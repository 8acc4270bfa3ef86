"""All numbers of a report: the cells as grids, and what redrawing their examples says of them.

numbers = study_numbers(observe(file, store))
numbers.main.grid.mean("mt5", "mnli", "xnli"), numbers.main.analysis.change("mt5", "mnli", "xnli")
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from t2t_xfer.report.analysis import Analysis, analyse
from t2t_xfer.report.grid import Grid, by_readout
from t2t_xfer.report.observed import Observed
from t2t_xfer.report.resampled import Resampled

STAR = "*"


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


def study_numbers(observed: Sequence[Observed], *, replicates: int = 1000) -> Numbers:
    """The numbers of the cells that are finished; of none, empty grids.

    Args:
        replicates: redrawings behind each interval.

    Raises:
        ValueError: two of them are the same cell.
    """
    resampled = Resampled(observed, replicates=replicates)
    grids = map(Grid, by_readout([each.row for each in observed]))
    main, aside = (Analysed(grid, analyse(grid, resampled)) for grid in grids)
    return Numbers(main, aside, resampled)


def star(significant: bool) -> str:
    """The mark of a significant change."""
    return STAR if significant else ""
