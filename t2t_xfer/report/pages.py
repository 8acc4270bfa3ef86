"""`report.html` and the example browser of a study.

write_pages(directory, results, numbers, notes)
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from t2t_xfer.files import write_text
from t2t_xfer.microworld.lexicon import distance
from t2t_xfer.report.browser import PAGE, write_examples
from t2t_xfer.report.browsing import browse
from t2t_xfer.report.claims import Verdict
from t2t_xfer.report.costs import costs
from t2t_xfer.report.drift import drift
from t2t_xfer.report.given import PageInput
from t2t_xfer.report.inputs import Inputs
from t2t_xfer.report.numbers import Numbers
from t2t_xfer.report.page.render import render_page
from t2t_xfer.study.results import Result, Results
from t2t_xfer.study.status import study_status

HTML = "report.html"


def write_pages(
    directory: Path,
    results: Results,
    numbers: Numbers,
    notes: Sequence[str],
    verdicts: Sequence[Verdict] = (),
    inputs: Inputs | None = None,
) -> Path:
    """Writes the page and, where there are examples, the browser beside it.

    Args:
        directory: where to write.
        inputs: renders what models were shown; None: with the catalogue of where this runs.

    Raises:
        UserError: the directory cannot be written.
    """
    if inputs is None:
        from t2t_xfer.specs.catalogue import Catalogue

        inputs = Inputs(Catalogue())
    plan = results.plan
    browser = write_examples(directory, plan.study, browse(results, inputs))
    page = PageInput(
        study=plan.study,
        notes=notes,
        grid=numbers.main.grid,
        aside=numbers.aside.grid,
        analysis=numbers.main.analysis,
        verdicts=verdicts,
        observed=results.finished,
        costs=costs(results),
        drift=drift(results),
        unfinished=_stages_left(results) if results.unfinished else {},
        distances=_distances(numbers.main.grid.rows) if plan.synthetic else {},
        examples=None if browser is None else PAGE,
    )
    path = directory / HTML
    write_text(path, render_page(page))
    return path


def _stages_left(results: Results) -> dict[str, str]:
    """What became of the stages that are not done."""
    return {
        each.stage.id: f"{each.state}: {each.detail}" if each.detail else each.state
        for each in study_status(results.plan.stages, results.store).stages
        if each.state not in ("done", "not needed")
    }


def _distances(rows: Sequence[Result]) -> dict[str, float]:
    """Of the microworld's languages."""
    return {code: distance(code) for code in sorted({row.language for row in rows})}
