"""What a study found, with its uncertainty: scores, changes, contrasts of models, transfer gaps.

The rule: every figure is arithmetic on `Resampled`, so it is paired; what only some cells have is
taken over the cells that both sides have; and a p-value is adjusted for the grid it stands in.

    analysis = analyse(grid, Resampled(observed))
    analysis.change("mt5", "mnli", "xnli")          # zero-shot languages: interval, p, adjusted
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from t2t_xfer.report.comparing import find_changes, find_contrasts, find_scores
from t2t_xfer.report.findings import ALL, Change, Contrast, Gap, Place
from t2t_xfer.report.gaps import find_gaps
from t2t_xfer.report.grid import Grid
from t2t_xfer.report.intervals import Interval
from t2t_xfer.report.limits import limits
from t2t_xfer.report.resampled import Resampled

__all__ = ["ALL", "Analysis", "Change", "Contrast", "Gap", "Interval", "Place", "analyse"]


@dataclass(frozen=True)
class Analysis:
    """Everything a report says with an interval."""

    scores: Mapping[Place, Interval]
    """Means over seeds, 0 to 100."""
    changes: tuple[Change, ...]
    contrasts: tuple[Contrast, ...]
    gaps: tuple[Gap, ...]
    notes: tuple[str, ...]
    """What these intervals do not cover, in sentences."""

    def score(
        self, model: str, intermediate: str, target: str, language: str | None = None
    ) -> Interval | None:
        """The score of a place, 0 to 100; by default the mean over the zero-shot languages."""
        return self.scores.get((model, intermediate, target, language))

    def change(
        self, model: str, intermediate: str | None, target: str | None, language: str | None = None
    ) -> Change | None:
        """The change of a place against `none`; see `Change` for what None means."""
        return self._changes.get((model, intermediate, target, language))

    def contrast(
        self, first: str, second: str, target: str | None = None, intermediate: str | None = None
    ) -> Contrast | None:
        """The interaction of two models, in the order of the study's models."""
        return self._contrasts.get((first, second, target, intermediate))

    def gap(
        self, model: str, intermediate: str, target: str | None, group: str = "others"
    ) -> Gap | None:
        """The transfer gap of a place."""
        return self._gaps.get((model, intermediate, target, group))

    @cached_property
    def _changes(self) -> dict[tuple[str | None, ...], Change]:
        return {(x.model, x.intermediate, x.target, x.language): x for x in self.changes}

    @cached_property
    def _contrasts(self) -> dict[tuple[str | None, ...], Contrast]:
        return {(x.first, x.second, x.target, x.intermediate): x for x in self.contrasts}

    @cached_property
    def _gaps(self) -> dict[tuple[str | None, ...], Gap]:
        return {(x.model, x.intermediate, x.target, x.group): x for x in self.gaps}


def analyse(grid: Grid, resampled: Resampled) -> Analysis:
    """The analysis of the cells of a grid; of none, an empty one with a note.

    Args:
        grid: the rows of the main tables (`grid.by_readout`), or those read in a second way.
        resampled: of at least the cells of the grid.
    """
    changes = find_changes(grid, resampled)
    gaps = find_gaps(grid, resampled)
    return Analysis(
        find_scores(grid, resampled),
        changes,
        find_contrasts(grid, resampled),
        gaps,
        limits(grid, changes, gaps),
    )
