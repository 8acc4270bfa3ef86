"""`t2t-xfer tasks`: what tasks there are, what they say, what a model sees of them, what is wrong.

`check --json` prints

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


`new` proposes a task file from a data set, then checks and shows it. `show` prints the usual lines
first, then every key that the file states and no line has shown: two files that mean different
things never print the same.

t2t-xfer tasks new my_nli --from facebook/xnli --data mirror:DIR
t2t-xfer tasks preview xnli --language de -n 1 --model micro:causal
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from t2t_xfer.commands import options
from t2t_xfer.errors import AbsentError, SpecError, UserError
from t2t_xfer.progress import quiet_libraries
from t2t_xfer.records import Json, Pair, Slots, Split
from t2t_xfer.terminal import echo, secho, style

if TYPE_CHECKING:
    from t2t_xfer.architectures.base import Architecture
    from t2t_xfer.check.findings import Finding, TaskCheck
    from t2t_xfer.records import Prompted
    from t2t_xfer.specs.prompt import ResolvedPrompt
    from t2t_xfer.specs.task import TaskSpec
    from t2t_xfer.stages.context import Context
    from t2t_xfer.stages.task import Task

SCHEMA = "task.schema.json"
"""Where `t2t-xfer schema task` was written beside the tasks, editors are told of it."""


@click.group()
def tasks() -> None:
    """Look at tasks."""


@tasks.command("ls")
@options.as_json
def list_tasks(as_json: bool) -> None:
    """List every task with its answer format, languages and metric."""
    from tabulate import tabulate

    from t2t_xfer.specs.catalogue import Catalogue

    catalogue = Catalogue()
    found = [catalogue.task(name) for name in catalogue.task_names()]
    if as_json:
        rows = [
            {
                "task": each.task,
                "answer": each.answer,
                "languages": list(each.languages),
                "metric": each.metric,
            }
            for each in found
        ]
        echo(json.dumps(rows))
        return
    table = [[s.task, s.answer, s.metric, len(s.languages), s.trains_on] for s in found]
    echo(tabulate(table, ["task", "answer", "metric", "languages", "trains on"]))


@tasks.command()
@click.argument("name")
@options.as_json
def show(name: str, as_json: bool) -> None:
    """Show one task with its prompt and label words, defaults filled in."""
    from t2t_xfer.specs.catalogue import Catalogue

    catalogue = Catalogue()
    spec = catalogue.task(name)
    prompt = catalogue.prompt_of(spec)
    if as_json:
        echo(json.dumps(task_json(spec, prompt)))
        return
    for line in task_lines(spec, prompt):
        echo(line)


@tasks.command()
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
    counted = [done for done in found if done not in passed_over]
    failed = [done.task for done in counted if not done.ok(strict)]
    if as_json:
        tasks = [done.as_json(strict) for done in found]
        echo(json.dumps({"ok": not failed, "tasks": tasks}))
    else:
        rows = sum(done.rows for done in counted)
        echo(f"{len(counted) - len(failed)} of {len(counted)} tasks pass, {rows:,} rows.")
        if passed_over:
            echo(f"not there: {', '.join(done.task for done in passed_over)}")
        if failed:
            echo(f"failed: {', '.join(failed)}")
    if failed:
        raise SystemExit(1)


def _logged(results: Path | None, chosen: list[str], context: Context) -> dict[str, list[Finding]]:
    """Alarms of logged scores by task."""
    if results is None:
        return {}
    from t2t_xfer.check.inverted import inverted

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
    logged: dict[str, list[Finding]],
) -> Iterable[TaskCheck]:
    """Each task's findings as soon as they are there; a bar on a terminal, else a line a task."""
    from tqdm import tqdm

    from t2t_xfer.check.task import Checker

    tokens = None
    if model is not None:
        quiet_libraries()
        from t2t_xfer.check.model import load_tokens

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
            done = checker.check(name, logged.get(name, ()))
            seconds = time.perf_counter() - started
            bar.update(1)
            bar.clear()
            echo(
                f"[{number}/{len(chosen)}] {name}: {done.rows:,} rows in {seconds:.1f} s", err=True
            )
            yield done


def _show(done: TaskCheck, strict: bool) -> None:
    from t2t_xfer.check.findings import report

    for line in report(done, strict):
        echo(line)


@tasks.command()
@click.argument("name")
@click.option(
    "--from",
    "place",
    required=True,
    metavar="DATA",
    help="A file, a folder, or owner/name[/configuration] of --data; {language} may stand in it.",
)
@click.option("--language", default=None, help="Of the rows, if their place does not say it.")
@options.data
@options.limit
@click.pass_context
def new(
    context: click.Context,
    name: str,
    place: str,
    language: str | None,
    data: str,
    limit: int | None,
) -> None:
    """Propose a task file from a data set: write tasks/NAME.yaml, check it and show examples."""
    from t2t_xfer.author.dataset import look
    from t2t_xfer.author.propose import propose
    from t2t_xfer.check.findings import lines
    from t2t_xfer.data.sources import open_source
    from t2t_xfer.languages import language as known_language
    from t2t_xfer.specs.catalogue import Catalogue

    path = _new_file(name)
    if language is not None:
        known_language(language)
    found = look(place, open_source(data), Path(), language)
    draft = propose(found, name)
    seen = f"{len(found.seen):,} rows of its {found.seen_split} split were looked at"
    head = [
        f"Proposed from {place}: {seen}. Comments say what was guessed from what.",
        f"Answer what is asked after QUESTION ({len(draft.questions)}) and remove the lines; then:"
        f" t2t-xfer tasks check {name}",
    ]
    path.parent.mkdir(exist_ok=True)
    if (path.parent / SCHEMA).is_file():
        head = [f"yaml-language-server: $schema={SCHEMA}", *head]
    with path.open("x", encoding="utf-8") as file:
        file.write(draft.text(head))
    secho(f"{path} is written: answer {draft['answer']}.", bold=True)
    for line in lines(draft.questions):
        echo(line)
    try:
        Catalogue().prompt_of(Catalogue().task(name))
    except SpecError as e:
        raise UserError(
            f"{path} is written, but is no valid task yet; mend it by hand:\n{e}"
        ) from e
    echo()
    context.invoke(preview, name=name, count=1, data=data)
    echo()
    context.invoke(check, names=(name,), data=data, limit=limit)


def _new_file(name: str) -> Path:
    """Where the task will stand."""
    from t2t_xfer.specs.base import NAME_PATTERN, NAME_WORDS
    from t2t_xfer.specs.catalogue import Catalogue

    if not NAME_PATTERN.fullmatch(name):
        raise UserError(f"{name!r} cannot be the name of a task: expected {NAME_WORDS}.")
    catalogue = Catalogue()
    if name in catalogue.task_names():
        raise UserError(
            f"there is a task {name!r} already, in {catalogue.task_file(name)}. Nothing is"
            " overwritten: choose another name."
        )
    return Path("tasks") / f"{name}.yaml"


SHOWN = frozenset({"task", "answer", "metric", "train_task", "languages", "labels", "tags", "note"})
"""Keys that have lines of their own."""
SHOWN_DATA = ("data.hub.id", "data.hub.config", "data.files.")


def task_json(spec: TaskSpec, prompt: ResolvedPrompt) -> dict[str, Json]:
    """Everything about a task, defaults filled in; labels as a list, because their order counts."""
    task = cast("dict[str, Json]", spec.model_dump(mode="json", by_alias=True))
    task["labels"] = spec.canonical()["labels"]
    return {"task": task, "prompt": prompt.canonical()}


def task_lines(spec: TaskSpec, prompt: ResolvedPrompt) -> Iterator[str]:
    """The same for people, without the defaults."""
    yield f"task       {spec.task}  ({spec.answer}, {spec.metric})"
    yield f"trains on  {spec.trains_on}"
    yield f"languages  {' '.join(spec.languages)}"
    for part in spec.data.sources:
        named = f"{part.name}: " if spec.data.parts else ""
        if part.hub is not None:
            yield f"data       {named}{part.hub.id}, config {part.hub.config}"
        for split, file in (part.files or {}).items():
            yield f"data       {named}{split}: {file}"
    for label in spec.labels:
        word = prompt.words.get(label, " or ".join(prompt.words.values()))  # separate choices
        yield f"label      {label} = {spec.labels[label].value!r}: {word}"
    if spec.tags or spec.tags_from:
        yield f"tags       {' '.join(spec.tags) or f'those of the {spec.tags_from} split'}"
    stated = spec.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude=set(SHOWN))
    for key, value in _leaves(stated, ""):
        if not key.startswith(SHOWN_DATA):
            yield f"stated     {key} = {json.dumps(value, ensure_ascii=False)}"
    for code, synonyms in prompt.synonyms.items():
        words = "; ".join(f"{label}: {', '.join(each)}" for label, each in synonyms.items())
        yield f"synonyms   {code}: {words}"
    yield "prompt"
    yield from (f"    {line}" for line in prompt.input.splitlines())
    for code, wording in prompt.languages.items():
        yield f"prompt in {code}"
        yield from (f"    {line}" for line in wording.splitlines())
    if spec.note:
        yield f"note       {spec.note}"


def _leaves(value: Json, key: str) -> Iterator[tuple[str, Json]]:
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from _leaves(inner, f"{key}.{name}" if key else name)
    else:
        yield key, value


@tasks.command()
@click.argument("name")
@click.option("--language", default=None, help="Default: the task's source language.")
@click.option("--split", type=click.Choice(["train", "validation", "test"]), default=None)
@click.option("-n", "count", type=click.IntRange(1), default=3, show_default=True)
@click.option(
    "--model",
    "models",
    multiple=True,
    help="Also show this model's tokens. May be given several times.",
)
@options.data
def preview(
    name: str,
    language: str | None,
    split: Split | None,
    count: int,
    models: tuple[str, ...],
    data: str,
) -> None:
    """Show input, target and answer slots of a few examples, as each architecture sees them."""
    from t2t_xfer.check.examples import token_lines
    from t2t_xfer.specs.catalogue import Catalogue
    from t2t_xfer.stages.context import Context

    context = Context(Catalogue(), data)
    task = context.task(name)
    code, found = _place(context, task, language, split)
    examples, prompted = context.prompted(task.name, code, found, None)
    architectures = _architectures(models)
    for example, text in list(zip(examples, prompted, strict=True))[:count]:
        echo(style(f"{task.name} · {code} · {found} · id {example.id}", bold=True))
        echo("".join(text.shots) + text.input)
        echo(style(f"→ {text.target}", fg="green"))
        for side in ("source", "target") if task.answer.asks is Pair else ():
            echo(f"  {side}  {example.fields.get(side, '(in the pool)')}")
        for line in _views(task, text):
            echo(line)
        # Nothing is trained on pairs, so they have no rows of training.
        for model, architecture in architectures.items() if task.answer.asks is not Pair else ():
            for line in token_lines(model, architecture, task, text):
                echo(coloured(line))
        echo("")
    echo(f"{len(examples):,} examples")


def _place(
    context: Context, task: Task, language: str | None, split: Split | None
) -> tuple[str, Split]:
    """The language and the split to show."""
    from t2t_xfer.data.examples import missing_languages
    from t2t_xfer.data.places import readable_splits

    own = task.spec.languages
    # Tatoeba's source language is no language of its own: it is the other side of every pair.
    source = task.spec.source_language
    code = language or (source if source in own else own[0])
    readable = readable_splits(task.spec, code)
    present = [s for s in readable if not missing_languages(task.spec, context.source, [code], s)]
    return code, split or (present[-1] if present else "test")


def _views(task: Task, text: Prompted) -> list[str]:
    from t2t_xfer.check.examples import layouts

    size = f"{len(text.input)} characters of input, {len(text.target)} of target"
    if isinstance(text.question, Slots):
        size += f", {len(text.question.places)} answer slots"
    lines = [f"  {size}"]
    for view in layouts(task.answer.asks, text, task.spec.readout):
        how = f"{view.readout}: {view.how}" if view.readout else f"not possible: {view.how}"
        lines.append(f"  {view.architecture:8} {style(how, dim=True)}")
        if view.text:
            lines.append(f"           {coloured(view.text)}")
    return lines


def coloured(text: str) -> str:
    """What stands between the marks in colour, too."""
    return re.sub("⟦.*?⟧", lambda hit: style(hit[0], fg="green"), text)


def _architectures(models: tuple[str, ...]) -> dict[str, Architecture]:
    if not models:
        return {}
    quiet_libraries()
    from t2t_xfer.check.model import architecture_of_model

    return {model: architecture_of_model(model) for model in models}
