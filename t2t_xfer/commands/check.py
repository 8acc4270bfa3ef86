"""`t2t-xfer tasks check`: gold -> target text -> parser -> gold, and what else can be known early.

`--json` prints

    {"ok", "tasks": [{
      "task", "ok", "answer", "metric", "rows",
      "labels": [{"name", "value", "word", "normalised"}],
      "languages": {code: {"status", "splits": {split: {
        "status": "ok" | "failed" | "unlabelled",      (a language may also be "absent")
        "n", "problem",                                problem: only if rows cannot be read
        "round_trip": {readout: rows that came back},  all n, or the check has failed
        "not_back": {"count", "rows": [{"id", "gold", "value", "readout", "score"}]},
        "oracle", "ceiling",                           the metric through the text, and without it
        "below_100": {"count", "rows": […]},           rows that hold the ceiling down
        "histogram": {answer: n}, "majority",          majority: null where there is none
        "input_characters": {"median", "max"}, "target_characters", "words", "input_tokens",
        "unfit",                                       a row that the model has no room for
        "overlap": {label: share of common words}, "agreement_with_source": percent,
        "doubts": [{"kind", "n", "ids", "what"}]}}}},   rows to know about; they fail nothing
      "absent": [code or "code/split"], "problems": [text], "alarms": [text],
      "samples": [{"language", "split", "id", "input", "target"}],
      "model": {"model", "architecture", "readout", "words": {word: [token]},
                "first_tokens_distinct", "notes", "problems"}}]}      only with --model

Problems fail the check (exit 1), and so does a task without a row; with `--all` the data source may
lack whole tasks, which are named. Absent data and alarms fail only with `--strict`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from t2t_xfer.commands import options
from t2t_xfer.errors import AbsentError, UserError
from t2t_xfer.progress import quiet_libraries
from t2t_xfer.terminal import echo

if TYPE_CHECKING:
    from t2t_xfer.stages.check_findings import TaskCheck
    from t2t_xfer.stages.context import Context


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--all", "every", is_flag=True, help="Every task there is.")
@options.data
@click.option("--model", default=None, help="Also show how this model's tokenizer cuts answers.")
@click.option(
    "--results",
    type=click.Path(path_type=Path),
    default=None,
    metavar="RUN",
    help="Also look for inverted labels in the scores of a study's or an output directory.",
)
@options.limit
@click.option("--strict", is_flag=True, help="Absent data and alarms fail the check too.")
@options.as_json
def check(
    names: tuple[str, ...],
    every: bool,
    data: str,
    model: str | None,
    results: Path | None,
    limit: int | None,
    strict: bool,
    as_json: bool,
) -> None:
    """Check that every gold answer survives text, parser and metric, on the data as it is."""
    from t2t_xfer.specs.catalogue import Catalogue
    from t2t_xfer.stages.context import Context

    if bool(names) == every:
        raise UserError("`tasks check` needs the names of tasks, or --all; not both.")
    context = Context(Catalogue(), data)
    chosen = context.catalogue.task_names() if every else list(dict.fromkeys(names))
    for name in chosen:
        with suppress(AbsentError):
            context.task(name)  # a mistake in a YAML file shows before the work begins
    logged = _logged(results, chosen, context)
    found: list[TaskCheck] = []
    for done in _checked(chosen, context, model, limit, logged):
        found.append(done)
        if not as_json:
            _show(done, strict)
    passed_over = [done for done in found if every and not strict and done.nothing]
    ok = all(done.ok(strict) for done in found if done not in passed_over)
    if as_json:
        echo(json.dumps({"ok": ok, "tasks": [done.as_json(strict) for done in found]}))
    else:
        _show_end(found, passed_over, strict)
    if not ok:
        raise SystemExit(1)


def _logged(results: Path | None, chosen: list[str], context: Context) -> dict[str, list[str]]:
    """Alarms of logged scores by task."""
    if results is None:
        return {}
    from t2t_xfer.study.logged import inverted

    specs = [context.catalogue.task(name) for name in chosen]
    labels = {spec.task: tuple(spec.labels) for spec in specs if spec.metric == "accuracy"}
    if not labels:
        raise UserError("--results: none of these tasks is scored by its labels or letters.")
    return inverted(results, labels)


def _checked(
    chosen: list[str],
    context: Context,
    model: str | None,
    limit: int | None,
    logged: dict[str, list[str]],
) -> Iterable[TaskCheck]:
    """Each task's findings as soon as they are there; a bar on a terminal, else a line a task."""
    from tqdm import tqdm

    from t2t_xfer.stages.check import Checker, with_alarms

    tokens = None
    if model is not None:
        quiet_libraries()
        from t2t_xfer.stages.check_model import load_tokens

        tokens = load_tokens(model)
    with tqdm(total=len(chosen), unit="task", disable=None, leave=False) as bar:
        checker = Checker(
            context,
            limit,
            tokens,
            lambda task, language, split: bar.set_postfix_str(f"{task} {language} {split}"),
        )
        for number, name in enumerate(chosen, start=1):
            started = time.perf_counter()
            done = with_alarms(checker.check(name), logged.get(name, ()))
            seconds = time.perf_counter() - started
            bar.update(1)
            bar.clear()
            echo(
                f"[{number}/{len(chosen)}] {name}: {done.rows:,} rows in {seconds:.1f} s", err=True
            )
            yield done


def _show(done: TaskCheck, strict: bool) -> None:
    from t2t_xfer.commands.check_text import task_lines

    for line in task_lines(done, strict):
        echo(line)


def _show_end(found: list[TaskCheck], passed_over: list[TaskCheck], strict: bool) -> None:
    checked = [done for done in found if done not in passed_over]
    failed = [done.task for done in checked if not done.ok(strict)]
    rows = sum(done.rows for done in checked)
    echo(f"{len(checked) - len(failed)} of {len(checked)} tasks pass, {rows:,} rows.")
    if passed_over:
        echo(f"not there: {', '.join(done.task for done in passed_over)}")
    if failed:
        echo(f"failed: {', '.join(failed)}")
