"""The finished numbers of a study, each with what stands behind it.

What stands behind one cell: every example's statistics, as the `score` stage logged them.

The rule: the same example id in several languages of a target is one cluster, since XNLI, PAWS-X
and XQuAD are parallel translations (`Example.id`). Statistics add up (`metrics.metric`), so a
score over redrawn examples needs their sums alone.

    observed = observe(file, store)         # study/observations.py
    observed[0].row.score, observed[0].statistics.sum(axis=0)

The examples behind the finished cells of a study, read from the store.

The rule: nothing is decoded or parsed again, and a half-finished study gives the cells it has.
Equal ids are kept once, so half a million rows stay small.

    observed = observe(load_study(directory), store)

Single lines of the logs of finished stages, without reading the others as JSON.

The rule: of a log of half a million lines only the wanted ones are parsed. Every line begins with
its example's id (`stages.logs`), which is all that is looked at elsewhere.

    lines_of(path, {"17", "4"})     # {"4": {"id": "4", …}, "17": {…}}
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from t2t_xfer.errors import UserError
from t2t_xfer.records import Json, Split
from t2t_xfer.stages.logs import PREDICTIONS, STATISTICS
from t2t_xfer.study.plan_file import StudyFile
from t2t_xfer.study.record import Record
from t2t_xfer.study.store import Store


@dataclass(frozen=True)
class CellRow:
    """One number, with what is needed to read it. `cells.csv` holds the fields of `COLUMNS`."""

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
    """Some of the training rows are translations, so that the row is not zero-shot."""
    majority: float | None = None
    """Score of always giving the most frequent training answer, 0 to 100."""
    oracle: float | None = None
    """Score of the gold answers themselves, 0 to 100: the ceiling of this metric and data."""
    chance: float | None = None
    """The least that answers without regard to the input score, 0 to 100, where the answers are
    labels or letters (`metrics.chance`)."""
    answers: int | None = None
    """How many different answers were given; of tags, how many different ones to single words. An
    answer that could not be read is one of them. None: not known."""
    split: Split = "test"
    """Whose rows were scored."""
    source_language: str = "en"
    """The language of the target's training data: this row is not zero-shot if it is `language`."""

    def __post_init__(self) -> None:
        if not 0 <= self.score <= 100:
            raise ValueError(f"score {self.score} of {self.key} is not between 0 and 100")
        if not 0 <= self.invalid_rate <= 1:
            raise ValueError(f"invalid_rate {self.invalid_rate} of {self.key} is not a share")
        if self.n < 1:
            raise ValueError(f"{self.key} is a score of no examples")

    @property
    def constant(self) -> bool:
        """All examples got one answer, and it is not that all of them have one."""
        return self.answers == 1 and self.n > 1 and self.score < 100

    @property
    def key(self) -> tuple[str, str, str, str, int, str]:
        """What makes the row one of a kind in its study."""
        return (self.model, self.intermediate, self.target, self.language, self.seed, self.readout)


def collect(file: StudyFile, store: Store) -> list[CellRow]:
    """The rows of the cells that are finished."""
    rows: list[CellRow] = []
    for cell in file.cells:
        record = store.record(cell.score_id)
        if record is None:
            continue
        results: Any = record.results
        split: Any = record.spec["split"]
        baseline_id = file.baselines.get(f"{cell.target}/{cell.language}")
        baseline = None if baseline_id is None else store.record(baseline_id)
        majority: Any = None if baseline is None else baseline.results["score"]
        rows.append(
            CellRow(
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
                majority=majority,
                chance=results.get("chance"),
                answers=results.get("different_answers"),
                split=split,
                source_language=file.sources[cell.target],
            )
        )
    return rows


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


class _Examples(NamedTuple):
    """What one `score` stage logged; several cells may share it."""

    ids: tuple[str, ...]
    statistics: Floats
    statuses: tuple[str, ...]
    removed_tokens: NDArray[np.int64]


def observe(file: StudyFile, store: Store) -> list[Observed]:
    """The finished cells with their examples, in the order of the study's cells.

    Raises:
        UserError: a log of a finished stage cannot be read; names the file and the line.
    """
    reader = _Reader(store)
    found = []
    for cell in file.cells:
        # No row: the cell is not finished.
        for row in collect(replace(file, cells=(cell,)), store):
            found.append(Observed(row, *reader.examples(cell.score_id)))
    return found


class _Reader:
    """Reads each stage once, and keeps one object for equal ids."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._read: dict[str, _Examples] = {}
        self._ids: dict[tuple[str, ...], tuple[str, ...]] = {}

    def examples(self, score_id: str) -> _Examples:
        if score_id not in self._read:
            self._read[score_id] = self._examples(score_id)
        return self._read[score_id]

    def _examples(self, score_id: str) -> _Examples:
        path = self._store.path(score_id) / STATISTICS
        kept: dict[str, str] = {}  # a status stands in thousands of rows
        lines = [
            (row["id"], row["statistics"], kept.setdefault(row["status"], row["status"]))
            for row in _rows(path)
        ]
        try:
            ids, statistics, statuses = map(tuple, zip(*lines, strict=True))
            table = np.array(statistics, dtype=np.float64)
        except ValueError as error:
            raise UserError(f"{path} holds no table of statistics: {error}.") from error
        ids = self._ids.setdefault(ids, ids)
        return _Examples(ids, table, statuses, self._removed(score_id, ids))

    def _removed(self, score_id: str, ids: tuple[str, ...]) -> NDArray[np.int64]:
        """Read only where the record says that something was cut."""
        removed = np.zeros(len(ids), dtype=np.int64)
        score = self._store.record(score_id)
        needed = "" if score is None else score.needs.get("predictions", "")
        record = self._store.record(needed) if needed else None
        if record is None or record.results.get("removed_tokens") == 0:
            return removed
        path = self._store.path(needed) / PREDICTIONS
        found = {row["id"]: row["removed_tokens"] for row in _rows(path)}
        removed[:] = [found.get(id, 0) for id in ids]
        return removed


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    try:
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                try:
                    yield json.loads(line)
                except ValueError as error:
                    raise UserError(
                        f"{path}:{number}: not a line of JSON ({error}). Run `t2t-xfer store"
                        " verify` to see which stages are damaged, then run the study again."
                    ) from error
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from error


_START = '{"id": '
_DECODER = json.JSONDecoder()


class Logged(NamedTuple):
    """Where the logs of a finished score are."""

    score: Record
    statistics: Path
    predict: Record | None
    """The stage whose answers were scored; None: it is gone."""
    predictions: Path | None


def logged_at(score_id: str, store: Store) -> Logged | None:
    """The logs behind a score; None: it is not finished."""
    score = store.record(score_id)
    if score is None:
        return None
    need = score.needs.get("predictions", "")
    predict = store.record(need) if need else None
    predictions = None if predict is None else store.path(need) / PREDICTIONS
    return Logged(score, store.path(score_id) / STATISTICS, predict, predictions)


def lines_of(path: Path | None, ids: Collection[str]) -> dict[str, dict[str, Any]]:
    """The lines of these examples by id; those that the log does not have are left out.

    Raises:
        UserError: a line is not what a stage writes.
    """
    found: dict[str, dict[str, Any]] = {}
    if path is None:
        return found
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            id = _id(path, line)
            if id in ids:
                found[id] = parsed(path, line)
                if len(found) == len(ids):
                    break
    return found


def parsed(path: Path, line: str) -> dict[str, Any]:
    """A line of a log.

    Raises:
        UserError: it is not what a stage writes.
    """
    try:
        found: dict[str, Any] = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise _damaged(path) from error
    return found


def _id(path: Path, line: str) -> str:
    try:
        if line.startswith(_START):
            return str(_DECODER.raw_decode(line, len(_START))[0])
    except ValueError as error:
        raise _damaged(path) from error
    raise _damaged(path)


def _damaged(path: Path) -> UserError:
    return UserError(
        f"{path} holds a line that no stage wrote. Run `t2t-xfer store verify` to see which stages"
        " are damaged, then run the study again."
    )


def first_text(gold: Json) -> str:
    """A gold answer as text, the first of several."""
    if isinstance(gold, list):
        return first_text(gold[0]) if gold else ""
    if isinstance(gold, dict):
        return str(gold.get("text", ""))
    return "" if gold is None else str(gold)
