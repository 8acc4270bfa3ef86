"""`t2t-xfer store`: what stages are finished, whether their files are whole, what may go."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from t2t_xfer.commands import options
from t2t_xfer.errors import UserError
from t2t_xfer.terminal import echo

if TYPE_CHECKING:
    from t2t_xfer.study.record import Record
    from t2t_xfer.study.store import Store


@click.group()
def store() -> None:
    """Look at the records of finished stages, check them, remove what nothing wants."""


@store.command("ls")
@click.option("--kind", type=click.Choice(["model", "train", "predict", "score"]), default=None)
@options.output
@options.as_json
def list_stages(kind: str | None, output: Path, as_json: bool) -> None:
    """List finished stages with size, time and score."""
    from tabulate import tabulate

    found = _open(output)
    rows: list[dict[str, Any]] = []
    for record in found.records():
        if kind in (None, record.kind):
            rows.append(
                {
                    "stage": record.stage_id,
                    "bytes": _size(record),
                    "seconds": record.seconds,
                    "finished": record.finished,
                    "score": record.results.get("score"),
                }
            )
    if as_json:
        echo(json.dumps(rows))
        return
    table = [
        [
            row["stage"],
            megabytes(row["bytes"]),
            f"{row['seconds']:.1f} s",
            row["finished"],
            "" if row["score"] is None else f"{row['score']:.1f}",
        ]
        for row in rows
    ]
    echo(tabulate(table, ["stage", "size", "time", "finished (UTC)", "score"]))
    total = sum(row["bytes"] for row in rows)
    echo(f"{len(rows)} stages, {megabytes(total)}")


@store.command()
@click.argument("stage")
@options.output
def show(stage: str, output: Path) -> None:
    """Show the record of a stage: its id, or the start of its last part (3f9a)."""
    from dataclasses import asdict

    from t2t_xfer.stages.base import plain_json

    record = _named(_open(output), stage)
    echo(json.dumps(plain_json(asdict(record)), indent=2, ensure_ascii=False))


@store.command()
@click.argument("stages", nargs=-1)
@options.output
def verify(stages: tuple[str, ...], output: Path) -> None:
    """Read every byte of the stages (default: all) and name what is damaged; exit 1 if any is."""
    from t2t_xfer.progress import Progress

    found = _open(output)
    ids = [_named_id(found, stage) for stage in stages] or found.stage_ids()
    damaged = 0
    with Progress(total=len(ids), desc="verify", unit="stage") as bar:
        for stage_id in ids:
            problems = found.verify(stage_id)
            damaged += bool(problems)
            for problem in problems:
                echo(f"damaged: {stage_id}: {problem}", err=True)
            bar.update(1)
    echo(f"{len(ids)} stages, {damaged} damaged")
    if damaged:
        echo("A damaged stage is done again by the next run that needs it.")
        raise SystemExit(1)


@store.command()
@click.option("--yes", is_flag=True, help="Remove them. Without it they are only listed.")
@options.output
def prune(yes: bool, output: Path) -> None:
    """Remove checkpoints that no unfinished stage of a study wants; predictions and scores stay."""
    from t2t_xfer.study.status import removable

    found = _open(output)
    going = removable(found, output)
    for each in going:
        echo(f"{megabytes(each.size):>12}  {each.stage.id}")
    total = megabytes(sum(each.size for each in going))
    if not yes:
        echo(f"{len(going)} checkpoints, {total}, can go. Pass --yes to remove them.")
        return
    for each in going:
        found.remove(each.stage)
    echo(f"{len(going)} checkpoints, {total}, removed")


def megabytes(size: int) -> str:
    """`3.2 MB`: millions of bytes."""
    return f"{size / 1e6:.1f} MB"


def _open(output: Path) -> Store:
    from t2t_xfer.study.store import Store

    root = output / options.STORE
    if not root.is_dir():
        raise UserError(
            f"there is no store at {root}. Give the directory of earlier results with --output, or"
            " run something first, for example `t2t-xfer quickstart`."
        )
    return Store(root)


def _size(record: Record) -> int:
    return sum(file.size for file in record.files.values())


def _named_id(found: Store, name: str) -> str:
    from t2t_xfer.errors import nearest

    ids = found.stage_ids()
    matching = [i for i in ids if i == name or i.rpartition("-")[2].startswith(name)]
    if len(matching) != 1:
        why = "several stages" if matching else "no stage"
        shown = f": {', '.join(matching[:5])}" if matching else f".{nearest(name, ids)}"
        raise UserError(
            f"{name!r} names {why} in {found.root}{shown}"
            f"{'.' if matching else ''} `t2t-xfer store ls` lists them."
        )
    return matching[0]


def _named(found: Store, name: str) -> Record:
    stage_id = _named_id(found, name)
    record = found.record(stage_id)
    if record is None:
        problems = "; ".join(found.verify(stage_id))
        raise UserError(f"{stage_id} is damaged: {problems}. The next run that needs it mends it.")
    return record
