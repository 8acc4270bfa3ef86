"""Sentences as vectors: the hidden states of one layer, pooled over a sentence's tokens.

    text     The dog sleeps .
    tokens   <s> The dog s leep s . </s>      special tokens count in the mean, as in XTREME
    states   (8, hidden) of layer round(depth * layers)  ->  one vector

Encoders and decoders give their own states, encoder-decoders those of the encoder. Layer 0 is the
embeddings; the last layer's states come after the model's final norm, where it has one, those of
the layers before it do not. Layers above the one that is read are not run.

A sentence longer than the model's input loses its end: XTREME and jiant cut at 512 tokens, too.
The tokens that are lost are counted for each text, and the log says how many texts lost some.
"""

from __future__ import annotations

import logging
from array import array
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from t2t_xfer.architectures.loading import Readable
from t2t_xfer.architectures.padding import length_mask, pad
from t2t_xfer.architectures.rows import token_budget_batches
from t2t_xfer.errors import UnsupportedError
from t2t_xfer.progress import Progress, count_tokens
from t2t_xfer.specs.reading import EmbeddingSpec

log = logging.getLogger(__name__)

_TEXTS_AT_A_TIME = 1000
"""Tokenized together: much faster than one by one."""


class Embedded(NamedTuple):
    """Vectors of some texts."""

    vectors: NDArray[np.float32]
    """Shape (texts, hidden), in the order of the texts; not normalised."""
    removed_tokens: tuple[int, ...]
    """Tokens cut off the end of each text, because `max_input_tokens` are all that fit."""


def embed(
    loaded: Readable, texts: Sequence[str], spec: EmbeddingSpec, batch_tokens: int = 8192
) -> Embedded:
    """The vector of every text. Batches and order change nothing beyond float rounding (1e-4)."""
    rows: list[array[int]] = []
    removed: list[int] = []
    for row, lost in _tokenized(loaded, texts, spec.input):
        rows.append(row)
        removed.append(lost)
    if any(removed):
        log.warning(
            "%d of %d texts lose their end in `embed`: %d tokens more than the model's input of %d",
            sum(lost > 0 for lost in removed),
            len(texts),
            sum(removed),
            loaded.architecture.max_input_tokens,
        )
    body = _body(loaded)
    layer = round(spec.layer * _num_layers(body))
    vectors = np.empty((len(rows), _text_config(body).hidden_size), np.float32)
    with (
        torch.inference_mode(),
        Progress(total=len(rows), desc="embed", unit="text") as progress,
    ):
        for batch in token_budget_batches([len(row) for row in rows], batch_tokens):
            states, mask = _states(body, [rows[i] for i in batch], layer)
            vectors[batch] = pool(states, mask, spec.pooling).cpu().numpy()
            count_tokens(read=sum(len(rows[i]) for i in batch))
            progress.update(len(batch))
    return Embedded(vectors, tuple(removed))


def _tokenized(
    loaded: Readable, texts: Sequence[str], wording: str
) -> Iterator[tuple[array[int], int]]:
    """Each text's ids with special tokens around, and how many had no room."""
    codec = loaded.architecture.codec
    room = loaded.architecture.max_input_tokens - len(codec.prefix) - len(codec.suffix)
    for start in range(0, len(texts), _TEXTS_AT_A_TIME):
        some = list(texts[start : start + _TEXTS_AT_A_TIME])
        together = codec.tokenizer(some, add_special_tokens=False)["input_ids"]
        for text, found in zip(some, together, strict=True):
            own = codec.reserved.isdisjoint(found)
            # A text of characters that the tokenizer drops still needs a place.
            ids = (found if own else codec.text_ids(text, wording)) or [codec.special("unk")]
            row = array("i", [*codec.prefix, *ids[:room], *codec.suffix])
            yield row, max(len(ids) - room, 0)


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


def _body(loaded: Readable) -> Any:
    """The part that reads the text, without the head over the vocabulary."""
    model: Any = loaded.model.eval()
    if hasattr(model, "get_base_model"):  # adapters sit inside of it
        model = model.get_base_model()
    if loaded.architecture.name == "seq2seq":
        return model.get_encoder()
    # Llama 4 has no attribute of the name that it gives its body, and is its own `base_model`.
    return model.model if model.base_model is model else model.base_model


def _text_config(body: Any) -> Any:
    return getattr(body.config, "text_config", None) or body.config


def _num_layers(body: Any) -> int:
    return int(_text_config(body).num_hidden_layers)


def _states(
    body: Any, rows: Sequence[Sequence[int]], layer: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Hidden states of a layer and the mask of the tokens."""
    mask = length_mask(rows).to(body.device)
    # Whatever stands at padding: the mask hides it.
    inputs = {"input_ids": pad(rows, 0).to(body.device), "attention_mask": mask}
    if layer == _num_layers(body):
        return body(**inputs).last_hidden_state, mask
    states = _states_before(body, inputs, layer)
    if states.ndim != 3 or states.shape[1] < mask.shape[1]:
        raise UnsupportedError(
            f"the states of layer {layer} of {type(body).__name__} are no vector for each token."
            " Set `embedding: {layer: 1.0}` in the task's YAML to read the last layer."
        )
    # Longformer fills rows up to its window, behind the padding.
    return states[:, : mask.shape[1]], mask


def _states_before(body: Any, inputs: dict[str, torch.Tensor], layer: int) -> torch.Tensor:
    """What a layer is given; the layers from it on are not run if it can be told which it is."""
    blocks = _blocks(body)
    if blocks is not None:
        hook = blocks[layer].register_forward_pre_hook(_stop, with_kwargs=True)
        try:
            body(**inputs)
        except _ReachedError as reached:
            return reached.states
        finally:
            hook.remove()
    found: torch.Tensor = body(**inputs, output_hidden_states=True).hidden_states[layer]
    return found


def _blocks(body: Any) -> torch.nn.ModuleList | None:
    """The stack of layers; None if it cannot be told from other lists."""
    count = _num_layers(body)
    lists = [m for m in body.modules() if isinstance(m, torch.nn.ModuleList) and len(m) == count]
    kinds = [found for found in lists if len({type(block) for block in found}) == 1]
    return kinds[0] if len(kinds) == 1 else None


class _ReachedError(Exception):
    """Ends a forward pass at the layer whose input is wanted."""

    def __init__(self, states: torch.Tensor) -> None:
        super().__init__()
        self.states = states


def _stop(block: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """The input of a layer is the states of the one below it."""
    raise _ReachedError(args[0] if args else kwargs["hidden_states"])
