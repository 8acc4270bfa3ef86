"""Scores of the candidates of a question: all in one row where that is exact, else one by one.

What a config promises (`architectures/candidates.py`) is tried once on each model before its first
answer counts: a question with its options in two orders, and once option by option, must come to
the same scores. A model that fails is read in separate rows, and the record of the stage says so.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import torch

from t2t_xfer.architectures.base import Architecture
from t2t_xfer.architectures.candidates import Candidates
from t2t_xfer.architectures.head import place_logits, without_wrapper
from t2t_xfer.architectures.rows import Row, row_batches, unpacked
from t2t_xfer.records import Options, Prompted, Readout

if TYPE_CHECKING:
    from transformers import PreTrainedModel

log = logging.getLogger(__name__)

PLACES_AT_ONCE = 4
"""Rows of logits that a CPU normalises at once: with 131k words 3 times as fast as 136 rows are."""
OPTIONS = Options(("yes", "no way at all", "perhaps"))
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
    model: PreTrainedModel, architecture: Architecture, rows: Sequence[Row], batch_tokens: int
) -> list[list[float]]:
    """As `option_scores`, with a row for each candidate.

    Args:
        batch_tokens: padded tokens of one forward pass.
    """
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


def proven(model: PreTrainedModel, architecture: Architecture) -> Candidates:
    """How this model's candidates are read: as its config says, unless trying it shows otherwise.

    Tried once for each base in memory, whatever adapters are over it.
    """
    planned = architecture.candidates
    if planned.separate:
        return planned
    bare = without_wrapper(model)
    base = bare.get_base_model() if hasattr(bare, "get_base_model") else bare
    if base not in _proven:
        _proven[base] = planned
        apart = _largest_difference(model, architecture)
        if apart > TOLERANCE.get(model.dtype, HALF_TOLERANCE):
            why = f"packed in one row, candidates came out {apart:.2g} apart from being read alone"
            log.warning("%s: they are read in separate rows", why)
            _proven[base] = Candidates("separate rows", why)
    return _proven[base]


def _largest_difference(model: PreTrainedModel, architecture: Architecture) -> float:
    """Between scores read in two orders and one by one, relative where they exceed 1."""
    prompted = Prompted("proof", "en", _context(architecture), "")
    backwards = Options(OPTIONS.texts[::-1])
    rows = [
        architecture.reading_rows(prompted, options, Readout.rank)[0]
        for options in (OPTIONS, backwards)
    ]
    first = option_scores(model, architecture, rows[:1])[0]
    second = option_scores(model, architecture, rows[1:])[0][::-1]
    alone = separate_scores(model, architecture, rows[:1], LONGEST_PROOF)[0]
    found = [
        abs(a - b) / max(1.0, abs(b))
        for b, *others in zip(alone, first, second, strict=True)
        for a in others
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
