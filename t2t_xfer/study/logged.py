"""Logged results looked at once more: do the answers say that labels are the wrong way round?

    inverted(Path("eval_outputs/quickstart"), {"xnli": ("entailment", "neutral", "contradiction")})

A run is a study's directory (its cells are looked at), or an output directory or a store (every
score in it).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from t2t_xfer.errors import UserError
from t2t_xfer.metrics.chance import alarm, chance_level, renamed
from t2t_xfer.records import Status
from t2t_xfer.stages.logs import STATISTICS, read_log
from t2t_xfer.study.plan_file import PLAN, load_plan
from t2t_xfer.study.store import Store

STORE = "store"
BASELINES = ("oracle", "majority")
"""Engines that read no model."""


def inverted(run: Path, labels: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Task -> a sentence for each score that is clearly below chance, or that exchanged labels
    would explain.

    Args:
        run: see the module.
        labels: the labels or letters of each task that is looked at, in their order.

    Raises:
        UserError: the directory holds no results, or none of these tasks.
    """
    store, ids = _scores(run)
    alarms: dict[str, list[str]] = defaultdict(list)
    seen: set[str] = set()
    for stage_id in ids:
        record = store.record(stage_id)
        if record is None:
            continue
        spec: Any = record.spec
        task = spec["parsed"]["task"]
        if task not in labels or _engine(store, record.needs) in BASELINES:
            continue
        seen.add(task)
        named = bool(spec["parsed"]["labels"]) and not _letters(spec["parsed"]["labels"])
        pairs = _pairs(store.path(stage_id) / STATISTICS)
        where = f"{record.label}, {spec['language']}/{spec['split']}"
        alarms[task] += [f"{where}: {each}" for each in _alarms(labels[task], pairs, named)]
    if not seen:
        raise UserError(
            f"--results {run}: holds no model's score of {', '.join(labels)} (of tasks with labels"
            " or letters). Name a task that the run has tested."
        )
    return dict(alarms)


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


def _scores(run: Path) -> tuple[Store, list[str]]:
    """The store of a run and the ids of its scores."""
    if (run / PLAN).is_file():
        cells = load_plan(run).cells
        return Store(run.resolve().parent / STORE), [cell.score_id for cell in cells]
    root = run / STORE if (run / STORE).is_dir() else run
    folder = root / "score"
    if not folder.is_dir():
        raise UserError(
            f"--results {run}: no results are there. Give a study's directory or the directory"
            " that --output named, for example eval_outputs."
        )
    return Store(root), [f"score/{each.name}" for each in sorted(folder.iterdir())]


def _engine(store: Store, needs: Mapping[str, str]) -> str:
    record = store.record(needs["predictions"])
    return "" if record is None else str(record.spec["engine"])


def _pairs(path: Path) -> Counter[tuple[str, str]]:
    """(gold, predicted) -> how often, of the answers that could be read."""
    pairs: Counter[tuple[str, str]] = Counter()
    for row in read_log(path):
        if row["status"] != Status.invalid.value:
            pairs[row["gold"], row["value"]] += 1
    return pairs
