"""Logged results looked at once more: do the answers say that labels are the wrong way round?

inverted(Path("eval_outputs/quickstart"), {"xnli": ("entailment", "neutral", "contradiction")})
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from t2t_xfer.check.findings import Finding
from t2t_xfer.errors import UserError
from t2t_xfer.metrics.chance import alarm, chance_level, renamed
from t2t_xfer.records import Status
from t2t_xfer.stages.score import ScoreStage
from t2t_xfer.study.plan_file import PLAN, STORE, study_directories
from t2t_xfer.study.results import Result, Results

BASELINES = ("oracle", "majority")
"""What reads no model."""


def inverted(run: Path, labels: Mapping[str, Sequence[str]]) -> dict[str, list[Finding]]:
    """Task -> an alarm for each score that is clearly below chance, or that exchanged labels would
    explain.

    Args:
        run: the directory of a study or of evaluations, one that holds such directories, or their
            store.
        labels: the labels or letters of each task that is looked at, in their order.
    """
    above = run.resolve().parent if run.name == STORE else run
    directories = [run] if (run / PLAN).is_file() else study_directories(above)
    if not directories:
        raise UserError(
            f"--results {run}: no results are there. Give a study's directory or the directory"
            " that --output named, for example eval_outputs."
        )
    alarms: dict[str, list[Finding]] = {}
    for result in (each for path in directories for each in Results.read(path).finished):
        if result.target in labels and result.readout not in BASELINES:
            alarms.setdefault(result.target, []).extend(_alarms(result, labels[result.target]))
    if not alarms:
        raise UserError(
            f"--results {run}: holds no model's score of {', '.join(labels)} (of tasks with labels"
            " or letters). Name a task that the run has tested."
        )
    return alarms


def _alarms(result: Result, labels: Sequence[str]) -> Iterator[Finding]:
    assert result.log is not None
    where = f"{result.log.score.label}, {result.language}/{result.split}"
    pairs = Counter[tuple[str, str]](
        (row["gold"], row["value"])
        for row in result.log.scored()
        if row["status"] != Status.invalid.value
    )
    n = pairs.total()
    if not n:
        return
    golds = Counter[str]()
    for (gold, _), count in pairs.items():
        golds[gold] += count
    score = 100.0 * sum(c for (gold, value), c in pairs.items() if gold == value) / n
    low = alarm(score, n, chance_level(golds[label] for label in labels))
    if low is not None:
        yield Finding("alarm", where, low)
    names_of = result.log.score.stage(ScoreStage).parsed.labels
    letters = all(len(str(label["name"])) == 1 for label in names_of)
    # A letter is only a place: another name for it says nothing.
    other = None if letters else renamed(labels, pairs)
    if other is not None:
        names = ", ".join(f"{a} is {b}" for a, b in other.names.items())
        what = (
            f"the answers fit if {names}: {other.accuracy:.1f} instead of {score:.1f}. Are these"
            " labels exchanged in the data or in the task's YAML?"
        )
        yield Finding("alarm", where, what)
