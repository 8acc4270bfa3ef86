"""Made-up cells with examples behind them, for the tests of what a report says."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np

from t2t_xfer.report.claims import Verdict
from t2t_xfer.report.document import Document
from t2t_xfer.report.findings import Numbers, study_numbers
from t2t_xfer.report.given import Report
from t2t_xfer.report.sections import document
from t2t_xfer.report.text import render_markdown
from t2t_xfer.stages.base import Stage
from t2t_xfer.stages.logs import PREDICTIONS, STATISTICS, write_jsonl
from t2t_xfer.study.plan_file import Cell, Plan, save_plan
from t2t_xfer.study.results import Examples, Result
from t2t_xfer.study.store import Store

from .made_stages import made

REPLICATES = 200


def observed(row: Result, right: Iterable[bool] | None = None) -> Result:
    """A cell of accuracy with its examples; unless stated, the first ones are right."""
    count = round(row.score * row.n / 100)
    answers = [i < count for i in range(row.n)] if right is None else list(right)
    table = np.array(answers, dtype=np.float64)[:, None]
    ids = tuple(str(i + 1) for i in range(row.n))
    chosen = Examples(ids, table, ("scored",) * row.n, np.zeros(row.n, dtype=np.int64))
    return replace(row, chosen=chosen)


@cache
def _numbers(rows: tuple[Result, ...]) -> Numbers:
    return study_numbers([observed(row) for row in rows], replicates=REPLICATES)


def numbers(rows: Sequence[Result]) -> Numbers:
    """The same object for the same rows: redrawing them takes most of a test's time."""
    return _numbers(tuple(rows))


def told(
    rows: Sequence[Result],
    notes: Sequence[str] = (),
    study: str = "s",
    verdicts: Sequence[Verdict] = (),
) -> Document:
    """What a report of these numbers says."""
    return document(Report(study, numbers(rows), notes, verdicts))


def page(
    rows: Sequence[Result],
    notes: Sequence[str] = (),
    study: str = "s",
    verdicts: Sequence[Verdict] = (),
) -> str:
    return render_markdown(told(rows, notes, study, verdicts))


def stored(
    folder: Path,
    cells: Sequence[Result],
    unfinished: Sequence[Result] = (),
    *,
    study: str = "made",
    synthetic: bool = False,
    data: str = "rows",
) -> Path:
    """A study's directory with a real store beside it that holds these cells."""
    store = Store(folder / "store")
    store.root.mkdir(parents=True, exist_ok=True)
    planned = []
    for each in cells:
        stage = _stage(each, data)
        planned.append(_cell(each, stage))
        if store.record(stage.id) is None:
            _finish(store, each, stage, data)
    planned += [_cell(row, _stage(row, data)) for row in unfinished]
    targets = {cell.target for cell in planned}
    sources = dict.fromkeys(targets, "en")
    plan = Plan(study, (), tuple(planned), sources=sources, synthetic=synthetic)
    save_plan(folder / study, plan)
    return folder / study


def _name(row: Result) -> str:
    return f"{row.model}+{row.intermediate}={row.target}.{row.language}"


def _predict(row: Result, data: str) -> Stage:
    return made(
        "predict",
        _name(row),
        model={"name": row.model, "intermediate": row.intermediate, "seed": row.seed},
        language=row.language,
        place=f"{row.target}/{row.language}",
        data=data,
        readout=row.readout,
    )


def _stage(row: Result, data: str) -> Stage:
    parsed = {"task": row.target, "metric": row.signature}
    needs = {"predictions": _predict(row, data).id}
    told = {"language": row.language, "split": row.split, "limit": row.n}
    return made("score", _name(row), needs, parsed=parsed, **told)


def _finish(store: Store, each: Result, stage: Stage, data: str) -> None:
    row, predict = each, _predict(each, data)
    work = store.begin(predict)
    write_jsonl(work / PREDICTIONS, [])
    store.commit(predict, {"removed_tokens": 0}, 0.1)
    lines = [
        {"id": id, "gold": "a", "value": "b", "status": "scored", "statistics": [value]}
        for id, value in zip(each.ids, each.statistics[:, 0].tolist(), strict=True)
    ]
    write_jsonl(store.begin(stage) / STATISTICS, lines)
    found = {"metric": row.metric, "score": 100 * float(each.statistics.mean()), "n": row.n}
    told = {"invalid_rate": row.invalid_rate, "signature": row.signature}
    store.commit(stage, {**found, **told}, 0.1)


def _cell(row: Result, stage: Stage) -> Cell:
    return Cell(
        study=row.study,
        model=row.model,
        architecture=row.architecture,
        intermediate=row.intermediate,
        target=row.target,
        language=row.language,
        seed=row.seed,
        readout=row.readout,
        score_id=stage.id,
        same_data=bool(row.same_data),
        translate_train=row.translate_train,
    )
