"""Pretraining of a micro model: a plain loop over rows packed from documents.

Rule: the text, its order and its packing into rows follow from the seed alone and are the same for
every architecture; only what is predicted differs (`architectures/objectives.py`). The same seed,
steps and library versions give the same bytes on the same kind of processor.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from random import Random

import torch

from t2t_xfer.architectures.codec import Codec
from t2t_xfer.architectures.head import batch_losses
from t2t_xfer.architectures.loading import LoadedModel
from t2t_xfer.architectures.objectives import text_row

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Recipe:
    """The settings of a pretraining run."""

    steps: int = 2000
    rows_per_step: int = 32
    row_tokens: int = 96
    """Tokens of a row before the architecture's own special tokens."""
    learning_rate: float = 2e-3
    warmup: float = 0.05
    weight_decay: float = 0.01
    max_grad_norm: float = 1.0
    share: float = 0.15
    seed: int = 0


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


def pretrain(
    loaded: LoadedModel,
    documents: Iterable[str],
    recipe: Recipe,
    *,
    report: Callable[[int, float], None] = lambda step, loss: None,
) -> list[float]:
    """Trains `loaded.model` in place; the loss of every step."""
    model = loaded.model.train()
    optimizer = torch.optim.AdamW(
        _groups(model, recipe.weight_decay), lr=recipe.learning_rate, betas=(0.9, 0.98), foreach=True
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _rate(step, recipe))
    rows = packed(loaded.architecture.codec, documents, recipe.row_tokens)
    losses: list[float] = []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        for step in range(recipe.steps):
            random = Random(f"objective:{recipe.seed}:{step}")
            batch = [
                text_row(loaded.architecture, next(rows), random, share=recipe.share)
                for _ in range(recipe.rows_per_step)
            ]
            loss = batch_losses(model, loaded.architecture, batch).mean()
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), recipe.max_grad_norm)
            optimizer.step()
            schedule.step()
            losses.append(float(loss.detach()))
            report(step, losses[-1])
    return losses


def _rate(step: int, recipe: Recipe) -> float:
    """Up in a straight line, then down to a tenth along a cosine."""
    warmup = max(1, round(recipe.warmup * recipe.steps))
    if step < warmup:
        return (step + 1) / warmup
    done = (step - warmup) / max(1, recipe.steps - warmup)
    return 0.1 + 0.45 * (1 + math.cos(math.pi * done))


def _groups(model: torch.nn.Module, weight_decay: float) -> list[dict[str, object]]:
    matrices = [p for p in model.parameters() if p.ndim > 1]
    others = [p for p in model.parameters() if p.ndim < 2]
    return [
        {"params": matrices, "weight_decay": weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
