"""The examples of a study for its browser: which ones, and what every run made of them.

The rule: of each target and language those come first that models of one intermediate were scored
differently on, then those without a readable answer. Only the chosen ones are read from the logs.

    for chunk in browse(file, store, observe(file, store), Inputs(Catalogue())): …
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from t2t_xfer.records import Json, Status
from t2t_xfer.report.browser import ANSWERS, EXAMPLES, Answered, Browsed, Chunk, Run
from t2t_xfer.report.grid import aside_name, by_readout, read_twice
from t2t_xfer.report.inputs import Inputs
from t2t_xfer.report.sums import scores
from t2t_xfer.study.plan_file import StudyFile
from t2t_xfer.study.results import Floats, Logged, Observed, first_text, lines_of, logged_at
from t2t_xfer.study.store import Store

SHOWN_SCORES = 5
"""Options or neighbours whose scores stand for a raw output that is no text."""


def browse(
    file: StudyFile, store: Store, observed: Sequence[Observed], inputs: Inputs
) -> Iterator[Chunk]:
    """One chunk for each target and language, in the order of the cells."""
    ids = {cell_key(cell): cell.score_id for cell in file.cells}
    for (target, language), cells in _places(observed, read_twice(file.cells)).items():
        logs = [logged_at(ids[each.row.key], store) for each in cells]
        chosen = _choose(cells)
        answers = [
            _answers(each, log, chosen.ids) for each, log in zip(cells, logs, strict=True) if log
        ]
        if len(answers) < len(cells):  # a stage vanished meanwhile
            continue
        predict = next((log.predict for log in logs if log and log.predict), None)
        shown, note = inputs.of(predict, chosen.ids)
        golds = _golds(logs, chosen.ids)
        yield Chunk(
            target=target,
            language=language,
            total=chosen.total,
            disagreements=chosen.disagreements,
            runs=[_run(each) for each in cells],
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


def cell_key(cell: Any) -> tuple[str, str, str, str, int, str]:
    """The key of a cell's row (`CellRow.key`)."""
    return (cell.model, cell.intermediate, cell.target, cell.language, cell.seed, cell.readout)


class _Chosen(NamedTuple):
    ids: tuple[str, ...]
    differ: frozenset[str]
    total: int
    disagreements: int


def _places(
    observed: Sequence[Observed], embedded: Collection[str]
) -> dict[tuple[str, str], list[Observed]]:
    """The cells of each target (as the report names it) and language, of the first seed only."""
    main = {id(row) for row in by_readout([each.row for each in observed], embedded)[0]}
    first = min((each.row.seed for each in observed), default=0)
    places: dict[tuple[str, str], list[Observed]] = {}
    for each in observed:
        row = each.row
        if row.seed == first:
            target = row.target if id(row) in main else aside_name(row)
            places.setdefault((target, row.language), []).append(each)
    return places


def _choose(cells: Sequence[Observed]) -> _Chosen:
    """The examples to show: disagreements, then unreadable answers, then the order of the data."""
    order = {id: place for place, id in enumerate(dict.fromkeys(i for c in cells for i in c.ids))}
    differ = np.zeros(len(order), dtype=np.int64)
    invalid = np.zeros(len(order), dtype=np.int64)
    by_intermediate: dict[str, list[Observed]] = {}
    for cell in cells:
        by_intermediate.setdefault(cell.row.intermediate, []).append(cell)
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


def example_points(cell: Observed) -> Floats:
    """The metric of each example alone, 0 to 100, `[examples]`."""
    return scores(cell.row.metric, cell.statistics, np.ones(len(cell.ids)))


def _answers(cell: Observed, log: Logged, ids: Sequence[str]) -> dict[str, Answered]:
    parsed, raw = lines_of(log.statistics, set(ids)), lines_of(log.predictions, set(ids))
    points = dict(zip(cell.ids, example_points(cell).tolist(), strict=True))
    names = _option_names(log)
    return {
        id: Answered(
            raw=_raw(raw.get(id, {}), names),
            value=_text(line["value"]),
            status=line["status"],
            points=points[id],
        )
        for id, line in parsed.items()
        if id in points
    }


def _option_names(log: Logged) -> list[str]:
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


def _golds(logs: Sequence[Logged | None], ids: Sequence[str]) -> dict[str, str]:
    for log in logs:
        if log is not None:
            lines = lines_of(log.statistics, set(ids))
            return {id: _text(line["gold"]) for id, line in lines.items()}
    return {}


def _text(value: Json) -> str:
    """An answer as one text: tags in a row, accepted answers each on its line."""
    if isinstance(value, list):
        if value and isinstance(value[0], dict):
            return "\n".join(dict.fromkeys(first_text(each) for each in value))
        return " ".join(map(str, value))
    return first_text(value)


def _run(each: Observed) -> Run:
    row = each.row
    return Run(row.model, row.architecture, row.intermediate, row.seed, row.readout)
