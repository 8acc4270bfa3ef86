"""The options that commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

STORE = "store"
"""Where under the output directory the stages are; studies lie beside it."""

MODEL_HELP = (
    "A directory, a hub id, micro:encoder, micro:seq2seq or micro:causal (small, pretrained on the"
    " microworld), or the same with new: (small, untrained)."
)
"""What `--model` takes."""
data = click.option(
    "--data",
    envvar="T2T_DATA",
    default="hub",
    show_default=True,
    metavar="hub|mirror:DIR|microworld",
    help="Where rows come from.",
)
output = click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("eval_outputs"),
    show_default=True,
    help="Where results go.",
)
skip_missing = click.option(
    "--skip-missing", is_flag=True, help="Leave out languages that the data source lacks."
)
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON for a script.")
seed = click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
limit = click.option(
    "--limit",
    type=click.IntRange(1),
    default=None,
    help="Use this many rows of each split, the same ones in every language.",
)


def binary_size(size: int) -> str:
    """Bytes in words: `1.50 GiB`, or `3.2 MiB` below one."""
    return f"{size / 2**20:,.1f} MiB" if size < 2**30 else f"{size / 2**30:,.2f} GiB"
