"""Logged results looked at once more: do the answers say that labels are the wrong way round?

    inverted(Path("eval_outputs/quickstart"), {"xnli": ("entailment", "neutral", "contradiction")})

Looked at is every number of a study, of the evaluations of a directory, or of all of them below it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from t2t_xfer.errors import UserError
from t2t_xfer.metrics.chance import alarm, chance_level, renamed
from t2t_xfer.records import Status
from t2t_xfer.study.plan_file import PLAN, study_directories
from t2t_xfer.study.results import Result, Results

BASELINES = ("oracle", "majority")
"""What reads no model."""


def inverted(run: Path, labels: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Task -> a sentence for each score that is clearly below chance, or that exchanged labels
    would explain.

    Args:
        run: the directory of a study or of evaluations, or one that holds such directories.
        labels: the labels or letters of each task that is looked at, in their order.

    Raises:
        UserError: the directory holds no results, or none of these tasks.
    """
    directories = [run] if (run / PLAN).is_file() else study_directories(run)
    if not directories:
        raise UserError(
            f"--results {run}: no results are there. Give a study's directory or the directory"
            " that --output named, for example eval_outputs."
        )
    alarms: dict[str, list[str]] = {}
    for result in (each for path in directories for each in Results.read(path).finished):
        if result.target in labels and result.readout not in BASELINES:
            found = alarms.setdefault(result.target, [])
            found += _told(result, labels[result.target])
    if not alarms:
        raise UserError(
            f"--results {run}: holds no model's score of {', '.join(labels)} (of tasks with labels"
            " or letters). Name a task that the run has tested."
        )
    return alarms


def _told(result: Result, labels: Sequence[str]) -> Iterator[str]:
    assert result.log is not None
    score = result.log.score
    parsed: Any = score.spec["parsed"]
    named = bool(parsed["labels"]) and not _letters(parsed["labels"])
    pairs = Counter(
        (row["gold"], row["value"])
        for row in result.log.scored()
        if row["status"] != Status.invalid.value
    )
    where = f"{score.label}, {result.language}/{result.split}"
    yield from (f"{where}: {each}" for each in _alarms(labels, pairs, named))


def _alarms(
    labels: Sequence[str], pairs: Mapping[tuple[str, str], int], named: bool
) -> Iterator[str]:
    n = sum(pairs.values())
    if not n:
        return
    golds: Counter[str] = Counter()
    for (gold, _), count in pairs.items():
        golds[gold] += count
    score = 100.0 * sum(c for (gold, value), c in pairs.items() if gold == value) / n
    low = alarm(score, n, chance_level(golds[label] for label in labels))
    if low is not None:
        yield low
    other = renamed(labels, pairs) if named else None  # a letter is only a place
    if other is not None:
        names = ", ".join(f"{a} is {b}" for a, b in other.names.items())
        yield (
            f"the answers fit if {names}: {other.accuracy:.1f} instead of {score:.1f}. Are these"
            " labels exchanged in the data or in the task's YAML?"
        )


def _letters(labels: Sequence[Mapping[str, Any]]) -> bool:
    return all(len(str(label["name"])) == 1 for label in labels)
