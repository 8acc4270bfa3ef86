"""Sentences as vectors: the hidden states of one layer, pooled over a sentence's tokens.

    text     The dog sleeps .
    tokens   <s> The dog s leep s . </s>      special tokens count in the mean, as in XTREME
    states   (8, hidden) of layer round(depth * layers)  ->  one vector

Encoders and decoders give their own states, encoder-decoders those of the encoder. Layer 0 is the
embeddings; the last layer's states come after the model's final norm, where it has one, those of
the layers before it do not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from t2t_xfer.architectures.loading import LoadedModel
from t2t_xfer.architectures.padding import length_mask, pad
from t2t_xfer.architectures.rows import token_budget_batches
from t2t_xfer.progress import Progress
from t2t_xfer.specs.task_parts import EmbeddingSpec


class Embedded(NamedTuple):
    """Vectors of some texts."""

    vectors: NDArray[np.float32]
    """Shape (texts, hidden), in the order of the texts; not normalised."""
    removed_tokens: tuple[int, ...]
    """Tokens cut off the end of each text, because `max_input_tokens` are all that fit."""


def embed(
    loaded: LoadedModel, texts: Sequence[str], spec: EmbeddingSpec, batch_tokens: int = 8192
) -> Embedded:
    """The vector of every text. Batches and order change nothing beyond float rounding (1e-4)."""
    codec = loaded.architecture.codec
    room = loaded.architecture.max_input_tokens - len(codec.prefix) - len(codec.suffix)
    rows, removed = [], []
    for text in texts:
        ids = codec.tokenizer(text, add_special_tokens=False)["input_ids"]
        # A text of characters that the tokenizer drops still needs a place.
        ids = ids or [codec.special("unk")]
        removed.append(max(len(ids) - room, 0))
        rows.append((*codec.prefix, *ids[:room], *codec.suffix))
    body = _body(loaded)
    layer = round(spec.layer * _num_layers(body))
    vectors: list[NDArray[np.float32]] = [np.empty(0, np.float32)] * len(rows)
    with (
        torch.inference_mode(),
        Progress(total=len(rows), desc="embed", unit="text") as progress,
    ):
        for batch in token_budget_batches([len(row) for row in rows], batch_tokens):
            states, mask = _states(body, [rows[i] for i in batch], layer)
            pooled = pool(states, mask, spec.pooling).cpu().numpy()
            for i, vector in zip(batch, pooled, strict=True):
                vectors[i] = vector
            progress.update(len(batch))
    return Embedded(np.stack(vectors), tuple(removed))


def pool(states: torch.Tensor, mask: torch.Tensor, pooling: str) -> torch.Tensor:
    """One vector a row, in float32.

    Args:
        states: shape (rows, longest, hidden); padding stands at the end of a row.
        mask: 1 at tokens, 0 at padding, shape (rows, longest).
        pooling: `mean`, `first` or `last`.
    """
    if pooling == "first":
        return states[:, 0].float()
    lengths = mask.sum(1)
    if pooling == "last":
        return states[torch.arange(len(states), device=states.device), lengths - 1].float()
    shown = mask[:, :, None].to(torch.float32)
    return (states.float() * shown).sum(1) / lengths[:, None]


def _body(loaded: LoadedModel) -> Any:
    """The part that reads the text, without the head over the vocabulary."""
    model: Any = loaded.model.eval()
    if hasattr(model, "get_base_model"):  # adapters sit inside of it
        model = model.get_base_model()
    return model.get_encoder() if loaded.architecture.name == "seq2seq" else model.base_model


def _num_layers(body: Any) -> int:
    return int(body.config.num_hidden_layers)


def _states(
    body: Any, rows: Sequence[tuple[int, ...]], layer: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Hidden states of a layer and the mask of the tokens."""
    mask = length_mask(rows).to(body.device)
    # Whatever stands at padding: the mask hides it.
    out = body(
        input_ids=pad(rows, 0).to(body.device), attention_mask=mask, output_hidden_states=True
    )
    return out.hidden_states[layer], mask
