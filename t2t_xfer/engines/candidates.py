"""Scores of the candidates of a question: all in one row where that is exact, else one by one.

What a config promises (`architectures/candidates.py`) is tried once on each model before its first
answer counts: a question with its options in two orders, and once option by option, must come to
the same scores. A model that fails is read in separate rows, and the record of the stage says so.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import torch

from t2t_xfer.architectures.base import Architecture
from t2t_xfer.architectures.candidates import Candidates
from t2t_xfer.architectures.head import (
    head_only_at,
    place_indices,
    place_logits,
    placed,
    without_wrapper,
)
from t2t_xfer.architectures.padding import pad
from t2t_xfer.architectures.rows import Row, row_batches, token_budget_batches, unpacked
from t2t_xfer.records import Closed, Prompted, Readout

if TYPE_CHECKING:
    from transformers import PreTrainedModel

log = logging.getLogger(__name__)

PLACES_AT_ONCE = 4
"""Rows of logits that a CPU normalises at once: with 131k words 3 times as fast as 136 rows are."""
OPTIONS = ("yes", "no way at all", "perhaps")
SENTENCE = "the old man saw a red house near the river"
LONGEST_PROOF = 96
"""Tokens of the context that the proof reads at most. A window that is longer is not passed: that
its family's masks are right is what `tests/test_families.py` shows with shorter ones."""
TOLERANCE = {torch.float32: 1e-3, torch.float64: 1e-3}
"""Of a score, absolute and relative. Batches of another shape move float32 by some 1e-5."""
HALF_TOLERANCE = 0.1
"""Of bfloat16 and float16, whose last digit is 1/128 and 1/1024 of each state."""

_proven: WeakKeyDictionary[Any, Candidates] = WeakKeyDictionary()


def separate_scores(
    model: PreTrainedModel,
    architecture: Architecture,
    rows: Sequence[Row],
    batch_tokens: int,
    *,
    cached: bool = False,
) -> list[list[float]]:
    """As `option_scores`, with a row for each candidate.

    Args:
        batch_tokens: padded tokens of one forward pass.
        cached: a context is computed once, alone, and its cache goes on with each candidate.
    """
    if cached:
        return [_cached_scores(model, architecture, row, batch_tokens) for row in rows]
    alone = [(i, each) for i, row in enumerate(rows) for each in unpacked(row)]
    scores = [0.0] * len(alone)
    for batch in row_batches([row for _, row in alone], batch_tokens):
        found = option_scores(model, architecture, [alone[k][1] for k in batch])
        for k, (score,) in zip(batch, found, strict=True):
            scores[k] = score
    out: list[list[float]] = [[] for _ in rows]
    for (i, _), score in zip(alone, scores, strict=True):
        out[i].append(score)
    return out


def _cached_scores(
    model: PreTrainedModel, architecture: Architecture, row: Row, batch_tokens: int
) -> list[float]:
    """The scores of one question's candidates.

    Alone in its batch a context needs no padding, which a state that runs along the row would
    take in. What fills up the candidates stands behind all that is read.
    """
    context = [token for token, block in zip(row.input_ids, row.blocks, strict=True) if block == 0]
    start = Row(row.id, tuple(context), (len(context) - 1,))
    answers = unpacked(row)
    with head_only_at(_head(model), *place_indices([start])):
        out = model(**placed(architecture.inputs([start]), model), use_cache=True)
    first = out.logits[0].float().log_softmax(-1)[0]
    tails = [replace(each, input_ids=each.input_ids[len(context) :]) for each in answers]
    scores = [first[each.readings[0].token].item() for each in answers]
    lengths = [len(context) + len(each.input_ids) for each in tails]
    for batch in token_budget_batches(lengths, batch_tokens):
        # The first term is read from the context; the others at the candidate's own tokens.
        some = [replace(tails[k], places=tuple(range(len(tails[k].input_ids)))) for k in batch]
        cache = deepcopy(out.past_key_values)
        cache.reorder_cache(torch.zeros(len(some), dtype=torch.long, device=model.device))
        ids = pad([each.input_ids for each in some], architecture.codec.pad).to(model.device)
        with head_only_at(_head(model), *place_indices(some)):
            logits = model(input_ids=ids, past_key_values=cache, use_cache=True).logits[0].float()
        tokens = [reading.token for each in some for reading in each.readings[1:]]
        terms = _log_probabilities(logits, torch.arange(len(tokens), device=logits.device), tokens)
        parts = terms.split([len(each.readings) - 1 for each in some])
        for k, part in zip(batch, parts, strict=True):
            scores[k] += part.sum().item()
    return scores


def _head(model: PreTrainedModel) -> Any:
    return without_wrapper(model).get_output_embeddings()


def proven(model: PreTrainedModel, architecture: Architecture) -> Candidates:
    """How this model's candidates are read: as its config says, unless trying it shows otherwise.

    Tried once for each base in memory, whatever adapters are over it.
    """
    bare = without_wrapper(model)
    base = bare.get_base_model() if hasattr(bare, "get_base_model") else bare
    if base not in _proven:
        _proven[base] = _tried(model, architecture)
    return _proven[base]


def _tried(model: PreTrainedModel, architecture: Architecture) -> Candidates:
    planned = architecture.candidates
    if planned.separate and not planned.cached:
        return planned
    context = _context(architecture)
    row, backwards = (
        architecture.reading_rows(
            Prompted("proof", "en", context, "", Closed(options)), Readout.rank
        )[0]
        for options in (OPTIONS, OPTIONS[::-1])
    )
    alone = separate_scores(model, architecture, [row], LONGEST_PROOF)[0]
    if planned.cached:
        found = separate_scores(model, architecture, [row], LONGEST_PROOF, cached=True)
    else:
        there, back = (option_scores(model, architecture, [each])[0] for each in (row, backwards))
        found = [there, back[::-1]]
    apart = _largest_difference(alone, found)
    if apart <= TOLERANCE.get(model.dtype, HALF_TOLERANCE):
        return planned
    how = "behind a cache of their context" if planned.cached else "packed in one row"
    why = f"{how}, candidates came out {apart:.2g} apart from being read alone"
    log.warning("%s: they are read in separate rows", why)
    return Candidates("separate rows", why)


def _largest_difference(alone: Sequence[float], others: Sequence[Sequence[float]]) -> float:
    """Relative where scores exceed 1; infinite where one is no number."""
    found = [
        abs(a - b) / max(1.0, abs(b)) for other in others for a, b in zip(other, alone, strict=True)
    ]
    return float(torch.tensor(found).nan_to_num(torch.inf).max())


def _context(architecture: Architecture) -> str:
    """A text that is longer than the model's window, if there is a short one."""
    reach = architecture.candidates.window or architecture.candidates.chunk or 0
    room = architecture.max_input_tokens // 2
    wanted = min(max(16, reach + 8 if reach + 8 <= LONGEST_PROOF else 0), room)
    words = SENTENCE.split()
    text: list[str] = []
    while True:
        longer = [*text, words[len(text) % len(words)]]
        size = len(architecture.codec.encode(Prompted("proof", "en", " ".join(longer), "")).ids)
        if size > wanted and text:
            return " ".join(text)
        text = longer
        if size >= wanted:
            return " ".join(text)


def _log_probabilities(
    logits: torch.Tensor, place: torch.Tensor, token: Sequence[int]
) -> torch.Tensor:
    """log p(token) at each place, a few places at a time: what is normalised stays in the
    processor's cache, and no second array as large as the logits is made.

    Args:
        logits: `[places, vocabulary]`.
        place, token: `[readings]`.
    """
    named = torch.tensor(token, device=logits.device)
    terms = logits.new_empty(len(named))
    at_once = PLACES_AT_ONCE if logits.device.type == "cpu" else max(1, len(logits))
    for start in range(0, len(logits), at_once):
        some = logits[start : start + at_once].log_softmax(-1)
        here = (place >= start) & (place < start + len(some))
        terms[here] = some[place[here] - start, named[here]]
    return terms


def option_scores(
    model: PreTrainedModel, architecture: Architecture, rows: Sequence[Row]
) -> list[list[float]]:
    """Sum of log p(token) over the readings of each option; rows may differ in their options."""
    logits = place_logits(model, architecture, rows)
    place, token, cell = [], [], []
    sizes = [len(row.option_lengths) for row in rows]
    first_place = first_cell = 0
    for row, size in zip(rows, sizes, strict=True):
        for reading in row.readings:
            place.append(first_place + reading.place)
            token.append(reading.token)
            cell.append(first_cell + reading.option)
        first_place += len(row.places)
        first_cell += size
    where = logits.device
    terms = _log_probabilities(logits, torch.tensor(place, device=where), token)
    scores = torch.zeros(first_cell, device=where)
    scores.index_add_(0, torch.tensor(cell, device=where), terms)
    return [part.tolist() for part in scores.split(sizes)]
