"""Everything that a study's directory holds of its results.

These are `report.html`, `report.md`, `cells.csv`, `cells.parquet`, `main_table.tex` and the example
browser. All of it can be made again from `plan.json` and the store.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from t2t_xfer.files import write_text
from t2t_xfer.report.cells import write_cells, write_parquet
from t2t_xfer.report.claims import Evidence, Verdict, judge
from t2t_xfer.report.grid import Planned
from t2t_xfer.report.inputs import Inputs
from t2t_xfer.report.latex import render_latex
from t2t_xfer.report.markdown import render_markdown, render_summary
from t2t_xfer.report.numbers import Numbers, study_numbers
from t2t_xfer.report.pages import stages_left, write_pages
from t2t_xfer.report.selection import Axes
from t2t_xfer.report.slope import slope
from t2t_xfer.specs.claims import ClaimsSpec
from t2t_xfer.study.plan_file import StudyFile
from t2t_xfer.study.results import Observed, observe
from t2t_xfer.study.store import Store


class Written(NamedTuple):
    """What a report came to."""

    report: Path
    summary: str
    """The answer and the main table, for a terminal."""
    verdicts: tuple[Verdict, ...]


def write_results(
    directory: Path,
    file: StudyFile,
    store: Store,
    *,
    claims: ClaimsSpec | None = None,
    replicates: int = 1000,
    inputs: Inputs | None = None,
    into: Path | None = None,
) -> Written:
    """Writes everything that a study's directory holds of its results.

    Args:
        claims: to be judged, if any.
        replicates: redrawings behind each interval.
        inputs: renders what models were shown; None: with the catalogue of where this runs.
        into: where to write; None: to the study's directory itself.

    Raises:
        UserError: a file cannot be written, or a finished stage's log cannot be read.
    """

    file = replace(file, notes=(*file.notes, *fresh_heads(file, store)))
    observed = observe(file, store)
    numbers = study_numbers(observed, planned(file), replicates=replicates)
    verdicts = () if claims is None else judge(claims, _evidence(file, numbers, observed))
    missing = len(file.cells) - len(observed)
    unfinished = [f"{missing} of {len(file.cells)} cells are not finished."] if missing else []
    page = render_markdown(file.study, numbers, [*file.notes, *unfinished], verdicts)
    rows = [each.row for each in observed]
    if file.synthetic and (section := slope(numbers.main.grid)):
        page += f"\n{section}\n"
    made = into or directory
    report = made / "report.md"
    write_cells(made / "cells.csv", rows)
    write_parquet(made / "cells.parquet", numbers)
    latex = render_latex(file.study, numbers.main, synthetic=file.synthetic)
    write_text(made / "main_table.tex", latex)
    write_text(report, page)
    unfinished_stages = stages_left(directory, store) if missing else {}
    write_pages(
        *(made, file, store, observed, numbers),
        verdicts=verdicts,
        inputs=inputs,
        unfinished=unfinished_stages,
    )
    store.keep_seals()
    return Written(report, render_summary(numbers), tuple(verdicts))


def fresh_heads(file: StudyFile, store: Store) -> list[str]:
    """A note on each model whose checkpoint held no LM head, so that training started one."""
    found = {cell.model: None for cell in file.cells if _began_fresh(cell.score_id, store, 0)}
    return [
        f"Fresh head: {model} was saved without an LM head, so its training started an untrained"
        " one; models that bring theirs have an advantage."
        for model in found
    ]


def _began_fresh(stage_id: str, store: Store, depth: int) -> bool:
    record = store.record(stage_id)
    if record is None or depth > 10:
        return False
    if "fresh_head" in record.results:
        return True
    return any(_began_fresh(each, store, depth + 1) for each in record.needs.values())


def planned(file: StudyFile) -> list[Planned]:
    """Every cell of a study, finished or not."""
    return [
        Planned(
            *(cell.model, cell.intermediate, cell.target, cell.language, cell.seed, cell.readout),
            file.sources[cell.target],
            cell.same_data,
            cell.translate_train,
        )
        for cell in file.cells
    ]


def _evidence(file: StudyFile, numbers: Numbers, observed: Sequence[Observed]) -> Evidence:
    planned = frozenset((c.model, c.intermediate, c.target, c.language, c.seed) for c in file.cells)
    architectures = {cell.model: cell.architecture for cell in file.cells}
    axes = Axes(numbers.main.grid, planned, architectures)
    return Evidence(axes, numbers.resampled, observed, file.synthetic)
