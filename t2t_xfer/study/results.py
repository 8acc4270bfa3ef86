"""From a finished or half-finished plan to its results: `report.html`, `report.md`, `cells.csv`,
`cells.parquet`, `main_table.tex`, the example browser, and what is missing.

`plan.json` beside them keeps the cells with the ids of their scores, so that a report can be made
again from the store alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from t2t_xfer.files import read_json, write_text
from t2t_xfer.report.cells import CellRow, write_cells, write_parquet
from t2t_xfer.report.claims import Evidence, Verdict, judge
from t2t_xfer.report.grid import Planned
from t2t_xfer.report.latex import render_latex
from t2t_xfer.report.markdown import render_markdown, render_summary
from t2t_xfer.report.numbers import Numbers, study_numbers
from t2t_xfer.report.observed import Observed
from t2t_xfer.report.selection import Axes
from t2t_xfer.report.slope import slope
from t2t_xfer.specs.claims import ClaimsSpec
from t2t_xfer.study.inputs import Inputs
from t2t_xfer.study.stage import Cell, Plan, is_id
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


def _study(raw: object) -> StudyFile:
    """Checked, since a plan may have been edited, or copied from another version.

    Raises:
        ValueError: it is not what `save_study` writes.
    """
    from pydantic import TypeAdapter, ValidationError

    try:
        file = TypeAdapter(StudyFile).validate_python(raw)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise ValueError(f"{where}: {first['msg']}") from None
    for cell in file.cells:
        if cell.target not in file.sources:
            raise ValueError(f"sources: the target {cell.target!r} is missing")
    strange = [id for id in (*_score_ids(file), *file.baselines.values()) if not is_id(id)]
    if strange:
        raise ValueError(f"{strange[0]!r} is no id of a stage")
    places = [
        (c.model, c.intermediate, c.target, c.language, c.seed, c.readout) for c in file.cells
    ]
    if len(set(places)) < len(places):
        twice = next(place for place in places if places.count(place) > 1)
        raise ValueError(f"cells: {', '.join(map(str, twice))} is there twice")
    return file


def _score_ids(file: StudyFile) -> list[str]:
    return [cell.score_id for cell in file.cells]


def collect(file: StudyFile, store: Store) -> list[CellRow]:
    """The rows of the cells that are finished."""
    rows: list[CellRow] = []
    for cell in file.cells:
        record = store.record(cell.score_id)
        if record is None:
            continue
        results: Any = record.results
        split: Any = record.spec["split"]
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
                answers=results.get("different_answers"),
                split=split,
                source_language=file.sources[cell.target],
            )
        )
    return rows


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
    from t2t_xfer.study.observations import observe  # both read this module
    from t2t_xfer.study.pages import stages_left, write_pages

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
