"""The examples of a study for its browser: which ones, and what every run made of them.

The rule: of each target and language those come first that models of one intermediate were scored
differently on, then those without a readable answer. Only the chosen ones are read from the logs.

    for chunk in browse(Results.read(directory), Inputs(Catalogue())):
        print(chunk.target)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from t2t_xfer.metrics import METRICS
from t2t_xfer.records import Json, Status
from t2t_xfer.report.browser import ANSWERS, EXAMPLES, Answered, Browsed, Chunk, Run
from t2t_xfer.report.drift import first_text
from t2t_xfer.report.grid import EMBED, aside_name, read_twice
from t2t_xfer.report.inputs import Inputs
from t2t_xfer.study.plan_file import Cell
from t2t_xfer.study.results import Floats, Log, Result, Results

SHOWN_SCORES = 5
"""Options or neighbours whose scores stand for a raw output that is no text."""


def browse(results: Results, inputs: Inputs) -> Iterator[Chunk]:
    """One chunk for each target and language, in the order of the cells."""
    for (target, language), cells in _places(results.finished, results.plan.cells).items():
        chosen = _choose(cells)
        answers = [_answers(each, chosen.ids) for each in cells]
        logs = [each.log for each in cells if each.log is not None]
        predict = next((log.predict for log in logs if log.predict), None)
        shown, note = inputs.of(predict, chosen.ids)
        golds = _golds(logs[0], chosen.ids) if logs else {}
        yield Chunk(
            target=target,
            language=language,
            total=chosen.total,
            disagreements=chosen.disagreements,
            runs=[
                Run(each.model, each.architecture, each.intermediate, each.seed, each.readout)
                for each in cells
            ],
            examples=[
                Browsed(
                    id,
                    shown.get(id),
                    golds.get(id, ""),
                    [by_id.get(id) for by_id in answers],
                    id in chosen.differ,
                )
                for id in chosen.ids
            ],
            note=note,
        )


class _Chosen(NamedTuple):
    ids: tuple[str, ...]
    differ: frozenset[str]
    total: int
    disagreements: int


def _places(
    finished: Sequence[Result], planned: Sequence[Cell]
) -> dict[tuple[str, str], list[Result]]:
    """The numbers of each target (as the report names it) and language, of the first seed only."""
    embedded = read_twice(planned)
    first = min((each.seed for each in finished), default=0)
    places: dict[tuple[str, str], list[Result]] = {}
    for each in finished:
        if each.seed == first:
            again = each.target in embedded and each.readout != EMBED
            target = aside_name(each) if again else each.target
            places.setdefault((target, each.language), []).append(each)
    return places


def _choose(cells: Sequence[Result]) -> _Chosen:
    """The examples to show: disagreements, then unreadable answers, then the order of the data."""
    order = {id: place for place, id in enumerate(dict.fromkeys(i for c in cells for i in c.ids))}
    differ = np.zeros(len(order), dtype=np.int64)
    invalid = np.zeros(len(order), dtype=np.int64)
    by_intermediate: dict[str, list[Result]] = {}
    for cell in cells:
        by_intermediate.setdefault(cell.intermediate, []).append(cell)
        places = [order[id] for id in cell.ids]
        invalid[places] += np.array([status == Status.invalid for status in cell.statuses])
    for same in by_intermediate.values():
        low = np.full(len(order), np.inf)
        high = np.full(len(order), -np.inf)
        for cell in same:
            places = [order[id] for id in cell.ids]
            points = example_points(cell)
            low[places] = np.minimum(low[places], points)
            high[places] = np.maximum(high[places], points)
        differ += (high - low > 1e-6).astype(np.int64)
    names = list(order)
    ranked = np.lexsort((np.arange(len(names)), -invalid, -differ))
    most = min(EXAMPLES, max(1, ANSWERS // len(cells)))
    chosen = tuple(names[place] for place in ranked[:most])
    return _Chosen(
        chosen,
        frozenset(name for name in chosen if differ[order[name]]),
        len(names),
        int((differ > 0).sum()),
    )


def example_points(cell: Result) -> Floats:
    """The metric of each example alone, 0 to 100, `[examples]`."""
    return METRICS[cell.metric]().score(cell.statistics, np.ones(len(cell.ids)))


def _answers(cell: Result, ids: Sequence[str]) -> dict[str, Answered]:
    if cell.log is None:
        return {}
    raw = {row["id"]: row for row in cell.log.answered(ids)}
    points = dict(zip(cell.ids, example_points(cell).tolist(), strict=True))
    names = _option_names(cell.log)
    return {
        row["id"]: Answered(
            raw=_raw(raw.get(row["id"], {}), names),
            value=_text(row["value"]),
            status=row["status"],
            points=points[row["id"]],
        )
        for row in cell.log.scored(ids)
        if row["id"] in points
    }


def _option_names(log: Log) -> list[str]:
    parsed: Any = log.score.spec.get("parsed", {})
    return [str(label["name"]) for label in parsed.get("labels", ())]


def _raw(line: Mapping[str, Any], names: Sequence[str]) -> str:
    """What the model gave: its text, or the scores that it gave to options or neighbours."""
    if not line:
        return "(the log of answers is gone)"
    if line["text"] is not None:
        return str(line["text"])
    named = line.get("neighbours") or names
    values = line["scores"]
    if len(named) != len(values):
        named = [str(place) for place in range(len(values))]
    ranked = sorted(zip(values, named, strict=True), reverse=True)[:SHOWN_SCORES]
    if not ranked:
        return "(read at its slots)" if line["choices"] else ""
    return ", ".join(f"{name} {value:.3f}" for value, name in ranked)


def _golds(log: Log, ids: Sequence[str]) -> dict[str, str]:
    return {row["id"]: _text(row["gold"]) for row in log.scored(ids)}


def _text(value: Json) -> str:
    """An answer as one text: tags in a row, accepted answers each on its line."""
    if isinstance(value, list):
        if value and isinstance(value[0], dict):
            return "\n".join(dict.fromkeys(first_text(each) for each in value))
        return " ".join(map(str, value))
    return first_text(value)
