"""`report.html` and the example browser of a study, from its file and the store.

write_pages(directory, file, store, observed, numbers)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
from t2t_xfer.study.plan_file import STAGES, StudyFile, load_stages
from t2t_xfer.study.results import CellRow, Observed
from t2t_xfer.study.status import study_status
from t2t_xfer.study.store import Store

HTML = "report.html"


def write_pages(
    directory: Path,
    file: StudyFile,
    store: Store,
    observed: Sequence[Observed],
    numbers: Numbers,
    verdicts: Sequence[Verdict] = (),
    inputs: Inputs | None = None,
    unfinished: Mapping[str, str] | None = None,
) -> Path:
    """Writes the page and, where there are examples, the browser beside it.

    Args:
        inputs: renders what models were shown; None: with the catalogue of where this runs.
        unfinished: `stages_left`.

    Raises:
        UserError: the directory cannot be written.
    """
    if inputs is None:
        from t2t_xfer.specs.catalogue import Catalogue

        inputs = Inputs(Catalogue())
    browser = write_examples(directory, file.study, browse(file, store, observed, inputs))
    page = PageInput(
        study=file.study,
        notes=[*file.notes, *_missing_note(file, observed)],
        grid=numbers.main.grid,
        aside=numbers.aside.grid,
        analysis=numbers.main.analysis,
        verdicts=verdicts,
        observed=observed,
        costs=costs(file, store),
        drift=drift(file, store),
        unfinished=unfinished or {},
        distances=_distances(numbers.main.grid.rows) if file.synthetic else {},
        examples=None if browser is None else PAGE,
    )
    path = directory / HTML
    write_text(path, render_page(page))
    return path


def _missing_note(file: StudyFile, observed: Sequence[Observed]) -> list[str]:
    missing = len(file.cells) - len(observed)
    return [f"{missing} of {len(file.cells)} cells are not finished."] if missing else []


def stages_left(directory: Path, store: Store) -> dict[str, str]:
    """What became of the stages of a study that are not done, as far as its directory tells."""
    if not (directory / STAGES).is_file():
        return {}
    found = study_status(load_stages(directory), store).stages
    return {
        each.stage.id: f"{each.state}: {each.detail}" if each.detail else each.state
        for each in found
        if each.state not in ("done", "not needed")
    }


def _distances(rows: Sequence[CellRow]) -> dict[str, float]:
    """Of the microworld's languages."""
    return {code: distance(code) for code in sorted({row.language for row in rows})}
