"""`t2t-xfer microworld`: the embedded synthetic world, written out, and its micro models.

t2t-xfer microworld export DIR --limit 1000        # then: --data mirror:DIR
t2t-xfer microworld pretrain --architecture encoder --output DIR
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from t2t_xfer.commands import options
from t2t_xfer.errors import UserError
from t2t_xfer.progress import quiet_libraries
from t2t_xfer.terminal import echo

if TYPE_CHECKING:
    from t2t_xfer.records import ArchitectureName


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


@microworld.command()
@click.option(
    "--architecture",
    type=click.Choice(["encoder", "seq2seq", "causal", "all"]),
    default="all",
    show_default=True,
)
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    metavar="DIR",
    help="Where the checkpoint goes; of all three, a folder for each.",
)
@click.option("--steps", type=click.IntRange(1), default=None, help="Fewer for a trial.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
def pretrain(architecture: str, output: Path, steps: int | None, seed: int) -> None:
    """Pretrain a micro model on the microworld's text: synthetic, some minutes on one core."""
    from t2t_xfer.microworld.checkpoints import NAMES

    quiet_libraries()
    folders = {name: output / name for name in NAMES}
    if architecture != "all":
        folders = {name: output for name in NAMES if name == architecture}
    for folder in folders.values():
        if folder.exists() and any(folder.iterdir()):
            raise UserError(f"{folder} is not empty. Name a new folder for --output.")
    for name, folder in folders.items():
        _pretrain(name, folder, steps, seed)


def _pretrain(architecture: ArchitectureName, folder: Path, steps: int | None, seed: int) -> None:
    from dataclasses import replace

    from tqdm import tqdm

    from t2t_xfer.training.micro import make_micro
    from t2t_xfer.training.pretraining import Recipe

    recipe = Recipe(seed=seed)
    recipe = recipe if steps is None else replace(recipe, steps=steps)
    with tqdm(total=recipe.steps, desc=architecture, unit="step", disable=None) as bar:

        def report(step: int, loss: float) -> None:
            bar.update(1)
            if step % 20 == 0:
                bar.set_postfix(loss=f"{loss:.3f}", refresh=False)

        made = make_micro(architecture, folder, recipe, report=report)
    echo(
        f"{architecture}: {made.parameters} parameters, {recipe.tokens} tokens, loss"
        f" {made.losses[0]:.2f} to {made.losses[-1]:.2f}, {made.seconds:.0f} s: {folder}"
    )
