"""Which architecture a checkpoint is, from its config alone. Plans ask this without torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from t2t_xfer.errors import UnsupportedError
from t2t_xfer.records import ArchitectureName


def architecture_of(config: Mapping[str, Any]) -> ArchitectureName:
    """The architecture of a model's `config.json`.

    The class that the checkpoint was saved with decides: XLM-R's config, for example, fits an
    encoder and a decoder.

    Raises:
        UnsupportedError: neither a masked, nor a causal, nor a sequence-to-sequence language model.
    """
    if config.get("is_encoder_decoder"):
        return "seq2seq"
    saved_as = " ".join(config.get("architectures") or ())
    if "ForMaskedLM" in saved_as:
        return "encoder"
    if "ForCausalLM" in saved_as or "LMHeadModel" in saved_as:
        return "causal"
    # Saved without a head, or made in memory.
    from transformers.models.auto import modeling_auto as auto

    model_type = config.get("model_type")
    if model_type in auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES and not config.get("is_decoder"):
        return "encoder"
    if model_type in auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES:
        return "causal"
    raise UnsupportedError(
        f"the model type {model_type!r} is no masked, causal or sequence-to-sequence language"
        " model, so it has no LM head to answer through."
    )


def max_positions(config: Mapping[str, Any]) -> int | None:
    """How many positions the model has; None where distances are all that counts (T5)."""
    if config.get("relative_attention_num_buckets"):
        return None
    positions = config.get("max_position_embeddings") or config.get("n_positions")
    if positions is None:
        return None
    # RoBERTa and its kin count positions from behind the pad token's id.
    roberta_like = "roberta" in config["model_type"] or config["model_type"] == "camembert"
    return int(positions) - (int(config["pad_token_id"]) + 1 if roberta_like else 0)


ANSWER_ROOM = 32
"""Positions that a decoder keeps for the answer behind the input."""


def check_positions(
    config: Mapping[str, Any], who: str, max_input_tokens: int, answer_room: int = ANSWER_ROOM
) -> None:
    """Refuses inputs that are longer than the model.

    Args:
        answer_room: positions that a decoder needs behind them.

    Raises:
        UnsupportedError: an input of `max_input_tokens` does not fit.
    """
    limit = max_positions(config)
    if limit is None:
        return
    room = answer_room if architecture_of(config) == "causal" else 0
    if max_input_tokens + room > limit:
        raise UnsupportedError(
            f"max_input_tokens is {max_input_tokens}, but {who} has {limit} positions. Set"
            f" max_input_tokens to at most {limit - room}."
        )
