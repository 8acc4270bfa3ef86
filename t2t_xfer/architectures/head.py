"""The LM head at the places that matter, and nowhere else.

A vocabulary of 250,000 times every token of a batch is most of the time and memory of a small
model. A pre-hook on the output embeddings picks the hidden states at the rows' places, so the
model is called as always (which keeps DDP and FSDP wrappers in play) but returns logits of shape
(1, places, vocabulary). Where only some tokens can be an answer, only their rows of the head are
used.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional

from t2t_xfer.architectures.rows import Row

if TYPE_CHECKING:
    from t2t_xfer.architectures.base import Architecture


def place_indices(rows: Sequence[Row]) -> tuple[torch.Tensor, torch.Tensor]:
    """Row and column of every place of the batch, rows in order."""
    index = [i for i, row in enumerate(rows) for _ in row.places]
    column = [place for row in rows for place in row.places]
    return torch.tensor(index, dtype=torch.long), torch.tensor(column, dtype=torch.long)


@contextmanager
def head_only_at(
    head: torch.nn.Module,
    index: torch.Tensor,
    column: torch.Tensor,
    tokens: torch.Tensor | None = None,
) -> Iterator[None]:
    """The head computes the rows' places alone and, if `tokens` are given, these tokens alone."""
    selected: list[torch.Tensor] = []

    def select(_: torch.nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...]:
        hidden = args[0]
        at_places = hidden[index.to(hidden.device), column.to(hidden.device)][None]
        if tokens is None:
            return (at_places, *args[1:])
        selected.append(at_places)
        return (at_places[:, :0], *args[1:])

    def score(module: Any, args: tuple[Any, ...], nothing: torch.Tensor) -> torch.Tensor:
        rows = tokens.to(module.weight.device)  # type: ignore[union-attr]
        bias = None if module.bias is None else module.bias[rows]
        return functional.linear(selected.pop(), module.weight[rows], bias)

    handles = [head.register_forward_pre_hook(select)]
    if tokens is not None:
        handles.append(head.register_forward_hook(score))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def place_logits(
    model: torch.nn.Module,
    architecture: Architecture,
    rows: Sequence[Row],
    tokens: Sequence[int] | None = None,
) -> torch.Tensor:
    """Logits at the places of the rows, in float32.

    Args:
        tokens: the only ones to score, in this order. Seventeen rows of a head of 250,000 cost
            next to nothing, and the logits of a batch of words fit into memory.

    Returns:
        Shape (places of all rows, vocabulary or `tokens`), rows in order and places in order.
    """
    unwrapped = without_wrapper(model)
    index, column = place_indices(rows)
    inputs = placed(architecture.inputs(rows), unwrapped)
    head = unwrapped.get_output_embeddings()
    wanted = None if tokens is None else torch.tensor(tokens, dtype=torch.long)
    # A head under an adapter or in 4 bits has no rows to pick from; and what DeBERTa-v2 calls its
    # output embeddings (`legacy: false`) is the layer before the product with the embeddings.
    plain = type(head) is torch.nn.Linear and head.out_features == _num_tokens(unwrapped)
    with head_only_at(head, index, column, wanted if plain else None):
        logits: torch.Tensor = model(**inputs).logits[0]
    if wanted is not None and not plain:
        logits = logits[:, wanted.to(logits.device)]
    return logits.float()


def _num_tokens(model: Any) -> int:
    return int(model.get_input_embeddings().weight.shape[0])


def without_wrapper(model: torch.nn.Module) -> Any:
    """The model inside DDP's wrapper."""
    return model.module if hasattr(model, "module") else model


def placed(
    inputs: Mapping[str, torch.Tensor | dict[str, torch.Tensor]], model: Any
) -> dict[str, Any]:
    """The inputs on the model's device."""
    return {
        name: placed(value, model)
        if isinstance(value, dict)
        # Additive masks are the only floating-point inputs; they follow the model's dtype.
        else value.to(model.device, model.dtype if value.is_floating_point() else None)
        for name, value in inputs.items()
    }


def row_losses(logits: torch.Tensor, rows: Sequence[Row]) -> torch.Tensor:
    """Weighted loss of each row: `weight` times the mean over its labels. Shape (rows,).

    Summed over the rows of an example this is the mean over the example's own target tokens, so
    every example weighs 1 whatever the length of its answer.
    """
    labels = torch.tensor([t for row in rows for t in row.labels], device=logits.device)
    shares = torch.tensor(
        [row.weight / len(row.labels) for row in rows for _ in row.labels], device=logits.device
    )
    owner = place_indices(rows)[0].to(logits.device)
    losses = functional.cross_entropy(logits, labels, reduction="none") * shares
    return torch.zeros(len(rows), device=logits.device).index_add(0, owner, losses)


def apart_losses(logits: torch.Tensor, rows: Sequence[Row]) -> torch.Tensor:
    """Weighted loss of each bundle: the softmax goes over the scores of its choices.

    A choice's score is the log-odds of yes against no. Both are read at the same places, so the
    terms that normalise the vocabulary cancel, and the logits do.

        choice        dog    cat    fish      (the right one: cat)
        logit yes     1.0    2.0    0.5
        logit no      0.5    0.5    1.0
        score         0.5    1.5   -0.5   ->  loss = log(e^.5 + e^1.5 + e^-.5) - 1.5

    Args:
        logits: at the places of all sequences, shape (places, vocabulary).

    Returns:
        Shape (rows,).
    """
    sequences = [each for row in rows for each in row.apart]
    starts = accumulate((len(each.places) for each in sequences), initial=0)
    terms = [
        (owner, start + reading.place, reading.token, 1.0 - 2.0 * reading.option)
        for owner, (start, each) in enumerate(zip(starts, sequences, strict=False))
        for reading in each.readings
    ]
    owner, place, token, sign = (
        torch.tensor(c, device=logits.device) for c in zip(*terms, strict=True)
    )
    scores = torch.zeros(len(sequences), device=logits.device)
    scores = scores.index_add(0, owner, logits[place, token] * sign)
    parts = scores.split([len(row.apart) for row in rows])
    return torch.stack(
        [
            row.weight * (part.logsumexp(0) - part[row.labels[0]])
            for row, part in zip(rows, parts, strict=True)
        ]
    )


def batch_losses(
    model: torch.nn.Module, architecture: Architecture, rows: Sequence[Row]
) -> torch.Tensor:
    """Weighted loss of each row of a batch of one kind. Shape (rows,)."""
    if rows[0].apart:
        sequences = [each for row in rows for each in row.apart]
        return apart_losses(place_logits(model, architecture, sequences), rows)
    if rows[0].points:
        from t2t_xfer.architectures.pointers import pointer_losses

        return pointer_losses(model, architecture, rows)
    return row_losses(place_logits(model, architecture, rows), rows)
