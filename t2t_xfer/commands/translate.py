"""`t2t-xfer translate`: a task's training rows in other languages, by a model of one's own."""

from __future__ import annotations

import json
from pathlib import Path

import click

from t2t_xfer.commands import options
from t2t_xfer.progress import quiet_libraries
from t2t_xfer.terminal import echo


@click.command()
@click.argument("task")
@click.option("--to", "to", required=True, metavar="CODES", help="Languages, such as de,ru,sw.")
@click.option(
    "--model", required=True, help="An encoder-decoder or a decoder: a directory or a hub id."
)
@click.option("--revision", default=None, help="A commit or tag of the hub. Default: the newest.")
@click.option(
    "--translator",
    required=True,
    help="How the model is told to translate: nllb, m2m100, t5, instruct, continue, or a YAML file;"
    " see docs/translate.md.",
)
@click.option("--name", default=None, help="Of the new task. Default: the task's name and _mt.")
@click.option(
    "--dtype", type=click.Choice(["float32", "bfloat16"]), default="float32", show_default=True
)
@options.data
@options.limit
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    help="The project's folder, for tasks/ and translated/. Default: here.",
)
@options.as_json
def translate(
    task: str,
    to: str,
    model: str,
    revision: str | None,
    translator: str,
    name: str | None,
    dtype: str,
    data: str,
    limit: int | None,
    output: Path,
    as_json: bool,
) -> None:
    """Translate a task's training data; goes on where an interrupted run stopped."""
    quiet_libraries()
    from t2t_xfer.specs.catalogue import Catalogue
    from t2t_xfer.specs.model import load_translator
    from t2t_xfer.stages.context import Context
    from t2t_xfer.translate.run import Order, parse_languages, summary
    from t2t_xfer.translate.run import translate as run

    catalogue = Catalogue()
    spec = catalogue.task(catalogue.task(task).train_task or task)
    if spec.task != task:
        echo(f"{task} is trained on {spec.task}: its rows are translated.", err=True)
    order = Order(
        spec.task,
        name or f"{spec.task}_mt",
        parse_languages(to, spec.source_language),
        model,
        revision,
        load_translator(catalogue.roots, translator),
        dtype,
        limit,
        output,
    )
    records = run(Context(catalogue, data), order, lambda line: echo(line, err=True))
    if as_json:
        echo(json.dumps({"task": order.name, "languages": records}, ensure_ascii=False))
        return
    for code, record in records.items():
        echo(summary(code, record))
    echo(f"task: {order.name} ({output / 'tasks' / order.name}.yaml)")
