"""What a report is made of.

The rule: its sections compute no statistic of their own. Scores come with the grid, intervals and
tests with the analysis, and what the store alone knows (cost, drift) is counted here.

    Report("quickstart", study_numbers(observed), notes=["Synthetic data."])
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from t2t_xfer.languages import letters_outside
from t2t_xfer.records import Json, Readout
from t2t_xfer.report.findings import Analysis, Numbers
from t2t_xfer.report.numbers import Grid
from t2t_xfer.stages.base import KINDS
from t2t_xfer.stages.predict import PredictStage
from t2t_xfer.study.record import Record
from t2t_xfer.study.results import Result, Results

if TYPE_CHECKING:
    from t2t_xfer.report.claims import Verdict

TOKENS = ("tokens", "tokens_read", "tokens_written")
"""Of training, and of predictions."""


@dataclass(frozen=True)
class Report:
    """A study, finished or half finished."""

    study: str
    numbers: Numbers
    notes: Sequence[str] = ()
    """What must be read first: synthetic data, absent languages, how many cells are missing."""
    verdicts: Sequence[Verdict] = ()
    finished: Sequence[Result] = ()
    """The numbers with what stands behind them."""
    costs: Sequence[Cost] = ()
    drift: Sequence[Drift] = ()
    unfinished: Mapping[str, str] = field(default_factory=dict)
    """Stage id to what became of it: failed, blocked, running, waiting."""
    distances: Mapping[str, float] = field(default_factory=dict)
    """Language to its distance from English, 0 to 1, where it is known before any score."""

    @property
    def grid(self) -> Grid:
        """The cells of the main tables."""
        return self.numbers.main.grid

    @property
    def analysis(self) -> Analysis:
        """What is found in them."""
        return self.numbers.main.analysis

    @property
    def grids(self) -> tuple[Grid, Grid]:
        """With it, the same places read once more in another way, which are in no mean."""
        return self.numbers.main.grid, self.numbers.aside.grid


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


def costs(results: Results) -> list[Cost]:
    """The cost of every finished stage, in the order of kinds and names.

    A stage counts once, however many cells are read from it, and whichever study ran it.
    """
    found = map(_cost, results.records())
    return sorted(found, key=lambda cost: (KINDS.index(cost.kind), cost.stage))


def _cost(record: Record) -> Cost:
    results: Any = record.results
    counted = [results[name] for name in TOKENS if name in results]
    memory: Any = record.memory
    return Cost(
        stage=record.stage_id,
        kind=record.kind,
        label=record.label,
        seconds=record.seconds,
        tokens=sum(counted) if counted else None,
        memory=memory.get("process"),
        device_memory=memory.get("accelerator"),
        device=str(results.get("device", "")),
    )


def drift(results: Results) -> list[Drift]:
    """One entry for each model, intermediate, target and language; seeds are added up.

    Only answers that were written (`generate`) and that stand in the target language (spans) count:
    labels are English words in every language, so English there is no drift.
    """
    places: dict[tuple[str, str, str, str], list[Result]] = {}
    for each in results.finished:
        if each.readout == Readout.generate:
            place = (each.model, each.intermediate, each.target, each.language)
            places.setdefault(place, []).append(each)
    found = (_drift(place, numbers) for place, numbers in places.items())
    return [each for each in found if each is not None]


def _drift(place: tuple[str, str, str, str], numbers: Sequence[Result]) -> Drift | None:
    written: list[str] = []
    golds: list[str] = []
    for log in (each.log for each in numbers):
        if log is None or log.predict is None:
            continue
        if log.predict.stage(PredictStage).shown.answer == "span":
            for row in log.answered():
                written.append(row["text"] or "")
                golds.append(first_text(row["gold"]))
    language = place[-1]
    totals = (*letters_outside(written, language), *letters_outside(golds, language))
    return Drift(*place, *totals) if any(totals) else None


def first_text(gold: Json) -> str:
    """A gold answer as text, the first of several."""
    if isinstance(gold, list):
        return first_text(gold[0]) if gold else ""
    if isinstance(gold, dict):
        return str(gold.get("text", ""))
    return "" if gold is None else str(gold)
