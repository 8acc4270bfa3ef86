"""Language drift of generated answers: letters outside the script of the language asked in.

The rule: only answers that were written (`generate`) and that stand in the target language (spans)
count. Labels are English words in every language, so English there is no drift.

    drift(load_study(directory), store)     # [Drift("mt5", "squad_v1", "xquad", "ar", …)]
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from t2t_xfer.languages import letters_outside
from t2t_xfer.records import Readout
from t2t_xfer.report.given import Drift
from t2t_xfer.study.plan_file import StudyFile
from t2t_xfer.study.results import first_text, logged_at, parsed
from t2t_xfer.study.stage import Cell
from t2t_xfer.study.store import Store


def drift(file: StudyFile, store: Store) -> list[Drift]:
    """One entry for each model, intermediate, target and language; seeds are added up."""
    places: dict[tuple[str, str, str, str], list[Cell]] = {}
    for cell in file.cells:
        if cell.readout == Readout.generate:
            place = (cell.model, cell.intermediate, cell.target, cell.language)
            places.setdefault(place, []).append(cell)
    found = (_drift(place, cells, store) for place, cells in places.items())
    return [each for each in found if each is not None]


def _drift(place: tuple[str, str, str, str], cells: Sequence[Cell], store: Store) -> Drift | None:
    totals = [0, 0, 0, 0]
    for cell in cells:
        logs = logged_at(cell.score_id, store)
        if logs is None or logs.predict is None or logs.predictions is None:
            continue
        shown: Any = logs.predict.spec.get("shown", {})
        if shown.get("answer") != "span":
            continue
        written, golds = _texts(logs.predictions)
        counts = (*letters_outside(written, cell.language), *letters_outside(golds, cell.language))
        totals = [total + count for total, count in zip(totals, counts, strict=True)]
    return Drift(*place, *totals) if any(totals) else None


def _texts(path: Path) -> tuple[list[str], list[str]]:
    """Generated texts and first gold answers."""
    written, golds = [], []
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            row = parsed(path, line)
            written.append(row["text"] or "")
            golds.append(first_text(row["gold"]))
    return written, golds
