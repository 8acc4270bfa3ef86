"""Pretraining of a micro model: a plain loop over rows packed from documents.

Rule: the text, its order and its packing into rows follow from the seed alone and are the same for
every architecture; only what is predicted differs (`training/objectives.py`). One thread
computes: the same seed, steps and library versions give the same bytes on the same kind of
processor.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice
from random import Random
from typing import NamedTuple

import torch
from transformers.optimization import Adafactor

from t2t_xfer.architectures.codec import Codec
from t2t_xfer.architectures.head import batch_losses
from t2t_xfer.architectures.loading import LoadedModel
from t2t_xfer.errors import TrainingError
from t2t_xfer.training.objectives import text_row
from t2t_xfer.training.trainer import RELATIVE


class Phase(NamedTuple):
    """A part of the run, with a schedule of its own."""

    seed: int
    """Of its text and masks."""
    steps: int
    rate: float
    """Of the recipe's peak."""
    masked_share: float


@dataclass(frozen=True)
class Recipe:
    """The settings of a pretraining run, those of the shipped micro models by default."""

    steps: int = 20_000
    """Optimizer steps, of both phases."""
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
    """Share of a phase's steps."""
    weight_decay: float = 0.01
    """Of AdamW, decoupled, on matrices only."""
    max_grad_norm: float = 1.0
    masked_share: float = 0.25
    """Of the tokens, predicted by an encoder or cut out for a seq2seq model in the first phase."""
    second_phase: float = 0.4
    """Share of the steps. In it few words are hidden: many hidden words align languages, but what
    tells whether a sentence follows is then too often hidden itself, and verdicts were never
    learned. (A share that falls: Ankner et al. 2024, arXiv 2305.15096.)"""
    second_masked_share: float = 0.06
    second_rate: float = 0.5
    """Peak of the second phase, of the first one's. Verdicts are learned late, when one cosine over
    the whole run would have taken most of the rate away."""
    seed: int = 0
    """Of weights, text and masks; the second phase reads the text of the next seed."""

    @property
    def tokens(self) -> int:
        """Tokens of the run, what little stays empty at the ends of rows included."""
        return self.steps * self.tokens_per_step

    @property
    def phases(self) -> tuple[Phase, Phase]:
        """The two parts of the run."""
        second = round(self.second_phase * self.steps)
        return (
            Phase(self.seed, self.steps - second, 1.0, self.masked_share),
            Phase(self.seed + 1, second, self.second_rate, self.second_masked_share),
        )

    def row_length(self, step: int) -> int:
        """Tokens of the rows of a step."""
        return self.long_row_tokens if step % 4 == 3 else self.row_tokens


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
    text: Callable[[int], Iterable[str]],
    recipe: Recipe,
    *,
    always: Collection[int] = (),
    report: Callable[[int, float], None] = lambda step, loss: None,
) -> list[float]:
    """Trains `loaded.model` in place.

    Args:
        text: an endless stream of documents, a function of a seed.
        always: tokens that encoder and seq2seq have to predict wherever they stand
            (`objectives.text_row`).
        report: called after every step with its number and its loss.

    Returns:
        The loss of every step.

    Raises:
        TrainingError: the loss is not finite.
    """
    model = loaded.model.train()
    losses: list[float] = []
    for phase in recipe.phases:
        optimizer = _optimizer(loaded, recipe, phase)
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimizer, partial(rate_at, steps=phase.steps, warmup=recipe.warmup)
        )
        rows_of_steps = _step_rows(loaded.architecture.codec, text(phase.seed), recipe, phase)
        for step, rows in enumerate(rows_of_steps):
            random = Random(f"objective:{phase.seed}:{step}")
            share = phase.masked_share
            batch = [
                text_row(loaded.architecture, ids, random, share=share, always=always)
                for ids in rows
            ]
            loss = batch_losses(model, loaded.architecture, batch).mean()
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), recipe.max_grad_norm)
            optimizer.step()
            schedule.step()
            losses.append(float(loss.detach()))
            if not math.isfinite(losses[-1]):
                raise TrainingError(f"the loss is {losses[-1]} at step {len(losses)}.")
            report(len(losses) - 1, losses[-1])
        _round_to_half(model)
    return losses


@torch.no_grad()
def _round_to_half(model: torch.nn.Module) -> None:
    """As a saved model has its weights: so a phase can begin from the checkpoint before it."""
    for parameter in model.parameters():
        parameter.copy_(parameter.half().float())


def _optimizer(loaded: LoadedModel, recipe: Recipe, phase: Phase) -> torch.optim.Optimizer:
    """That which each architecture was published with: Adafactor for T5, else Adam."""
    parameters = list(loaded.model.parameters())
    if loaded.architecture.name == "seq2seq":
        return Adafactor(parameters, lr=recipe.relative_learning_rate * phase.rate, **RELATIVE)
    return torch.optim.AdamW(
        [
            {"params": [p for p in parameters if p.ndim > 1], "weight_decay": recipe.weight_decay},
            {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
        ],
        lr=recipe.learning_rate * phase.rate,
        betas=(0.9, 0.98),
        fused=True,
    )


def _step_rows(
    codec: Codec, documents: Iterable[str], recipe: Recipe, phase: Phase
) -> Iterator[list[list[int]]]:
    """The rows of every step of a phase."""
    stream = iter(documents)
    lengths = {recipe.row_length(step) for step in range(phase.steps)}
    rows = {length: packed(codec, stream, length) for length in lengths}
    for step in range(phase.steps):
        length = recipe.row_length(step)
        yield list(islice(rows[length], max(1, recipe.tokens_per_step // length)))


def rate_at(step: int, steps: int, warmup: float) -> float:
    """The share of the peak rate: up in a line, then down to a tenth along a cosine."""
    first = max(1, round(warmup * steps))
    if step < first:
        return (step + 1) / first
    done = (step - first) / max(1, steps - first)
    return 0.1 + 0.45 * (1 + math.cos(math.pi * done))
