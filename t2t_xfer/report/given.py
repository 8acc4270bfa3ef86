"""What the page is made of.

The rule: the page computes no statistic of its own. Scores come with the grid, intervals and tests
with the analysis, and what the store alone knows (cost, drift) is counted before.

    PageInput("quickstart", notes, grid, aside, analysis)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from t2t_xfer.report.grid import Grid

if TYPE_CHECKING:
    from t2t_xfer.report.claims import Verdict
    from t2t_xfer.report.findings import Analysis
    from t2t_xfer.study.results import Result


@dataclass(frozen=True)
class Cost:
    """What one finished stage took."""

    stage: str
    """Its id."""
    kind: str
    label: str
    seconds: float
    """Wall clock, of the last attempt."""
    tokens: int | None = None
    """Read and written by the model, or trained on; None: no model ran, or it was not counted."""
    memory: int | None = None
    """Highest resident memory of the process while the stage ran, in bytes; None: not measured."""
    device_memory: int | None = None
    """Highest memory allocated on the accelerator, in bytes; None: there is none."""
    device: str = ""


@dataclass(frozen=True)
class Drift:
    """How much of the generated text of a cell is in another script than its language's."""

    model: str
    intermediate: str
    target: str
    language: str
    letters: int
    """Letters of all generated answers."""
    outside: int
    """Those of them that are outside the language's script."""
    gold_letters: int
    """Letters of the first gold answers."""
    gold_outside: int
    """Those of them that are outside it too, such as names written in Latin."""

    @property
    def share(self) -> float | None:
        """Share of letters outside the script, 0 to 1."""
        return self.outside / self.letters if self.letters else None

    @property
    def gold_share(self) -> float | None:
        """The same of the gold answers."""
        return self.gold_outside / self.gold_letters if self.gold_letters else None


@dataclass(frozen=True)
class PageInput:
    """A study, finished or half finished."""

    study: str
    notes: Sequence[str]
    """What must be read first: synthetic data, absent languages, how many cells are missing."""
    grid: Grid
    """The cells of the main tables (`grid.by_readout`)."""
    aside: Grid
    """The same places read once more in another way; in no mean."""
    analysis: Analysis
    verdicts: Sequence[Verdict] = ()
    observed: Sequence[Result] = ()
    costs: Sequence[Cost] = ()
    drift: Sequence[Drift] = ()
    unfinished: Mapping[str, str] = field(default_factory=dict)
    """Stage id to what became of it: failed, blocked, running, waiting."""
    distances: Mapping[str, float] = field(default_factory=dict)
    """Language to its distance from English, 0 to 1, where it is known before any score."""
    examples: str | None = None
    """Where the example browser lies beside the page; None: there is none."""
