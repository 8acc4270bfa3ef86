"""What `t2t-xfer evaluate` prints: one table or one JSON object, and by name what failed.

The rule: one task with at most one adapter keeps the shape that scripts know; several have one
entry for each adapter and task, in the order in which they were named.

    {"task": "xnli", "languages": {"en": {"score": 71.5, …}}}
    {"results": [{"adapter": "none", "task": "xnli", "languages": {…}}, …], "failed": []}
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from t2t_xfer.commands.score_table import (
    language_cell,
    mean_row,
    number_cells,
    print_missing,
    print_notes,
)
from t2t_xfer.terminal import echo

if TYPE_CHECKING:
    from t2t_xfer.study.evaluation import Evaluated, Lost, PartResults, Wanted


def print_evaluated(wanted: Wanted, found: Evaluated, as_json: bool) -> None:
    """Prints the numbers to standard output, and what has none to standard error."""
    several = len(set(wanted.tasks)) > 1 or len(set(wanted.adapters)) > 1
    if as_json:
        body = _several(found) if several else _single(wanted.tasks[0], found)
        echo(json.dumps(body))
    elif several:
        _print_table(found.parts)
    else:
        _print_single(found.parts)
    for lost in found.lost:
        log = f" (log: {lost.log})" if lost.log else ""
        echo(f"failed: {_name(lost, several)}: {lost.why}{log}", err=True)


def _several(found: Evaluated) -> dict[str, Any]:
    return {
        "results": [
            {"adapter": part.adapter, "task": part.task, **_by_readout(part)}
            for part in found.parts
        ],
        "failed": [
            {
                "adapter": lost.adapter,
                "task": lost.task,
                "language": lost.language,
                "readout": lost.readout,
                "why": lost.why,
            }
            for lost in found.lost
        ],
    }


def _single(task: str, found: Evaluated) -> dict[str, Any]:
    return {"task": task, **(_by_readout(found.parts[0]) if found.parts else {"languages": {}})}


def _by_readout(part: PartResults) -> dict[str, Any]:
    """The main readout's languages, and beside them those of others if there are any; `missing`
    where the main readout has no number in a language that was asked for."""
    results = part.results
    main, *others = results
    beside = {"other_readouts": {name: results[name] for name in others}} if others else {}
    missing = part.missing.get(main, ())
    return {"languages": results[main], **beside, **({"missing": [*missing]} if missing else {})}


def _print_single(parts: Sequence[PartResults]) -> None:
    from tabulate import tabulate

    for part in parts:
        for readout, results in part.results.items():
            if len(part.results) > 1:
                echo(f"readout {readout}")
            rows = [[language_cell(code, r), *number_cells(r)] for code, r in results.items()]
            metric = str(next(iter(results.values()))["metric"])
            head = ["language", metric, "examples", "invalid"]
            missing = part.missing.get(readout, ())
            mean = [*mean_row(results, missing), None, None]
            echo(tabulate([*rows, mean], head, floatfmt=".2f"))
            print_missing(missing)
            print_notes(results.values())


def _print_table(parts: Sequence[PartResults]) -> None:
    """All in one table, with a mean over the languages of each adapter and task."""
    from tabulate import tabulate

    rows: list[list[object]] = []
    missing: list[str] = []
    for part in parts:
        for readout, results in part.results.items():
            task = part.task if len(part.results) == 1 else f"{part.task} ({readout})"
            metric = str(next(iter(results.values()))["metric"])
            for code, result in results.items():
                language = language_cell(code, result)
                rows.append([part.adapter, task, language, metric, *number_cells(result)])
            gone = part.missing.get(readout, ())
            missing += [f"{code} ({task})" for code in gone]
            label, mean = mean_row(results, gone)
            rows.append([part.adapter, task, label, metric, mean, None, None])
    head = ["adapter", "task", "language", "metric", "score", "examples", "invalid"]
    if rows:
        echo(tabulate(rows, head, floatfmt=".2f"))
        print_missing(missing)
        found = (results for part in parts for results in part.results.values())
        print_notes(result for results in found for result in results.values())


def _name(lost: Lost, several: bool) -> str:
    adapter = f"adapter {lost.adapter}, " if several else ""
    return f"{adapter}{lost.task} in {lost.language} ({lost.readout})"
