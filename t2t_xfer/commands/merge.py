"""`t2t-xfer merge`: an adapter added to its base's weights, as a checkpoint that needs no PEFT."""

from __future__ import annotations

import re
from pathlib import Path

import click

from t2t_xfer.errors import UserError
from t2t_xfer.progress import quiet_libraries
from t2t_xfer.terminal import echo


@click.command()
@click.argument("adapter", type=click.Path(file_okay=False), metavar="ADAPTER_DIR")
@click.option(
    "--model",
    default=None,
    help="The model that the adapter was trained on: a directory or a hub id. Default: the one"
    " that the adapter names.",
)
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Where the checkpoint goes: a directory that is empty or not there yet.",
)
@click.option(
    "--dtype",
    type=click.Choice(["float32", "bfloat16"]),
    default="float32",
    show_default=True,
    help="Of the saved weights. The sum itself is always taken in float32.",
)
def merge(adapter: str, model: str | None, output: Path, dtype: str) -> None:
    """Add a LoRA adapter to the weights of its model and save a plain checkpoint."""
    quiet_libraries()
    from t2t_xfer.files import replaced_folder
    from t2t_xfer.stages.bases import as_model_spec, base_of, existing_adapter
    from t2t_xfer.stages.model import Weights, save_merged

    if output.is_dir() and any(output.iterdir()):
        raise UserError(f"{output} is not empty. Nothing is overwritten: give another --output.")
    existing_adapter(adapter)  # before its base is asked about
    base = base_of(as_model_spec(adapter if model is None else model), adapter if model else None)
    if base.adapter is None:
        raise UserError("--model must be a model that exists, not a new one.")
    weights = Weights(str(base.how.path), base.how.revision, base.adapter)
    # Complete or not there: a merge that was cut off must not look like a checkpoint.
    with replaced_folder(output, own=re.compile(".*")) as unfinished:
        save_merged(weights, unfinished, dtype)
    echo(f"checkpoint: {output}")
