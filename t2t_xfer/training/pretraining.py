"""Pretraining of a micro model: a plain loop over rows packed from documents.

Rule: the text, its order and its packing into rows follow from the seed alone and are the same for
every architecture; only what is predicted differs (`architectures/objectives.py`). One thread
computes: the same seed, steps and library versions give the same bytes on the same kind of
processor.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from random import Random

import torch
from transformers.optimization import Adafactor

from t2t_xfer.architectures.codec import Codec
from t2t_xfer.architectures.head import batch_losses
from t2t_xfer.architectures.loading import LoadedModel
from t2t_xfer.architectures.objectives import text_row
from t2t_xfer.errors import TrainingError
from t2t_xfer.training.arguments import RELATIVE


@dataclass(frozen=True)
class Recipe:
    """The settings of a pretraining run, those of the shipped micro models by default."""

    steps: int = 16_000
    """Optimizer steps."""
    tokens_per_step: int = 1024
    """Small steps: for the same tokens they reached a given loss two to three times sooner than
    steps of 3,072 (docs/micro_models.md)."""
    row_tokens: int = 64
    """Tokens of a row before the architecture's own special tokens."""
    long_row_tokens: int = 128
    """Of every fourth step, so that an encoder's later positions are learned all along: left to the
    last quarter of the run, its loss rose from 1.9 to 3.0 there."""
    learning_rate: float = 2e-3
    """Peak of AdamW, for encoder and causal. An encoder of XLM-R's shape (norms after the layers)
    never left the loss of word frequencies at 3e-3."""
    relative_learning_rate: float = 2e-2
    """Peak of Adafactor, for seq2seq: of each matrix's root mean square. T5's matrices begin on
    scales that differ fiftyfold; with one rate for all (AdamW, 2e-3) the model learned word
    frequencies and next to nothing more in 12,000 steps (docs/micro_models.md)."""
    warmup: float = 0.05
    """Share of the steps, above 0."""
    weight_decay: float = 0.01
    """Of AdamW, decoupled, on matrices only."""
    max_grad_norm: float = 1.0
    masked_share: float = 0.25
    """Of the tokens, predicted by an encoder or cut out for a seq2seq model, in the first
    two fifths of the run."""
    late_masked_share: float = 0.06
    """From two fifths on. Many hidden words align languages, but what tells whether a sentence
    follows is then too often hidden itself: at 25 % throughout, verdicts were never learned. (A
    share that falls: Ankner et al. 2024, arXiv 2305.15096.)"""
    seed: int = 0
    """Of weights, text and masks."""

    @property
    def tokens(self) -> int:
        """Tokens of the run, what little stays empty at the ends of rows included."""
        return self.steps * self.tokens_per_step

    def row_length(self, step: int) -> int:
        """Tokens of the rows of a step."""
        return self.long_row_tokens if step % 4 == 3 else self.row_tokens

    def share_at(self, step: int) -> float:
        """Of the tokens that encoder and seq2seq predict at a step."""
        return self.masked_share if step < 0.4 * self.steps else self.late_masked_share


@contextmanager
def one_thread() -> Iterator[None]:
    """Sums are split among threads, so another number of them rounds otherwise."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def packed(codec: Codec, documents: Iterable[str], row_tokens: int) -> Iterator[list[int]]:
    """Rows of whole documents with an end token between them, as full as they get.

    A document longer than a row is cut.
    """
    end = codec.special("eos")
    row: list[int] = []
    for document in documents:
        ids = list(codec.tokenizer(document, add_special_tokens=False)["input_ids"])[:row_tokens]
        if row and len(row) + 1 + len(ids) > row_tokens:
            yield row
            row = []
        row += [end, *ids] if row else ids
    if row:
        yield row


@one_thread()
def pretrain(
    loaded: LoadedModel,
    documents: Iterable[str],
    recipe: Recipe,
    *,
    always: Collection[int] = (),
    report: Callable[[int, float], None] = lambda step, loss: None,
) -> list[float]:
    """Trains `loaded.model` in place.

    Args:
        documents: an endless stream.
        always: tokens that encoder and seq2seq have to predict wherever they stand
            (`objectives.text_row`).
        report: called after every step with its number and its loss.

    Returns:
        The loss of every step.

    Raises:
        TrainingError: the loss is not finite.
    """
    model = loaded.model.train()
    optimizer = _optimizer(loaded, recipe)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: rate_at(step, recipe))
    losses: list[float] = []
    for step, rows in enumerate(_step_rows(loaded.architecture.codec, documents, recipe)):
        random = Random(f"objective:{recipe.seed}:{step}")
        share = recipe.share_at(step)
        batch = [
            text_row(loaded.architecture, ids, random, share=share, always=always) for ids in rows
        ]
        loss = batch_losses(model, loaded.architecture, batch).mean()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), recipe.max_grad_norm)
        optimizer.step()
        schedule.step()
        losses.append(float(loss.detach()))
        if not math.isfinite(losses[-1]):
            raise TrainingError(f"the loss is {losses[-1]} at step {step + 1} of pretraining.")
        report(step, losses[-1])
    return losses


def _optimizer(loaded: LoadedModel, recipe: Recipe) -> torch.optim.Optimizer:
    """That which each architecture was published with: Adafactor for T5, else Adam."""
    parameters = list(loaded.model.parameters())
    if loaded.architecture.name == "seq2seq":
        return Adafactor(parameters, lr=recipe.relative_learning_rate, **RELATIVE)
    return torch.optim.AdamW(
        [
            {"params": [p for p in parameters if p.ndim > 1], "weight_decay": recipe.weight_decay},
            {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
        ],
        lr=recipe.learning_rate,
        betas=(0.9, 0.98),
        fused=True,
    )


def _step_rows(codec: Codec, documents: Iterable[str], recipe: Recipe) -> Iterator[list[list[int]]]:
    """The rows of every step."""
    stream = iter(documents)
    lengths = {recipe.row_length(step) for step in range(recipe.steps)}
    rows = {length: packed(codec, stream, length) for length in lengths}
    for step in range(recipe.steps):
        length = recipe.row_length(step)
        yield list(islice(rows[length], max(1, recipe.tokens_per_step // length)))


def rate_at(step: int, recipe: Recipe) -> float:
    """The share of the peak rate: up in a line, level, in the last quarter down to a tenth.

    Verdicts are learned late, when a cosine would have taken most of the rate away. (Hu et al.
    2024, arXiv 2404.06395, section 4.)
    """
    done = (step + 1) / recipe.steps
    return min(done / recipe.warmup, 1.0, 0.1 + 0.9 * 4 * (1 - step / recipe.steps))
