"""What stands behind one cell: every example's statistics, as the `score` stage logged them.

The rule: the same example id in several languages of a target is one cluster, since XNLI, PAWS-X
and XQuAD are parallel translations (`Example.id`). Statistics add up (`metrics.metric`), so a
score over redrawn examples needs their sums alone.

    observed = observe(file, store)         # study/observations.py
    observed[0].row.score, observed[0].statistics.sum(axis=0)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from t2t_xfer.report.cells import CellRow

Floats: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Observed:
    """One finished cell and its examples, all in the same order."""

    row: CellRow
    ids: tuple[str, ...]
    """Example ids, each once."""
    statistics: Floats
    """`[examples, statistics of the metric]`, additive."""
    statuses: tuple[str, ...]
    """How each answer came to be: values of `records.Status`."""
    removed_tokens: NDArray[np.int64]
    """Input tokens that did not fit, by example; 0 where nothing was cut."""

    def __post_init__(self) -> None:
        lengths = {len(self.ids), len(self.statuses), len(self.removed_tokens)}
        if self.statistics.ndim != 2 or {len(self.statistics)} != lengths:
            raise ValueError(f"{self.row.key}: the examples' columns differ in length")
        if len(self.ids) != self.row.n:
            raise ValueError(f"{self.row.key}: {len(self.ids)} examples, but n = {self.row.n}")
