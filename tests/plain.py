"""What a model says when it is asked in the plainest way: one sequence at a time, nothing padded,
no mask, no cache, the head at every place. What `engines` and `architectures` do must equal it.

Rows (which tokens go where) are the architecture's; what is plain is how a model reads them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch

from t2t_xfer.architectures.head import without_wrapper
from t2t_xfer.architectures.loading import LoadedModel
from t2t_xfer.architectures.rows import NULL, Row, unpacked
from t2t_xfer.engines.written import constraint_of
from t2t_xfer.records import Prompted, Readout


def logits_of(loaded: LoadedModel, row: Row) -> torch.Tensor:
    """Of every place of the sequence that answers stand in, shape (tokens, vocabulary)."""
    assert not row.blocks, "several sequences in one"
    inputs = {"input_ids": torch.tensor([row.input_ids])}
    if row.decoder_ids:
        inputs["decoder_input_ids"] = torch.tensor([row.decoder_ids])
    with torch.inference_mode():
        return loaded.model.eval()(**inputs).logits[0].float()


def option_scores(loaded: LoadedModel, prompted: Prompted, readout: Readout) -> list[float]:
    """The sum of log p over each option's terms, each option in a sequence of its own."""
    scores: list[float] = []
    for row in loaded.architecture.reading_rows(prompted, readout):
        if row.apart:
            scores += _log_odds(loaded, row)
            continue
        for alone in unpacked(row) if row.blocks else [row]:
            scores += _scores(loaded, alone)
    return scores


def _scores(loaded: LoadedModel, row: Row) -> list[float]:
    terms = logits_of(loaded, row).log_softmax(-1)
    found = [0.0] * len(row.option_lengths)
    for reading in row.readings:
        found[reading.option] += terms[row.places[reading.place], reading.token].item()
    return found


def _log_odds(loaded: LoadedModel, bundle: Row) -> list[float]:
    """Of yes against no, for each choice of a bundle."""
    return [yes - no for yes, no in (_scores(loaded, each) for each in bundle.apart)]


def tags(loaded: LoadedModel, prompted: Prompted, codes: Sequence[int]) -> torch.Tensor:
    """Logits of the codes at each word, shape (words, codes)."""
    rows = loaded.architecture.reading_rows(prompted, Readout.slots)
    words = [logits for row in rows for logits in _word_logits(loaded, row)]
    return torch.stack(words)[:, list(codes)]


def _word_logits(loaded: LoadedModel, row: Row) -> list[torch.Tensor]:
    """At each place; of a decoder with a block for each word, each block alone."""
    if not row.blocks:
        found = logits_of(loaded, row)
        return [found[place] for place in row.places]
    out = []
    for block in dict.fromkeys(row.blocks):
        own = [i for i, each in enumerate(row.blocks) if each == block]
        ids = tuple(row.decoder_ids[i] for i in own)
        alone = logits_of(loaded, replace(row, decoder_ids=ids, blocks=()))
        out += [alone[own.index(place)] for place in row.places if place in own]
    return out


def written(loaded: LoadedModel, row: Row, most: int) -> tuple[tuple[int, ...], float]:
    """The greedy continuation under the row's constraint, every token from a whole pass; and the
    sum of log p over it and its end token, which is forced where it would be the `most`-th."""
    end = loaded.architecture.codec.special("eos")
    constraint = constraint_of(row, end)
    tokens: list[int] = []
    score = 0.0
    while True:
        if row.decoder_ids:
            longer = replace(row, decoder_ids=(*row.decoder_ids, *tokens))
        else:
            longer = replace(row, input_ids=(*row.input_ids, *tokens))
        terms = logits_of(loaded, longer)[-1].log_softmax(-1)
        allowed = list(range(len(terms))) if constraint is None else constraint.allowed()
        token = end if len(tokens) == most - 1 else allowed[int(terms[allowed].argmax())]
        score += terms[token].item()
        if token == end:
            return tuple(tokens), score
        tokens.append(token)
        if constraint is not None:
            constraint.advance(token)


def loss(loaded: LoadedModel, row: Row) -> float:
    """`weight` times the mean cross-entropy at the row's labels."""
    if row.points:
        return _pointer_loss(loaded, row)
    if row.apart:
        odds = torch.tensor(_log_odds(loaded, row))
        return row.weight * -float(odds.log_softmax(-1)[row.labels[0]])
    at = _word_logits(loaded, row)
    terms = [
        -logits.log_softmax(-1)[label].item() for logits, label in zip(at, row.labels, strict=True)
    ]
    return row.weight * sum(terms) / len(terms)


def pointer_scores(loaded: LoadedModel, row: Row) -> torch.Tensor:
    """Scaled products of both slots with the null place (or minus infinity) and every key."""
    assert row.keys is not None
    model: Any = without_wrapper(loaded.model)
    seen: list[torch.Tensor] = []
    handle = model.get_output_embeddings().register_forward_pre_hook(
        lambda _, args: seen.append(args[0])
    )
    logits_of(loaded, row)
    handle.remove()
    states = seen[0][0].float()
    keys = states[row.keys.start : row.keys.end]
    found = []
    for place in row.places:
        null = -torch.inf
        if row.null_place is not None:
            null = float(states[place] @ states[row.null_place]) / states.shape[-1] ** 0.5
        found.append(
            torch.cat([torch.tensor([null]), keys @ states[place] / keys.shape[-1] ** 0.5])
        )
    return torch.stack(found)


def _pointer_loss(loaded: LoadedModel, row: Row) -> float:
    terms = pointer_scores(loaded, row).log_softmax(-1)
    picked = [-terms[i, label - NULL].item() for i, label in enumerate(row.labels)]
    return row.weight * sum(picked) / len(picked)
