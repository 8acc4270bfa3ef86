"""Reading tags: at every word in one pass, or written as text under a positional grammar.

In one pass every word has scores of all tags, and the best tag of each word is its tag. Where tags
may not follow each other freely (BIO), the best legal sequence over the whole sentence, wherever it
was cut into pieces, is logged beside it: which of the two is the answer is decided in scoring.

Written, a tag stands behind its word's marker, and the markers can be no others:

    seq2seq  <start> <0> The F <1> dog H </s>         causal  … The F dog H </s>
    may be           <0> The * <1> dog * </s>                 The * dog * </s>
    as text  0:DET 1:NOUN

Pieces are written one after the other, so the first tag of a piece may follow the last of the one
before. Nothing is written without the grammar: models are not trained to choose markers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import torch

from t2t_xfer.architectures.base import Architecture, option_tokens
from t2t_xfer.architectures.head import place_logits
from t2t_xfer.architectures.rows import Row
from t2t_xfer.records import Generation, Options, Prompted, Readout

Slots: TypeAlias = "list[int] | list[list[float]]"
"""What is read from one row: the index of the best tag at each place or, where tags depend on each
other, log-probabilities among the tags, shape (places, tags)."""


def slot_reader(
    architecture: Architecture, options: Options
) -> Callable[[Any, Sequence[Row]], Sequence[Slots]]:
    """What reads the places of a batch: a function of model and rows."""
    codes = _codes(architecture, options)

    def read(model: Any, rows: Sequence[Row]) -> Sequence[Slots]:
        logits = place_logits(model, architecture, rows, codes)
        found = logits.log_softmax(-1) if options.follows else logits.argmax(-1)
        parts = torch.split(found.cpu(), [len(row.places) for row in rows])
        return [part.tolist() for part in parts]

    return read


def slot_question(architecture: Architecture, options: Options) -> object:
    """What `slot_reader` asks, beside the rows: see `CachedAnswers.batch`."""
    return ["slots", _codes(architecture, options), bool(options.follows)]


def _codes(architecture: Architecture, options: Options) -> list[int]:
    return [tokens[0] for tokens in option_tokens(architecture.codec, options)]


def tagged(example: Prompted, options: Options, parts: Sequence[tuple[Row, Slots]]) -> Generation:
    """The tags of a sentence from what was read in each of its pieces."""
    ordered = sorted(parts, key=lambda part: part[0].first_slot)
    found: Any = [place for _, read in ordered for place in read]
    choices, legal = tuple(found), tuple[int, ...]()
    if options.follows:
        choices = tuple(max(range(len(scores)), key=scores.__getitem__) for scores in found)
        legal = tuple(best_path(found, options.follows))
    return Generation(
        example.id,
        Readout.slots,
        choices=choices,
        legal=() if legal == choices else legal,
        removed_tokens=sum(row.removed_tokens for row, _ in parts),
        pieces=len(parts),
    )


def best_path(scores: Sequence[Sequence[float]], follows: Sequence[Sequence[int]]) -> list[int]:
    """The legal sequence with the highest sum of scores (Viterbi).

    Args:
        scores: of every option at every slot, shape (slots, options).
        follows: see `Options.follows`.

    >>> best_path([[0.0, -9.0, 1.0], [0.0, -9.0, 1.0]], [[], [], [1, 2]])  # O, B, I
    [0, 0]
    """
    blocked = float("-inf")
    total = [blocked if follows[k] else score for k, score in enumerate(scores[0])]
    came_from: list[list[int]] = []
    for slot in scores[1:]:
        best = max(range(len(total)), key=total.__getitem__)
        origins = [
            max(before, key=total.__getitem__) if (before := follows[k]) else best
            for k in range(len(slot))
        ]
        total = [total[origin] + score for origin, score in zip(origins, slot, strict=True)]
        came_from.append(origins)
    path = [max(range(len(total)), key=total.__getitem__)]
    for origins in reversed(came_from):
        path.append(origins[path[-1]])
    return path[::-1]
