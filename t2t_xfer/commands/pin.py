"""`t2t-xfer pin`: hub ids of YAML files to commits, and which are not pinned yet."""

from __future__ import annotations

from pathlib import Path

import click

from t2t_xfer.terminal import echo


@click.command()
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option("--check", is_flag=True, help="Only tell what is not pinned; exit 1 if anything.")
def pin(files: tuple[Path, ...], check: bool) -> None:
    """Write the hub's present commit beside each data set and model of task and study FILES."""
    from t2t_xfer.files import write_text
    from t2t_xfer.specs.load import place_of
    from t2t_xfer.stages.pins import commit_of, hub_ids, with_revision

    loose = 0
    for file in files:
        place_of(file, ())  # a mistake shows before anything is asked or written
    for file in files:
        for number, wanted in enumerate(hub_ids(file)):
            if wanted.pinned:
                continue
            loose += 1
            where = f"{file}:{wanted.place.line}:{wanted.place.column}: {wanted.id}"
            if check:
                echo(f"{where} is at {wanted.revision or 'the newest revision'}")
                continue
            commit = commit_of(wanted)
            text = file.read_text(encoding="utf-8")
            # Lines may have moved since the first id of the file was pinned.
            pinned = with_revision(text, hub_ids(file)[number], commit)
            write_text(file, pinned)
            echo(f"{where} is pinned to {commit}")
    if not loose:
        echo("everything is pinned")
    if check and loose:
        raise SystemExit(1)
