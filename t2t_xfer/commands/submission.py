"""`t2t-xfer submission`: XTREME's own prediction files from our outputs."""

from __future__ import annotations

from pathlib import Path

import click

from t2t_xfer.errors import UserError
from t2t_xfer.terminal import echo

FOLDER = click.Path(file_okay=False, path_type=Path)


@click.command()
@click.argument("run", type=FOLDER, metavar="RUN")
@click.option(
    "--output", type=FOLDER, required=True, metavar="DIR", help="Empty, or not there yet."
)
@click.option(
    "--labels",
    type=FOLDER,
    default=None,
    metavar="DIR",
    help="Also write the gold answers in the same layout, to check our numbers with `score`.",
)
@click.option("--task", "tasks", multiple=True, help="May be repeated. Default: all of XTREME's.")
@click.option("--model", default=None, help="Needed if the run has several.")
@click.option("--intermediate", default=None, help="The same.")
@click.option("--seed", type=click.IntRange(0), default=None, help="The same.")
@click.option(
    "--originals",
    type=FOLDER,
    default=None,
    metavar="DIR",
    help="Tatoeba's original files, which say the order of the lines.",
)
@click.option("--partial", is_flag=True, help="Also from runs with --limit, to try things out.")
def submission(
    run: Path,
    output: Path,
    labels: Path | None,
    tasks: tuple[str, ...],
    model: str | None,
    intermediate: str | None,
    seed: int | None,
    originals: Path | None,
    partial: bool,
) -> None:
    """Write XTREME's prediction files from the outputs of a study, or of `evaluate`."""
    from t2t_xfer.study.results import Results
    from t2t_xfer.study.submission import Submission, make_files
    from t2t_xfer.xtreme.write import write_folders

    if labels is not None and labels.resolve() == output.resolve():
        raise UserError("--output and --labels must be two different directories.")
    asked = Submission(tasks, model, intermediate, seed, originals, partial)
    files, refused = make_files(Results.read(run), asked, _warn)
    folders = {output: files.predictions}
    if labels is not None:
        folders[labels] = files.labels
    write_folders(folders)
    for folder, texts in folders.items():
        echo(f"{len(texts)} files in {folder}")
    for reason in refused:
        _warn(f"not written: {reason}")
    raise SystemExit(1 if refused else 0)


def _warn(what: str) -> None:
    echo(f"t2t-xfer: {what}", err=True)
