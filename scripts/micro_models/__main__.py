"""Makes the shipped micro models again: synthetic text, some minutes on one core for each.

python -m scripts.micro_models --output DIR
python -m scripts.micro_models --architecture encoder --steps 200 --output DIR
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click
from tqdm import tqdm

from scripts.micro_models.checkpoints import make_micro
from scripts.micro_models.pretraining import Recipe
from t2t_xfer.microworld.checkpoints import NAMES
from t2t_xfer.progress import quiet_libraries
from t2t_xfer.records import ArchitectureName


@click.command(help=__doc__)
@click.option("--architecture", type=click.Choice([*NAMES, "all"]), default="all")
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Where the checkpoint goes; of all three, a folder for each.",
)
@click.option("--steps", type=click.IntRange(1), default=Recipe.steps, help="Fewer for a trial.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
def main(architecture: str, output: Path, steps: int, seed: int) -> None:
    """One checkpoint after another."""
    quiet_libraries()
    folders = {name: output / name for name in NAMES}
    if architecture != "all":
        folders = {name: output for name in NAMES if name == architecture}
    for folder in folders.values():
        if folder.exists() and any(folder.iterdir()):
            raise click.UsageError(f"{folder} is not empty. Name a new folder for --output.")
    for name, folder in folders.items():
        _make(name, folder, replace(Recipe(seed=seed), steps=steps))


def _make(name: ArchitectureName, folder: Path, recipe: Recipe) -> None:
    with tqdm(total=recipe.steps, desc=name, unit="step", disable=None) as bar:

        def report(step: int, loss: float) -> None:
            bar.update(1)
            if step % 20 == 0:
                bar.set_postfix(loss=f"{loss:.3f}", refresh=False)

        made = make_micro(name, folder, recipe, report=report)
    click.echo(
        f"{name}: {made.parameters} parameters, {recipe.tokens} tokens, loss"
        f" {made.losses[0]:.2f} to {made.losses[-1]:.2f}, {made.seconds:.0f} s: {folder}"
    )


if __name__ == "__main__":
    main()
