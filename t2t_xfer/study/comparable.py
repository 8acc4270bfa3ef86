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
from t2t_xfer.report.cells import CellRow
from t2t_xfer.report.compare import Run
from t2t_xfer.report.grid import NONE
from t2t_xfer.study.observations import observe
from t2t_xfer.study.outputs import Output, find_outputs
from t2t_xfer.study.record import Record
from t2t_xfer.study.results import PLAN, StudyFile, load_study
from t2t_xfer.study.stage import Cell, canonical_json
from t2t_xfer.study.store import Store

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
