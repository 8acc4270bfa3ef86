"""Everything that a study's directory holds of its results.

These are `report.html`, `report.md`, `cells.csv`, `cells.parquet`, `main_table.tex` and the example
browser. All of it can be made again from `plan.json` and the store.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from t2t_xfer.files import write_text
from t2t_xfer.microworld.lexicon import distance
from t2t_xfer.report.browser import PAGE, Inputs, browse, write_examples
from t2t_xfer.report.cells import write_cells, write_parquet
from t2t_xfer.report.claims import Verdict, judge
from t2t_xfer.report.findings import Numbers, study_numbers
from t2t_xfer.report.given import Report, costs, drift
from t2t_xfer.report.numbers import Planned
from t2t_xfer.report.page import render_page
from t2t_xfer.report.sections import document
from t2t_xfer.report.statements import Evidence
from t2t_xfer.report.text import render_latex, render_markdown, render_terminal
from t2t_xfer.specs.claims import ClaimsSpec
from t2t_xfer.study.plan_file import Plan
from t2t_xfer.study.record import Record
from t2t_xfer.study.results import Results
from t2t_xfer.study.status import study_status
from t2t_xfer.study.store import Store


class ReportFiles(NamedTuple):
    """What a report came to."""

    report: Path
    summary: str
    """The answer and the main table, for a terminal."""
    verdicts: tuple[Verdict, ...]


def write_results(
    directory: Path,
    results: Results,
    *,
    claims: ClaimsSpec | None = None,
    replicates: int = 1000,
    inputs: Inputs | None = None,
) -> ReportFiles:
    """Writes everything that a study's directory holds of its results.

    Args:
        directory: where to write.
        claims: to be judged, if any.
        replicates: redrawings behind each interval.
        inputs: renders what models were shown; None: with the catalogue of where this runs.

    Raises:
        UserError: a file cannot be written, or a finished stage's log cannot be read.
    """
    plan, notes = results.plan, _notes(results)
    numbers = study_numbers(results.finished, planned(plan), replicates=replicates)
    verdicts = () if claims is None else judge(claims, _evidence(results, numbers))
    if inputs is None:
        from t2t_xfer.specs.catalogue import Catalogue

        inputs = Inputs(Catalogue())
    codes = sorted({each.language for each in results.finished}) if plan.synthetic else []
    found = document(
        Report(
            plan.study,
            numbers,
            notes=notes,
            verdicts=verdicts,
            finished=results.finished,
            costs=costs(results),
            drift=drift(results),
            unfinished=_stages_left(results) if results.unfinished else {},
            distances={code: distance(code) for code in codes},
        )
    )
    write_cells(directory / "cells.csv", results.finished)
    write_parquet(directory / "cells.parquet", numbers)
    write_text(directory / "main_table.tex", render_latex(found))
    write_text(directory / "report.md", render_markdown(found))
    browser = write_examples(directory, plan.study, browse(results, inputs))
    page = replace(found, examples=None if browser is None else PAGE)
    write_text(directory / "report.html", render_page(page))
    results.store.keep_seals()
    return ReportFiles(directory / "report.md", render_terminal(found), tuple(verdicts))


def _stages_left(results: Results) -> dict[str, str]:
    """What became of the stages that are not done."""
    return {
        each.stage.id: f"{each.state}: {each.detail}" if each.detail else each.state
        for each in study_status(results.plan.stages, results.store).stages
        if each.state not in ("done", "not needed")
    }


def _notes(results: Results) -> list[str]:
    """What a reader of the numbers must know first."""
    plan, missing = results.plan, len(results.unfinished)
    unfinished = [f"{missing} of {len(plan.cells)} cells are not finished."] if missing else []
    return [*plan.notes, *plan.absent, *fresh_heads(results), *unfinished]


def fresh_heads(results: Results) -> list[str]:
    """A note on each model whose checkpoint held no LM head, so that training started one."""
    store = results.store
    found = dict.fromkeys(
        each.model
        for each in results.finished
        if each.log is not None and _began_fresh(each.log.score, store)
    )
    return [
        f"Fresh head: {model} was saved without an LM head, so its training started an untrained"
        " one; models that bring theirs have an advantage."
        for model in found
    ]


def _began_fresh(record: Record, store: Store) -> bool:
    needed = map(store.record, record.needs.values())
    return "fresh_head" in record.results or any(
        each is not None and _began_fresh(each, store) for each in needed
    )


def planned(plan: Plan) -> list[Planned]:
    """Every cell of a study, finished or not."""
    return [
        Planned(*cell.key, plan.sources[cell.target], cell.same_data, cell.translate_train)
        for cell in plan.cells
    ]


def _evidence(results: Results, numbers: Numbers) -> Evidence:
    plan = results.plan
    architectures = {cell.model: cell.architecture for cell in plan.cells}
    cells, grid = frozenset(cell.key[:5] for cell in plan.cells), numbers.main.grid
    return Evidence(grid, results.finished, cells, architectures, plan.synthetic)
