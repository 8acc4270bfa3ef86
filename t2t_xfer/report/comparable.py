"""A finished run as one side of a comparison: a study's directory, or what `evaluate` wrote.

The rule: a cell's rows are told by what the `predict` stage hashed of them, so that two runs are
compared on the same rows only, whatever their names.

    compare(load_run(Path("eval_outputs/a"), "store"), load_run(Path("eval_outputs/b"), "store"))
"""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path
from typing import Any

from t2t_xfer.errors import UserError
from t2t_xfer.report.compare import Run
from t2t_xfer.report.grid import NONE
from t2t_xfer.study.plan_file import PLAN, StudyFile, load_study
from t2t_xfer.study.record import Record
from t2t_xfer.study.results import CellRow, observe
from t2t_xfer.study.stage import Cell, canonical_json
from t2t_xfer.study.store import Store
from t2t_xfer.study.submission import Output, find_outputs

ROWS = ("language", "split", "place", "where", "data", "files", "parts")
"""What the spec of a `predict` stage may say of its rows, but for how many were read."""


def load_run(directory: Path, store: str) -> Run:
    """The finished cells of a run.

    Args:
        store: the name of the store's directory.

    Raises:
        UserError: the directory holds no run, or several runs of one model.
    """
    if (directory / PLAN).is_file():
        file = load_study(directory)
        root = directory.resolve().parent / store
    else:
        outputs, _ = find_outputs(directory, store)
        file, root = _as_study(directory, outputs), directory / store
    kept = Store(root.resolve())
    observed = observe(file, kept)
    scores = {_place(cell): cell.score_id for cell in file.cells}
    rows = {each.row.key: _rows(kept, scores[_place(each.row)]) for each in observed}
    return Run(str(directory), observed, rows)


def _place(at: Cell | CellRow) -> tuple[object, ...]:
    return (at.model, at.intermediate, at.target, at.language, at.seed, at.readout)


def _rows(store: Store, score_id: str) -> str:
    """The test rows in few words: where they are from, and a hash of what they hold."""
    score = store.record(score_id)
    predictions = None if score is None else store.record(score.needs["predictions"])
    if predictions is None:  # pruned by hand: only the same score is surely of the same rows
        return score_id
    told = {key: predictions.spec[key] for key in ROWS if key in predictions.spec}
    digest = hashlib.sha256(canonical_json(told).encode()).hexdigest()[:12]
    place = told.get("place") or told.get("language")
    return f"{place} ({digest})"


def _as_study(directory: Path, outputs: list[Output]) -> StudyFile:
    """What `evaluate` wrote, as a study without intermediates."""
    cells = [_cell(directory.name, each) for each in outputs]
    twice = [place for place, count in Counter(map(_place, cells)).items() if count > 1]
    if twice:
        raise UserError(
            f"{directory} holds several runs of {twice[0][0]} on {twice[0][2]} with different"
            " settings. Evaluate each into an --output of its own to compare them."
        )
    sources = {each.target: _source(each.predictions) for each in outputs}
    return StudyFile(directory.name, tuple(cells), {}, sources, ())


def _cell(study: str, output: Output) -> Cell:
    return Cell(
        study=study,
        model=output.model,
        architecture="",
        intermediate=NONE,
        target=output.target,
        language=output.language,
        seed=0,
        readout=str(output.predictions.spec["readout"]),
        score_id=output.score.stage_id,
        same_data=False,
    )


def _source(predictions: Record) -> str:
    shown: Any = predictions.spec["shown"]
    return str(shown["source_language"])
