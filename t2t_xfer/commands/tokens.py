"""How a model sees an example: its tokens, and which of them bear the loss."""

from __future__ import annotations

from collections.abc import Mapping

import click

from t2t_xfer.architectures.loading import load
from t2t_xfer.records import ArchitectureName, Options, Prompted, Readout


def show_tokens(
    path: str,
    answers: Options,
    text: Prompted,
    readouts: Mapping[ArchitectureName, Readout],
) -> None:
    """Prints the training rows of one example, loss-bearing places with what they predict.

    Args:
        readouts: what the task asks for by architecture; tags are trained in that form.
    """
    loaded = load(path)
    decode = loaded.tokenizer.convert_ids_to_tokens
    readout = readouts.get(loaded.architecture.name)
    for row in loaded.architecture.training_rows(text, answers, readout):
        click.echo(f"{loaded.architecture.name}: {row.num_tokens} tokens")
        click.echo("  " + " ".join(decode(list(row.input_ids))))
        if row.decoder_ids:
            click.echo("  decoder " + " ".join(decode(list(row.decoder_ids))))
        read = row.decoder_ids or row.input_ids
        for place, label in zip(row.places, row.labels, strict=True):
            # A pointer's label is a place too: that of a token of the copied field.
            target = row.input_ids[row.keys.start + label] if row.keys is not None else label
            sees, answer = decode([read[place]])[0], decode([target])[0]
            verb = "predict" if row.keys is None else f"point at {row.keys.start + label}"
            click.echo(f"  at {place} {sees!r} {verb} {answer!r}")
