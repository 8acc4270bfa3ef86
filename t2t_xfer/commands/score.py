"""`t2t-xfer score`: XTREME's own file formats in, XTREME's own numbers out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from t2t_xfer.commands import options
from t2t_xfer.terminal import echo, secho

FOLDER = click.Path(file_okay=False, path_type=Path)


@click.command()
@click.option(
    "--predictions",
    type=FOLDER,
    required=True,
    metavar="DIR",
    help="Holds TASK/test-LANGUAGE.tsv (json for QA), TASK as XTREME writes it: xnli, pawsx, …",
)
@click.option("--labels", type=FOLDER, required=True, metavar="DIR", help="The same, with gold.")
@click.option(
    "--partial",
    is_flag=True,
    help="Leave out languages that neither folder has, which XTREME refuses.",
)
@options.as_json
def score(predictions: Path, labels: Path, partial: bool, as_json: bool) -> None:
    """Score prediction files in XTREME's layout; the numbers are those of its evaluate.py."""
    from t2t_xfer.xtreme import score_folders

    scores: Any = score_folders(predictions, labels, _warn, partial)
    if as_json:
        echo(json.dumps(scores))
    else:
        _print_table(scores)


def _warn(what: str) -> None:
    echo(f"t2t-xfer: {what}", err=True)


def _print_table(scores: dict[str, Any]) -> None:
    """Each task's languages, then the means."""
    from tabulate import tabulate

    for name, task in scores["tasks"].items():
        figures = list(next(iter(task["languages"].values())))
        rows = [[code, *values.values()] for code, values in task["languages"].items()]
        mean = [
            f"mean {_without(task.get('missing', ()))}".strip(),
            *(task[f"avg_{figure}"] for figure in figures),
        ]
        secho(name, bold=True)
        echo(tabulate([*rows, mean], ["language", *figures], floatfmt=".2f"))
        echo()
    rows = [
        [name, task["avg_metric"], _without(task.get("missing", ()))]
        for name, task in scores["tasks"].items()
    ]
    groups = [
        [key, scores[key], ""] for key in scores if key != "tasks" and scores[key] is not None
    ]
    echo(tabulate([*rows, *groups], ["XTREME", "score", ""], floatfmt=".2f"))


def _without(languages: list[str]) -> str:
    return f"without {', '.join(languages)}" if languages else ""
