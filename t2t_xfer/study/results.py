"""From a finished or half-finished plan to tables: `cells.csv`, `report.md`, and what is missing;
and to `report.html` with the example browser beside it.

`plan.json` beside them keeps the cells with the ids of their scores, so that a report can be made
again from the store alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from t2t_xfer.report.analysis import analyse
from t2t_xfer.report.cells import CellRow, write_cells
from t2t_xfer.report.grid import Grid, by_readout
from t2t_xfer.report.markdown import render_markdown
from t2t_xfer.report.resampled import Resampled
from t2t_xfer.report.slope import slope
from t2t_xfer.study.files import read_json, write_text
from t2t_xfer.study.inputs import Inputs
from t2t_xfer.study.stage import Cell, Plan
from t2t_xfer.study.store import Store

PLAN = "plan.json"


@dataclass(frozen=True)
class StudyFile:
    """What `plan.json` holds."""

    study: str
    cells: tuple[Cell, ...]
    baselines: Mapping[str, str]
    """`target/language` to the majority baseline's score id."""
    sources: Mapping[str, str]
    """Target to the language of its training data."""
    notes: tuple[str, ...]
    """What a reader must know: absent languages, synthetic data."""
    synthetic: bool = False
    """The data is the microworld, whose languages have a known distance from English."""


def study_file(
    plan: Plan,
    baselines: Mapping[tuple[str, str], str],
    sources: Mapping[str, str],
    notes: Sequence[str],
    *,
    synthetic: bool = False,
) -> StudyFile:
    """The part of a plan that a report needs."""
    named = {f"{target}/{language}": score for (target, language), score in baselines.items()}
    return StudyFile(plan.study, plan.cells, named, sources, (*notes, *plan.absent), synthetic)


def save_study(directory: Path, file: StudyFile) -> None:
    """Writes `plan.json`.

    Raises:
        UserError: the directory cannot be written.
    """
    text = json.dumps(asdict(file), indent=1, ensure_ascii=False, sort_keys=True)
    write_text(directory / PLAN, text + "\n")


def load_study(directory: Path) -> StudyFile:
    """Reads `plan.json`.

    Raises:
        UserError: there is none, or it cannot be read.
    """
    return read_json(directory / PLAN, _study)


def _study(raw: dict[str, Any]) -> StudyFile:
    cells = tuple(Cell(**cell) for cell in raw.pop("cells"))
    return StudyFile(cells=cells, **{**raw, "notes": tuple(raw["notes"])})


def collect(file: StudyFile, store: Store) -> list[CellRow]:
    """The rows of the cells that are finished."""
    rows: list[CellRow] = []
    for cell in file.cells:
        record = store.record(cell.score_id)
        if record is None:
            continue
        results: Any = record.results
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
                source_language=file.sources[cell.target],
            )
        )
    return rows


def write_results(
    directory: Path, file: StudyFile, store: Store, inputs: Inputs | None = None
) -> tuple[list[CellRow], Path]:
    """Writes `cells.csv`, `report.md` and the pages; the rows and the report's path.

    Args:
        inputs: renders what models were shown; None: with the catalogue of where this runs.
    """
    from t2t_xfer.study.observations import observe  # both read this module
    from t2t_xfer.study.pages import write_pages

    rows = collect(file, store)
    write_cells(directory / "cells.csv", rows)
    report = directory / "report.md"
    missing = len(file.cells) - len(rows)
    unfinished = [f"{missing} of {len(file.cells)} cells are not finished."] if missing else []
    page = render_markdown(file.study, rows, [*file.notes, *unfinished])
    if file.synthetic and (section := slope(rows)):
        page += f"\n{section}\n"
    write_text(report, page)
    observed = observe(file, store)
    main = Grid(by_readout([each.row for each in observed])[0])
    analysis = analyse(main, Resampled(observed))
    write_pages(directory, file, store, observed, analysis, inputs=inputs)
    return rows, report
