"""`t2t-xfer microworld`: the embedded synthetic world, written out.

t2t-xfer microworld export DIR --limit 1000        # then: --data mirror:DIR
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import click

from t2t_xfer.commands import options
from t2t_xfer.errors import UserError
from t2t_xfer.terminal import echo


@click.group()
def microworld() -> None:
    """The embedded, synthetic microworld: its data."""


@microworld.command()
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path), metavar="DIR")
@options.limit
def export(directory: Path, limit: int | None) -> None:
    """Write all data sets in the hub's layout, for --data mirror:DIR."""
    from t2t_xfer import microworld as world

    if directory.is_dir() and any(directory.iterdir()):
        raise UserError(f"{directory} is not empty. Nothing is overwritten: give another DIR.")
    num_files = 0
    for hub_id in world.hub_ids():
        for config in world.configs(hub_id):
            for split in world.splits(hub_id, config):
                rows = world.rows(hub_id, config, split, limit) or []
                lines = [json.dumps(row, ensure_ascii=False) for row in rows]
                _write(directory / hub_id / config / f"{split}.jsonl.gz", lines)
                num_files += 1
    for language in world.LANGUAGES:
        lines = (world.text(language) or [])[:limit]
        _write(directory / "rawtext" / f"{language}.txt.gz", lines)
    echo(f"{num_files} splits, raw text in {len(world.LANGUAGES)} languages: {directory}")
    echo("synthetic: a generated test bed, no evidence about natural language.")


def _write(path: Path, lines: list[str]) -> None:
    """The same bytes every time: a gzip header holds the time otherwise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = "".join(f"{line}\n" for line in lines).encode()
    path.write_bytes(gzip.compress(content, mtime=0))
