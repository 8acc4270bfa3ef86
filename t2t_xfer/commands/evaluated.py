"""What `t2t-xfer evaluate` prints: one table or one JSON object, and by name what failed.

The rule: one task with at most one adapter keeps the shape that scripts know; several have one
entry for each adapter and task, in the order in which they were named.

    {"task": "xnli", "languages": {"en": {"score": 71.5, …}}}
    {"results": [{"adapter": "none", "task": "xnli", "languages": {…}}, …], "failed": []}
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from t2t_xfer.commands.score_table import (
    language_cell,
    mean_row,
    number_cells,
    print_missing,
    print_notes,
)
from t2t_xfer.records import Json
from t2t_xfer.study.tested import asked_languages
from t2t_xfer.terminal import echo

if TYPE_CHECKING:
    from t2t_xfer.study.as_is import Evaluation, Lost
    from t2t_xfer.study.results import Results


class ReadNumbers(NamedTuple):
    """One adapter on one task, read in one way."""

    adapter: str
    task: str
    readout: str
    results: dict[str, Mapping[str, Json]]
    """By language."""
    missing: tuple[str, ...]
    """Languages that were asked for and have no number: failed, or not there."""


def print_evaluated(
    asked: Evaluation,
    languages: Mapping[str, Sequence[str]],
    results: Results,
    lost: Sequence[Lost],
    as_json: bool,
) -> None:
    """Prints the numbers to standard output, and what has none to standard error.

    Args:
        languages: all that each task has.
    """
    several = len(set(asked.tasks)) > 1 or len(set(asked.adapters)) > 1
    numbers = list(_numbers(asked, languages, results))
    if as_json:
        body = _several(numbers, lost) if several else _single(asked.tasks[0], numbers)
        echo(json.dumps(body))
    elif several:
        _print_table(numbers)
    else:
        _print_single(numbers)
    for each in lost:
        log = f" (log: {each.log})" if each.log else ""
        adapter = f"adapter {each.adapter}, " if several else ""
        where = f"{adapter}{each.task} in {each.language} ({each.readout})"
        echo(f"failed: {where}: {each.why}{log}", err=True)


def _numbers(
    asked: Evaluation, languages: Mapping[str, Sequence[str]], results: Results
) -> Iterator[ReadNumbers]:
    """In the order of the cells."""
    found: dict[tuple[str, str, str], dict[str, Mapping[str, Json]]] = {}
    for each in results.finished:
        place = (each.intermediate, each.target, each.readout)
        found.setdefault(place, {})[each.language] = each.recorded
    for (adapter, task, readout), there in found.items():
        wanted = asked_languages(languages[task], asked.languages)
        missing = tuple(code for code in wanted if code not in there)
        yield ReadNumbers(adapter, task, readout, there, missing)


def _several(numbers: Sequence[ReadNumbers], lost: Sequence[Lost]) -> dict[str, Any]:
    parts = dict.fromkeys((each.adapter, each.task) for each in numbers)
    return {
        "results": [
            {"adapter": adapter, "task": task, **_by_readout(adapter, task, numbers)}
            for adapter, task in parts
        ],
        "failed": [
            {
                "adapter": each.adapter,
                "task": each.task,
                "language": each.language,
                "readout": each.readout,
                "why": each.why,
            }
            for each in lost
        ],
    }


def _single(task: str, numbers: Sequence[ReadNumbers]) -> dict[str, Any]:
    if not numbers:
        return {"task": task, "languages": {}}
    return {"task": task, **_by_readout(numbers[0].adapter, task, numbers)}


def _by_readout(adapter: str, task: str, numbers: Sequence[ReadNumbers]) -> dict[str, Any]:
    """The main readout's languages, and beside them those of others if there are any; `missing`
    where the main readout has no number in a language that was asked for."""
    main, *others = [each for each in numbers if (each.adapter, each.task) == (adapter, task)]
    found: dict[str, Any] = {"languages": main.results}
    if others:
        found["other_readouts"] = {each.readout: each.results for each in others}
    return {**found, "missing": [*main.missing]} if main.missing else found


def _print_single(numbers: Sequence[ReadNumbers]) -> None:
    from tabulate import tabulate

    for each in numbers:
        if len(numbers) > 1:
            echo(f"readout {each.readout}")
        rows = [[language_cell(code, r), *number_cells(r)] for code, r in each.results.items()]
        head = ["language", _metric(each), "examples", "invalid"]
        mean = [*mean_row(each.results, each.missing), None, None]
        echo(tabulate([*rows, mean], head, floatfmt=".2f"))
        print_missing(each.missing)
        print_notes(each.results.values())


def _metric(numbers: ReadNumbers) -> str:
    return str(next(iter(numbers.results.values()))["metric"])


def _print_table(numbers: Sequence[ReadNumbers]) -> None:
    """All in one table, with a mean over the languages of each adapter and task."""
    from tabulate import tabulate

    rows: list[list[object]] = []
    missing: list[str] = []
    for each in numbers:
        alone = sum(each[:2] == other[:2] for other in numbers) == 1
        task = each.task if alone else f"{each.task} ({each.readout})"
        for code, result in each.results.items():
            language = language_cell(code, result)
            rows.append([each.adapter, task, language, _metric(each), *number_cells(result)])
        missing += [f"{code} ({task})" for code in each.missing]
        label, mean = mean_row(each.results, each.missing)
        rows.append([each.adapter, task, label, _metric(each), mean, None, None])
    head = ["adapter", "task", "language", "metric", "score", "examples", "invalid"]
    if rows:
        echo(tabulate(rows, head, floatfmt=".2f"))
        print_missing(missing)
        print_notes(result for each in numbers for result in each.results.values())
