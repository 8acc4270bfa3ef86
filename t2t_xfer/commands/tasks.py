"""`t2t-xfer tasks`: what tasks there are, what they say, what a model sees of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from t2t_xfer.commands import options
from t2t_xfer.commands.check import check
from t2t_xfer.records import Prompted, Split

if TYPE_CHECKING:
    from t2t_xfer.stages.task import Task


@click.group()
def tasks() -> None:
    """Look at tasks."""


tasks.add_command(check)


@tasks.command("ls")
@options.as_json
def list_tasks(as_json: bool) -> None:
    """List every task with its answer format, languages and metric."""
    from tabulate import tabulate

    from t2t_xfer.engines.response_cache import cache_directory
    from t2t_xfer.specs.catalogue import Catalogue
    from t2t_xfer.specs.summaries import summaries

    found = summaries(Catalogue(), cache_directory() / "tasks.json")
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
        click.echo(json.dumps(rows))
        return
    table = [[s.task, s.answer, s.metric, len(s.languages), s.trains_on] for s in found]
    click.echo(tabulate(table, ["task", "answer", "metric", "languages", "trains on"]))


@tasks.command()
@click.argument("name")
@options.as_json
def show(name: str, as_json: bool) -> None:
    """Show one task with its prompt and label words, defaults filled in."""
    from t2t_xfer.specs.catalogue import Catalogue
    from t2t_xfer.specs.summaries import summary_of

    catalogue = Catalogue()
    spec = catalogue.task(name)
    prompt = catalogue.prompt_of(spec)
    if as_json:
        click.echo(json.dumps({"task": spec.canonical(), "prompt": prompt.canonical()}))
        return
    click.echo(f"task       {spec.task}  ({spec.answer}, {spec.metric})")
    click.echo(f"trains on  {summary_of(spec).trains_on}")
    click.echo(f"languages  {' '.join(spec.languages)}")
    for part in spec.data.sources:
        named = f"{part.name}: " if spec.data.parts else ""
        if part.hub is not None:
            click.echo(f"data       {named}{part.hub.id}, config {part.hub.config}")
        for split, file in (part.files or {}).items():
            click.echo(f"data       {named}{split}: {file}")
    for label in spec.labels:
        click.echo(f"label      {label} = {spec.labels[label].value!r}: {prompt.words[label]}")
    if spec.tags or spec.tags_from:
        click.echo(f"tags       {' '.join(spec.tags) or f'those of the {spec.tags_from} split'}")
    click.echo("prompt")
    click.echo("".join(f"    {line}\n" for line in prompt.input.splitlines()), nl=False)
    if spec.note:
        click.echo(f"note       {spec.note}")


@tasks.command()
@click.argument("name")
@click.option("--language", default=None, help="Default: the task's source language.")
@click.option("--split", type=click.Choice(["train", "validation", "test"]), default=None)
@click.option("-n", "count", type=click.IntRange(1), default=3, show_default=True)
@click.option(
    "--model", default=None, help="Also show the tokens of this model, and its answers' places."
)
@options.data
def preview(
    name: str, language: str | None, split: Split | None, count: int, model: str | None, data: str
) -> None:
    """Show the input and target text of a few examples."""
    from t2t_xfer.data.examples import missing_languages
    from t2t_xfer.data.places import readable_splits
    from t2t_xfer.specs.catalogue import Catalogue
    from t2t_xfer.stages.context import Context

    context = Context(Catalogue(), data)
    task = context.task(name)
    own = task.spec.languages
    # Tatoeba's source language is no language of its own: it is the other side of every pair.
    source = task.spec.source_language
    code = language or (source if source in own else own[0])
    readable = readable_splits(task.spec, code)
    present = [s for s in readable if not missing_languages(task.spec, context.source, [code], s)]
    found = split or (present[-1] if present else "test")
    examples, prompted = context.prompted(task.name, code, found, None)
    for example, text in list(zip(examples, prompted, strict=True))[:count]:
        click.secho(f"{task.name} · {code} · {found} · id {example.id}", bold=True)
        click.echo("".join(text.shots) + text.input)
        click.secho(f"→ {text.target}", fg="green")
        if model is not None and task.answer.name != "pair":  # nothing is trained on pairs
            _show_tokens(model, task, text)
        click.echo()
    click.echo(f"{len(examples)} examples")


def _show_tokens(model: str, task: Task, text: Prompted) -> None:
    from t2t_xfer.commands.tokens import show_tokens

    options.quiet_libraries()
    show_tokens(model, task.answer.options, text, task.spec.readout)
