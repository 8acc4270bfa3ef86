"""`t2t-xfer tasks new`: a task file proposed from a data set, checked and shown.

t2t-xfer tasks new reviews --from data/reviews
t2t-xfer tasks new my_nli --from facebook/xnli --data mirror:DIR
"""

from __future__ import annotations

from pathlib import Path

import click

from t2t_xfer.commands import options
from t2t_xfer.commands.check import check
from t2t_xfer.commands.preview import preview
from t2t_xfer.errors import SpecError, UserError
from t2t_xfer.terminal import echo, secho

SCHEMA = "task.schema.json"
"""Where `t2t-xfer schema task` was written beside the tasks, editors are told of it."""


@click.command()
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
    from t2t_xfer.authoring.look import look
    from t2t_xfer.authoring.propose import propose
    from t2t_xfer.data.source import open_source
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
    for question in draft.questions:
        echo(f"  {question}")
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
    """Where the task will stand.

    Raises:
        UserError: it cannot have this name, or there is such a task.
    """
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
