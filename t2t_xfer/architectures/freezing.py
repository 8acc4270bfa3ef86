"""Training all weights but the token embeddings.

The rule: after it, the vectors of tokens are the same in every language as pretraining left them,
on the way in and on the way out: a tied LM head is the same matrix, another is kept too, so that
the three architectures differ in nothing here. Everything else trains, the head's bias and an
encoder's dense layer before it included.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def freeze_token_embeddings(model: PreTrainedModel) -> None:
    """Keeps the vectors of tokens, in place. Positions are no tokens: they train."""
    for matrix in (model.get_input_embeddings(), model.get_output_embeddings()):
        if matrix is not None:
            matrix.weight.requires_grad_(False)
