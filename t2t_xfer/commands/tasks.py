"""`t2t-xfer tasks`: what tasks there are, what they say, what a model sees of them."""

from __future__ import annotations

import json

import click

from t2t_xfer.commands import options
from t2t_xfer.commands.check import check
from t2t_xfer.commands.new import new
from t2t_xfer.commands.preview import preview
from t2t_xfer.terminal import echo


@click.group()
def tasks() -> None:
    """Look at tasks."""


for command in (check, preview, new):
    tasks.add_command(command)


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
        echo(json.dumps(rows))
        return
    table = [[s.task, s.answer, s.metric, len(s.languages), s.trains_on] for s in found]
    echo(tabulate(table, ["task", "answer", "metric", "languages", "trains on"]))


@tasks.command()
@click.argument("name")
@options.as_json
def show(name: str, as_json: bool) -> None:
    """Show one task with its prompt and label words, defaults filled in."""
    from t2t_xfer.commands.show_text import task_json, task_lines
    from t2t_xfer.specs.catalogue import Catalogue

    catalogue = Catalogue()
    spec = catalogue.task(name)
    prompt = catalogue.prompt_of(spec)
    if as_json:
        echo(json.dumps(task_json(spec, prompt)))
        return
    for line in task_lines(spec, prompt):
        echo(line)
