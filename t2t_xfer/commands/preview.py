"""`t2t-xfer tasks preview`: a few examples as text, and where each architecture is asked what.

What bears the loss stands between ⟦ and ⟧; on a terminal it is coloured as well (NO_COLOR turns
that off). With a model its tokens are shown; no weights are loaded.

    t2t-xfer tasks preview xnli --language de -n 1 --model micro:causal
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click

from t2t_xfer.commands import options
from t2t_xfer.progress import quiet_libraries
from t2t_xfer.records import Split
from t2t_xfer.terminal import echo, style

if TYPE_CHECKING:
    from t2t_xfer.records import Prompted
    from t2t_xfer.stages.context import Context
    from t2t_xfer.stages.task import Task


@click.command()
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
    from t2t_xfer.specs.catalogue import Catalogue
    from t2t_xfer.stages.context import Context

    context = Context(Catalogue(), data)
    task = context.task(name)
    code, found = _place(context, task, language, split)
    examples, prompted = context.prompted(task.name, code, found, None)
    shown = _Tokens(models, task) if models else None
    for example, text in list(zip(examples, prompted, strict=True))[:count]:
        echo(style(f"{task.name} · {code} · {found} · id {example.id}", bold=True))
        echo("".join(text.shots) + text.input)
        echo(style(f"→ {text.target}", fg="green"))
        for side in ("source", "target") if task.answer.name == "pair" else ():
            echo(f"  {side}  {example.fields.get(side, '(in the pool)')}")
        for line in _views(task, text):
            echo(line)
        if shown is not None:
            shown.show(text)
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
    from t2t_xfer.stages.layout import layouts

    size = f"{len(text.input)} characters of input, {len(text.target)} of target"
    if text.slots:
        size += f", {len(text.slots)} answer slots"
    lines = [f"  {size}"]
    for view in layouts(task.answer.name, text, task.spec.readout):
        how = f"{view.readout}: {view.how}" if view.readout else f"not possible: {view.how}"
        lines.append(f"  {view.architecture:8} {style(how, dim=True)}")
        if view.text:
            lines.append(f"           {coloured(view.text)}")
    return lines


def coloured(text: str) -> str:
    """What stands between the marks in colour, too."""
    return re.sub("⟦.*?⟧", lambda hit: style(hit[0], fg="green"), text)


class _Tokens:
    """Shows examples as some models see them; each tokenizer is loaded once."""

    def __init__(self, models: tuple[str, ...], task: Task) -> None:
        quiet_libraries()
        from t2t_xfer.stages.preview import architecture_of_model

        self._task = task
        self._models = {model: architecture_of_model(model) for model in models}

    def show(self, text: Prompted) -> None:
        """The training rows of an example."""
        from t2t_xfer.commands.tokens import token_lines

        if self._task.answer.name == "pair":
            return  # nothing is trained on pairs
        for model, architecture in self._models.items():
            for line in token_lines(model, architecture, self._task, text):
                echo(coloured(line))
