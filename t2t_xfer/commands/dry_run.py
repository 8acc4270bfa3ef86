"""`t2t-xfer train --dry-run`: what a training would be, as a table or as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from typing import TYPE_CHECKING

from t2t_xfer.commands.options import binary_size
from t2t_xfer.terminal import echo

if TYPE_CHECKING:
    from t2t_xfer.specs.training import TrainingSpec
    from t2t_xfer.stages.context import Context
    from t2t_xfer.stages.dry_run import DryRun
    from t2t_xfer.study.plan import Builder, Tip


def print_dry_run(
    builder: Builder, context: Context, tip: Tip, training: TrainingSpec, as_json: bool
) -> None:
    """Says what the last stage of a chain would do."""
    from t2t_xfer.stages.dry_run import dry_run
    from t2t_xfer.stages.train import TrainStage

    (stage,) = (each for each in builder.stages.values() if each.id == tip.trained_id)
    assert isinstance(stage, TrainStage)
    found = dry_run(context, tip.base, stage)
    if as_json:
        peak = {"peak": found.memory.peak}
        echo(json.dumps({**asdict(found), "memory": {**asdict(found.memory), **peak}}))
        return
    echo(as_text(found, training))


def as_text(found: DryRun, training: TrainingSpec) -> str:
    """The figures in a column, units beside them."""
    share = found.trainable / found.parameters
    memory = found.memory
    lines = [
        ("parameters", f"{found.parameters:,}"),
        ("trained", f"{found.trainable:,} ({share:.2%})"),
        ("steps", f"{found.steps:,} of {found.examples_per_step} examples"),
        (
            "tokens per step",
            f"{found.tokens_per_step:,.0f} (most {found.most_tokens_in_a_step:,}), in"
            f" {found.micro_batches_per_step:.1f} micro-batches of at most"
            f" {training.micro_batch_tokens:,}",
        ),
        ("padding", f"{found.padding_share:.1%} of what is computed"),
        ("peak memory", f"{binary_size(memory.peak)}, estimated for one device"),
        *((f"  {f.name}", binary_size(getattr(memory, f.name))) for f in fields(memory)),
    ]
    width = max(len(name) for name, _ in lines)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in lines)
