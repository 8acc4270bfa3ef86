"""A finished run as one side of a comparison: a study's directory, or what `evaluate` wrote.

The rule: a cell's rows are told by what the `predict` stage hashed of them, so that two runs are
compared on the same rows only, whatever their names.

    compare(load_run(Path("eval_outputs/a")), load_run(Path("eval_outputs/b")))
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from t2t_xfer.errors import UserError
from t2t_xfer.report.compare import Side
from t2t_xfer.report.grid import NONE
from t2t_xfer.study.plan_file import PLAN, STORE, Cell, Plan
from t2t_xfer.study.record import Record
from t2t_xfer.study.results import Results
from t2t_xfer.study.store import Store
from t2t_xfer.study.submission import Output, find_outputs


def load_run(directory: Path) -> Side:
    """The finished cells of a run.

    Raises:
        UserError: the directory holds no run, or several runs of one model.
    """
    if (directory / PLAN).is_file():
        return str(directory), Results.read(directory).finished
    outputs, _ = find_outputs(directory, STORE)
    store = Store((directory / STORE).resolve())
    return str(directory), Results(_as_study(directory, outputs), store).finished


def _as_study(directory: Path, outputs: list[Output]) -> Plan:
    """What `evaluate` wrote, as a study without intermediates."""
    cells = [_cell(directory.name, each) for each in outputs]
    twice = [place for place, count in Counter(cell.key for cell in cells).items() if count > 1]
    if twice:
        raise UserError(
            f"{directory} holds several runs of {twice[0][0]} on {twice[0][2]} with different"
            " settings. Evaluate each into an --output of its own to compare them."
        )
    sources = {each.target: _source(each.predictions) for each in outputs}
    return Plan(directory.name, (), tuple(cells), sources=sources)


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
