"""The results of a study, finished or running: every number with what stands behind it.

The rule: nothing is decoded, parsed or scored again, and a half-finished study gives the numbers
that it has. A number is known from its record at once; its examples are read when they are asked
for, once, and equal ids are kept once, so that half a million rows stay small.

    results = Results.read(Path("eval_outputs/quickstart"))
    results.finished[0].score                       # 71.5
    results.finished[0].statistics.sum(axis=0)      # of all its examples
    results.unfinished                              # the cells without a number
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from t2t_xfer.errors import UserError
from t2t_xfer.records import Json, Split
from t2t_xfer.stages.base import canonical_json
from t2t_xfer.stages.logs import PREDICTIONS, STATISTICS, read_log
from t2t_xfer.stages.score import ScoreStage
from t2t_xfer.study.plan_file import PLAN, Cell, Key, Plan, load_plan, store_of
from t2t_xfer.study.record import Record
from t2t_xfer.study.store import Store

Floats: TypeAlias = NDArray[np.float64]

ROWS = ("language", "split", "place", "where", "data", "files", "parts")
"""What the spec of a `predict` stage may say of its rows, but for how many were read."""


@dataclass(frozen=True, eq=False)
class Examples:
    """The examples behind a number, as the `score` stage logged them, all in the same order.

    The same id in several languages of a target is one cluster, since XNLI, PAWS-X and XQuAD are
    parallel translations (`Example.id`). Statistics add up, so a score over redrawn examples needs
    their sums alone.
    """

    ids: tuple[str, ...]
    """Each once."""
    statistics: Floats
    """`[examples, statistics of the metric]`, additive."""
    statuses: tuple[str, ...]
    """How each answer came to be: values of `records.Status`."""
    removed_tokens: NDArray[np.int64]
    """Input tokens that did not fit, by example; 0 where nothing was cut."""

    def __post_init__(self) -> None:
        lengths = {len(self.ids), len(self.statuses), len(self.removed_tokens)}
        if self.statistics.ndim != 2 or {len(self.statistics)} != lengths:
            raise ValueError("the columns of the examples differ in length")


@dataclass(frozen=True, eq=False)
class Log:
    """Where the logs of a finished number are, and their one reader."""

    score: Record
    statistics: Path
    predict: Record | None
    """The stage whose answers were scored; None: it is gone."""
    predictions: Path | None
    known: dict[tuple[str, ...], tuple[str, ...]] = field(default_factory=dict)
    """Ids of other logs: equal ones become the same object."""

    def scored(self, ids: Collection[str] | None = None) -> Iterator[dict[str, Any]]:
        """The lines of `statistics.jsonl`: of all examples, or of those with these ids.

        Raises:
            UserError: the log cannot be read; names the file and the line.
        """
        return read_log(self.statistics, ids)

    def answered(self, ids: Collection[str] | None = None) -> Iterator[dict[str, Any]]:
        """The same of `predictions.jsonl`; none if the answers are gone."""
        return iter(()) if self.predictions is None else read_log(self.predictions, ids)

    @cached_property
    def examples(self) -> Examples:
        """All examples.

        Raises:
            UserError: the log cannot be read; names the file and the line.
        """
        kept: dict[str, str] = {}  # a status stands in thousands of rows
        lines = [
            (row["id"], row["statistics"], kept.setdefault(row["status"], row["status"]))
            for row in self.scored()
        ]
        try:
            ids, statistics, statuses = map(tuple, zip(*lines, strict=True))
            table = np.array(statistics, dtype=np.float64)
        except ValueError as error:
            raise UserError(f"{self.statistics} holds no table of statistics: {error}.") from error
        return Examples(self.known.setdefault(ids, ids), table, statuses, self._removed(ids))

    def _removed(self, ids: tuple[str, ...]) -> NDArray[np.int64]:
        """Read only where the record says that something was cut."""
        removed = np.zeros(len(ids), dtype=np.int64)
        if self.predict is not None and self.predict.results.get("removed_tokens") != 0:
            found = {row["id"]: row["removed_tokens"] for row in self.answered()}
            removed[:] = [found.get(id, 0) for id in ids]
        return removed


@dataclass(frozen=True)
class Result:
    """A finished number of a study, with what is needed to read it."""

    study: str
    model: str
    architecture: str
    intermediate: str
    """A task's name, several joined by `+`, or `none`."""
    target: str
    language: str
    seed: int
    metric: str
    score: float
    """0 to 100."""
    n: int
    """Number of examples."""
    invalid_rate: float
    """Share of examples without a readable answer, 0 to 1. They count as wrong."""
    readout: str
    signature: str
    same_data: bool | None = None
    """The intermediate task is the target's own training data. None: not known."""
    translate_train: bool = False
    """Some of the training rows are translations, so that the number is not zero-shot."""
    majority: float | None = None
    """Score of always giving the most frequent training answer, 0 to 100."""
    chance: float | None = None
    """The least that answers without regard to the input score, 0 to 100, where the answers are
    labels or letters (`metrics.chance`)."""
    answers: int | None = None
    """How many different answers were given; of tags, how many different ones to single words. An
    answer that could not be read is one of them. None: not known."""
    split: Split = "test"
    """Whose rows were scored."""
    source_language: str = "en"
    """The language of the target's training data: a number in it is not zero-shot."""
    rows: str = ""
    """The tested rows in few words, where they are from and a hash of what they hold: equal texts
    are the same rows, whatever two studies call them."""
    log: Log | None = field(default=None, compare=False, repr=False)
    """What stands behind it; None: the number is all that is known."""
    chosen: Examples | None = field(default=None, compare=False, repr=False)
    """A choice of its examples; None: all of the log."""

    def __post_init__(self) -> None:
        if not 0 <= self.score <= 100:
            raise ValueError(f"score {self.score} of {self.key} is not between 0 and 100")
        if not 0 <= self.invalid_rate <= 1:
            raise ValueError(f"invalid_rate {self.invalid_rate} of {self.key} is not a share")
        if self.n < 1:
            raise ValueError(f"{self.key} is a score of no examples")
        if self.chosen is not None and len(self.chosen.ids) != self.n:
            raise ValueError(f"{self.key}: {len(self.chosen.ids)} examples, but n = {self.n}")

    @property
    def key(self) -> Key:
        """What makes it one of a kind in its study."""
        return (self.model, self.intermediate, self.target, self.language, self.seed, self.readout)

    @property
    def constant(self) -> bool:
        """All examples got one answer, and it is not that all of them have one."""
        return self.answers == 1 and self.n > 1 and self.score < 100

    @property
    def recorded(self) -> Mapping[str, Json]:
        """All that the record of its score says."""
        return {} if self.log is None else self.log.score.results

    @property
    def examples(self) -> Examples:
        """Those behind the number; read when first asked for.

        Raises:
            UserError: the log cannot be read; names the file and the line.
            ValueError: there is no log, or it is not that of this number.
        """
        if self.chosen is not None:
            return self.chosen
        if self.log is None:
            raise ValueError(f"{self.key}: its examples are not known")
        if len(self.log.examples.ids) != self.n:
            raise ValueError(f"{self.key}: {len(self.log.examples.ids)} examples, but n = {self.n}")
        return self.log.examples

    @property
    def ids(self) -> tuple[str, ...]:
        """See `Examples.ids`."""
        return self.examples.ids

    @property
    def statistics(self) -> Floats:
        """See `Examples.statistics`."""
        return self.examples.statistics

    @property
    def statuses(self) -> tuple[str, ...]:
        """See `Examples.statuses`."""
        return self.examples.statuses

    @property
    def removed_tokens(self) -> NDArray[np.int64]:
        """See `Examples.removed_tokens`."""
        return self.examples.removed_tokens


class Results:
    """A study's plan and store, and what they hold."""

    def __init__(self, plan: Plan, store: Store) -> None:
        self.plan = plan
        self.store = store
        self._known: dict[tuple[str, ...], tuple[str, ...]] = {}

    @classmethod
    def read(cls, directory: Path) -> Results:
        """The results of a study's directory, or of the one that `evaluate` wrote to.

        Raises:
            UserError: it holds no plan, or there is no store.
        """
        if not os.path.lexists(directory / PLAN):
            raise UserError(
                f"{directory} holds no {PLAN}, so nothing was run there. Give the directory of a"
                " study, for example eval_outputs/quickstart, or the --output of `t2t-xfer"
                " evaluate`."
            )
        plan, root = load_plan(directory), store_of(directory)
        if not root.is_dir():
            raise UserError(
                f"the store {root} is not there, so there is nothing to report. A study's directory"
                " stays beside the store that its numbers come from."
            )
        return cls(plan, Store(root))

    @cached_property
    def finished(self) -> tuple[Result, ...]:
        """The numbers that are there, in the order of the cells."""
        return tuple(filter(None, map(self._result, self.plan.cells)))

    @cached_property
    def unfinished(self) -> tuple[Cell, ...]:
        """The cells that have no number, in their order."""
        there = {each.key for each in self.finished}
        return tuple(cell for cell in self.plan.cells if cell.key not in there)

    def _result(self, cell: Cell) -> Result | None:
        log = self.log(cell.score_id)
        if log is None:
            return None
        results: Any = log.score.results
        return Result(
            cell.study,
            cell.model,
            cell.architecture,
            cell.intermediate,
            cell.target,
            cell.language,
            cell.seed,
            results["metric"],
            results["score"],
            results["n"],
            results["invalid_rate"],
            cell.readout,
            results["signature"],
            same_data=cell.same_data,
            translate_train=cell.translate_train,
            majority=self._majority(cell),
            chance=results.get("chance"),
            answers=results.get("different_answers"),
            split=log.score.stage(ScoreStage).split,
            source_language=self.plan.sources[cell.target],
            rows=_rows(log),
            log=log,
        )

    def _majority(self, cell: Cell) -> float | None:
        score_id = self.plan.baselines.get(f"{cell.target}/{cell.language}")
        record = None if score_id is None else self.store.record(score_id)
        score: Any = None if record is None else record.results["score"]
        return None if score is None else float(score)

    def log(self, score_id: str) -> Log | None:
        """What stands behind a score; None: it is not finished."""
        score = self.store.record(score_id)
        if score is None:
            return None
        need = score.needs.get("predictions", "")
        predict = self.store.record(need) if need else None
        predictions = None if predict is None else self.store.path(need) / PREDICTIONS
        statistics = self.store.path(score_id) / STATISTICS
        return Log(score, statistics, predict, predictions, self._known)

    def records(self) -> Iterator[Record]:
        """The records of all finished stages behind the cells and the baselines, each once; a
        stage after those that are made from it."""
        plan, seen = self.plan, set[str]()
        wanted: Iterable[str] = [*(c.score_id for c in plan.cells), *plan.baselines.values()]
        while wanted:
            needs: dict[str, None] = {}
            for stage_id in wanted:
                record = None if stage_id in seen else self.store.record(stage_id)
                if record is not None:
                    seen.add(stage_id)
                    needs.update(dict.fromkeys(record.needs.values()))
                    yield record
            wanted = needs


def _rows(log: Log) -> str:
    if log.predict is None:  # pruned by hand: only the same score is surely of the same rows
        return log.score.stage_id
    told: dict[str, Json] = {key: log.predict.spec[key] for key in ROWS if key in log.predict.spec}
    digest = hashlib.sha256(canonical_json(told).encode()).hexdigest()[:12]
    return f"{told.get('place') or told.get('language')} ({digest})"
