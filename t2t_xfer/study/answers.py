"""Single lines of the logs of finished stages, without reading the others as JSON.

The rule: of a log of half a million lines only the wanted ones are parsed. Every line begins with
its example's id (`stages.logs`), which is all that is looked at elsewhere.

    lines_of(path, {"17", "4"})     # {"4": {"id": "4", …}, "17": {…}}
"""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any, NamedTuple

from t2t_xfer.errors import UserError
from t2t_xfer.records import Json
from t2t_xfer.stages.logs import PREDICTIONS, STATISTICS
from t2t_xfer.study.record import Record
from t2t_xfer.study.store import Store

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
