"""Language drift of generated answers: letters outside the script of the language asked in.

The rule: only answers that were written (`generate`) and that stand in the target language (spans)
count. Labels are English words in every language, so English there is no drift.

    drift(Results.read(directory))     # [Drift("mt5", "squad_v1", "xquad", "ar", …)]
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from t2t_xfer.languages import letters_outside
from t2t_xfer.records import Json, Readout
from t2t_xfer.report.given import Drift
from t2t_xfer.study.results import Result, Results


def drift(results: Results) -> list[Drift]:
    """One entry for each model, intermediate, target and language; seeds are added up."""
    places: dict[tuple[str, str, str, str], list[Result]] = {}
    for each in results.finished:
        if each.readout == Readout.generate:
            place = (each.model, each.intermediate, each.target, each.language)
            places.setdefault(place, []).append(each)
    found = (_drift(place, numbers) for place, numbers in places.items())
    return [each for each in found if each is not None]


def _drift(place: tuple[str, str, str, str], numbers: Sequence[Result]) -> Drift | None:
    written: list[str] = []
    golds: list[str] = []
    for log in (each.log for each in numbers):
        if log is None or log.predict is None:
            continue
        shown: Any = log.predict.spec.get("shown", {})
        if shown.get("answer") == "span":
            for row in log.answered():
                written.append(row["text"] or "")
                golds.append(first_text(row["gold"]))
    language = place[-1]
    totals = (*letters_outside(written, language), *letters_outside(golds, language))
    return Drift(*place, *totals) if any(totals) else None


def first_text(gold: Json) -> str:
    """A gold answer as text, the first of several."""
    if isinstance(gold, list):
        return first_text(gold[0]) if gold else ""
    if isinstance(gold, dict):
        return str(gold.get("text", ""))
    return "" if gold is None else str(gold)
