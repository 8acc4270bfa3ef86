"""`t2t-xfer evaluate`: one table or one JSON object of numbers, and by name what failed.

The rule: one task with at most one adapter keeps the shape that scripts know; several have one
entry for each adapter and task, in the order in which they were named.

    {"task": "xnli", "languages": {"en": {"score": 71.5, …}}}
    {"results": [{"adapter": "none", "task": "xnli", "languages": {…}}, …], "failed": []}
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from t2t_xfer import processes
from t2t_xfer.commands import options
from t2t_xfer.progress import quiet_libraries
from t2t_xfer.records import Json
from t2t_xfer.terminal import echo

if TYPE_CHECKING:
    from t2t_xfer.study.as_is import EngineName, Evaluation, Lost
    from t2t_xfer.study.results import Results

NOT_ZERO_SHOT = "§"
"""As reports mark it where training rows were translated."""
INCOMPLETE = "†"
"""As reports mark a mean that languages are missing from."""
CONSTANT = "¶"
"""As reports mark constant answers."""


@click.command()
@click.option(
    "--model", default=None, help=options.MODEL_HELP + " Not needed by oracle and majority."
)
@click.option(
    "--adapter",
    "adapters",
    multiple=True,
    metavar="DIR|none",
    help="A LoRA adapter in PEFT's format, to put over the model; none: the model without one."
    " Repeated: one after the other over the same model, which is loaded once.",
)
@click.option("--task", "tasks", required=True, multiple=True, help="May be repeated.")
@click.option(
    "--language",
    "languages",
    multiple=True,
    default=("all",),
    help="May be repeated; or all. Of several tasks each is tested in those that it has.",
)
@click.option(
    "--engine",
    type=click.Choice(["auto", "transformers", "vllm", "oracle", "majority"]),
    default="auto",
    show_default=True,
    help="auto: vllm where it pays, else transformers. vllm: decoders only; see docs/vllm.md.",
)
@click.option("--max-input-tokens", type=click.IntRange(8), default=256, show_default=True)
@click.option(
    "--few-shot",
    type=click.IntRange(0),
    default=None,
    metavar="K",
    help="Show K solved examples before each; beats `few_shot` in the task's YAML.",
)
@options.data
@options.skip_missing
@options.limit
@options.output
@options.as_json
def evaluate(
    model: str | None,
    adapters: tuple[str, ...],
    tasks: tuple[str, ...],
    languages: tuple[str, ...],
    engine: EngineName,
    max_input_tokens: int,
    few_shot: int | None,
    data: str,
    skip_missing: bool,
    limit: int | None,
    output: Path,
    as_json: bool,
) -> None:
    """Test a model on tasks in some or all languages, zero-shot, with one or more adapters."""
    processes.check_single("t2t-xfer evaluate", "Start it once, without a launcher.")
    quiet_libraries()
    from t2t_xfer.specs.catalogue import Catalogue
    from t2t_xfer.stages.context import Context
    from t2t_xfer.study.as_is import NONE, Evaluation, plan_evaluation, run_evaluation
    from t2t_xfer.study.store import Store

    asked = Evaluation(
        model, adapters or (NONE,), tasks, languages, engine, limit, max_input_tokens, skip_missing
    )
    shots = {} if few_shot is None else dict.fromkeys(tasks, few_shot)
    context = Context(Catalogue(), data, shots)
    say = functools.partial(echo, err=True)
    store = Store(output / options.STORE)
    plan = plan_evaluation(context, asked, say, store)
    results, lost = run_evaluation(plan, context, store, say)
    own = {task: context.task(task).spec.languages for task in dict.fromkeys(tasks)}
    _print_evaluated(asked, own, results, lost, as_json)
    if lost:
        raise SystemExit(1)


class ReadNumbers(NamedTuple):
    """One adapter on one task, read in one way."""

    adapter: str
    task: str
    readout: str
    results: dict[str, Mapping[str, Json]]
    """By language."""
    missing: tuple[str, ...]
    """Languages that were asked for and have no number: failed, or not there."""


def _print_evaluated(
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
    from t2t_xfer.study.tested import asked_languages

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
        rows = [[_language_cell(code, r), *_number_cells(r)] for code, r in each.results.items()]
        head = ["language", _metric(each), "examples", "invalid"]
        mean = [*_mean_row(each.results, each.missing), None, None]
        echo(tabulate([*rows, mean], head, floatfmt=".2f"))
        _print_missing(each.missing)
        _print_notes(each.results.values())


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
            language = _language_cell(code, result)
            rows.append([each.adapter, task, language, _metric(each), *_number_cells(result)])
        missing += [f"{code} ({task})" for code in each.missing]
        label, mean = _mean_row(each.results, each.missing)
        rows.append([each.adapter, task, label, _metric(each), mean, None, None])
    head = ["adapter", "task", "language", "metric", "score", "examples", "invalid"]
    if rows:
        echo(tabulate(rows, head, floatfmt=".2f"))
        _print_missing(missing)
        _print_notes(result for each in numbers for result in each.results.values())


def _language_cell(code: str, result: Mapping[str, Any]) -> str:
    """A language, marked if the prompts showed solved examples of it, or if all answers are one."""
    marks = ("" if result.get("zero_shot", True) else NOT_ZERO_SHOT) + (
        CONSTANT if _constant(result) else ""
    )
    return f"{code} {marks}" if marks else code


def _constant(result: Mapping[str, Any]) -> bool:
    return result.get("different_answers") == 1 and result["n"] > 1 and result["score"] < 100


def _number_cells(result: Mapping[str, Any]) -> list[object]:
    """Score, examples, share of invalid answers."""
    return [result["score"], result["n"], f"{100 * result['invalid_rate']:.1f} %"]


def _mean_row(
    results: Mapping[str, Mapping[str, Any]], missing: Sequence[str]
) -> tuple[str, float]:
    """`mean`, or `mean of 3 of 5 †` where languages that were asked for have no number."""
    mean = float(sum(result["score"] for result in results.values()) / len(results))
    known = len(results)
    return f"mean of {known} of {known + len(missing)} {INCOMPLETE}" if missing else "mean", mean


def _print_missing(missing: Iterable[str]) -> None:
    """What the mark of a mean that is not whole means."""
    found = list(dict.fromkeys(missing))
    if found:
        echo(f"{INCOMPLETE} without {', '.join(found)}, which has no number here")


def _print_notes(results: Iterable[Mapping[str, Any]]) -> None:
    """What a reader of these results of `score` stages must know beside the numbers."""
    shown = list(results)
    if not all(result.get("zero_shot", True) for result in shown):
        echo(f"{NOT_ZERO_SHOT} not zero-shot: the prompts show solved examples of the language")
    if any(map(_constant, shown)):
        echo(f"{CONSTANT} every example got the same answer: nothing was learnt or read")
    dropped = sum(result.get("removed_shots", 0) for result in shown)
    if dropped:
        asked = sum(result.get("shots", 0) * result["n"] for result in shown)
        echo(
            f"{dropped} of {asked} few-shot examples did not fit and were dropped; raise"
            " --max-input-tokens to show them"
        )
