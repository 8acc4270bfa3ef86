"""Greedy decoding, free or constrained, in batches through the model's own `generate`.

The most probable allowed token at each step; what is not allowed is hidden, but probabilities are
those of the whole vocabulary, so that the answers of two windows can be compared. The last of
`max_new_tokens` is always the end token: every score is that of a finished text.

    rows     question : who ? context : It was Ada Lovelace . answer :
    allowed  It|was|Ada|Lovelace|.   then after Ada: Lovelace|end   after Lovelace: .|end
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from typing import Any

import torch
from transformers import GenerationConfig, LogitsProcessor, LogitsProcessorList

from t2t_xfer.architectures.head import placed
from t2t_xfer.architectures.loading import Readable
from t2t_xfer.architectures.rows import Row, token_budget_batches
from t2t_xfer.engines.cached import CachedAnswers
from t2t_xfer.engines.constraints import Constraint, constraint_of
from t2t_xfer.engines.written import Written, most_tokens
from t2t_xfer.progress import Progress, count_tokens
from t2t_xfer.records import Decoding


def write(
    loaded: Readable,
    rows: Sequence[Row],
    decoding: Decoding,
    batch_tokens: int,
    answers: CachedAnswers | None = None,
) -> list[Written]:
    """The greedy continuation of every row, in the order given; `answers` may know some."""
    answers = answers or CachedAnswers()
    question = ["write", asdict(decoding)]
    out: list[Written | None] = [None] * len(rows)
    lengths = [row.num_tokens + most_tokens(row, decoding) for row in rows]
    with (
        torch.inference_mode(),
        Progress(total=len(rows), desc="write", unit="row") as progress,
    ):
        for batch in _batches(rows, lengths, batch_tokens, loaded.architecture.pads_left):
            some = [rows[i] for i in batch]
            compute = partial(_write_batch, loaded, some, decoding)
            written = answers.batch(question, some, compute, Written.restored)
            for i, answer in zip(batch, written, strict=True):
                out[i] = answer
            progress.update(len(batch))
    return [answer for answer in out if answer is not None]


def _batches(
    rows: Sequence[Row], lengths: Sequence[int], batch_tokens: int, pads_left: bool
) -> list[list[int]]:
    """Indices of rows that are continued together; of one length each where padding counts."""
    if pads_left:
        return token_budget_batches(lengths, batch_tokens)
    out: list[list[int]] = []
    for size in sorted({len(row.input_ids) for row in rows}, reverse=True):
        same = [i for i, row in enumerate(rows) if len(row.input_ids) == size]
        found = token_budget_batches([lengths[i] for i in same], batch_tokens)
        out += [[same[k] for k in batch] for batch in found]
    return out


@contextmanager
def own_settings_aside(model: Any) -> Iterator[Any]:
    """The model without its own generation settings.

    `generate` fills up whatever a call leaves open from the checkpoint's file: chat models bring a
    repetition penalty along, which would punish every label word that stands in the prompt.
    """
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    kept = inner.generation_config
    inner.generation_config = GenerationConfig()
    try:
        yield inner
    finally:
        inner.generation_config = kept


def _write_batch(loaded: Readable, rows: Sequence[Row], decoding: Decoding) -> list[Written]:
    codec = loaded.architecture.codec
    end, most = codec.special("eos"), max(most_tokens(row, decoding) for row in rows)
    constraints = [constraint_of(row, end) if decoding.constrained else None for row in rows]
    reader = _Reader(constraints, end, most)
    settings = GenerationConfig(
        do_sample=False,
        num_beams=1,
        max_new_tokens=most,
        eos_token_id=end,
        pad_token_id=codec.pad,
        decoder_start_token_id=rows[0].decoder_ids[0] if rows[0].decoder_ids else None,
        use_cache=True,
    )
    with own_settings_aside(loaded.model.eval()) as model:
        inputs = placed(loaded.architecture.generation_inputs(rows), model)
        model.generate(
            **inputs, generation_config=settings, logits_processor=LogitsProcessorList([reader])
        )
    written = reader.written()
    count_tokens(
        read=sum(row.num_tokens for row in rows),
        written=sum(len(answer.tokens) + 1 for answer in written),
    )
    return written


class _Reader(LogitsProcessor):
    """Chooses every next token itself and writes down what it cost."""

    def __init__(self, constraints: Sequence[Constraint | None], end: int, most: int) -> None:
        self._constraints = constraints
        self._end = end
        self._most = most
        self._step = 0
        self._tokens: list[list[int]] = [[] for _ in constraints]
        self._scores = [0.0] * len(constraints)
        self._open = [True] * len(constraints)

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Hides every token but the chosen one of each row."""
        self._step += 1
        terms = scores.float().log_softmax(-1)
        chosen = self._choose(terms)
        line = torch.arange(len(chosen), device=chosen.device)
        self._take(chosen.tolist(), terms[line, chosen].tolist())
        out = torch.full_like(scores, -torch.inf)
        out[line, chosen] = 0.0
        return out

    def _choose(self, terms: torch.Tensor) -> torch.Tensor:
        if self._step == self._most:
            return torch.full((len(terms),), self._end, device=terms.device)
        if self._constraints[0] is None:
            return terms.argmax(-1)
        allowed = [
            each.allowed() if each is not None and still else [self._end]
            for each, still in zip(self._constraints, self._open, strict=True)
        ]
        width = max(map(len, allowed))
        # Filled up with the first allowed token: the argmax takes it as one of its own.
        ids = torch.tensor([row + row[:1] * (width - len(row)) for row in allowed])
        ids = ids.to(terms.device)
        return ids.gather(1, terms.gather(1, ids).argmax(-1, keepdim=True))[:, 0]

    def _take(self, chosen: list[int], terms: list[float]) -> None:
        for i, (token, term) in enumerate(zip(chosen, terms, strict=True)):
            if not self._open[i]:
                continue
            self._scores[i] += term
            if token == self._end:
                self._open[i] = False
                continue
            self._tokens[i].append(token)
            constraint = self._constraints[i]
            if constraint is not None:
                constraint.advance(token)

    def written(self) -> list[Written]:
        """What each row has become."""
        return [
            Written(score, tuple(tokens), None if each is None else each.found())
            for score, tokens, each in zip(
                self._scores, self._tokens, self._constraints, strict=True
            )
        ]
