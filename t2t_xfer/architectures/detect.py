"""Which architecture a checkpoint is, from its config alone. Plans ask this without torch."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from t2t_xfer.errors import UnsupportedError
from t2t_xfer.records import ArchitectureName

_NEIGHBOURS = (
    "takes padding in as if it were text, so an answer would depend on the rows that are read"
    " beside it"
)
REFUSED: Mapping[str, str] = {
    **dict.fromkeys(("convbert", "fnet", "mobilebert"), _NEIGHBOURS),
    "esm": "reads proteins",
    "xlnet": "sees later tokens, too, unless it is told in which order to predict them",
    "prophetnet": "predicts several tokens at once",
}
"""Families whose numbers could not be trusted, and why."""
BEHIND_PAD = frozenset(
    {
        "camembert",
        "data2vec-text",
        "roberta",
        "roberta-prelayernorm",
        "xlm-roberta",
        "xlm-roberta-xl",
        "xmod",
    }
)
"""Encoders that count positions from behind the pad token's id."""
BIDIRECTIONAL = {
    "bert",
    "bert-generation",
    "big_bird",
    "electra",
    "ernie",
    "megatron-bert",
    "rembert",
    "roc_bert",
    "roformer",
}
"""Encoders that are decoders if their config says so."""


def architecture_of(config: Mapping[str, Any]) -> ArchitectureName:
    """The architecture of a model's `config.json`.

    The class that the checkpoint was saved with decides: XLM-R's config, for example, fits an
    encoder and a decoder.

    Raises:
        UnsupportedError: neither a masked, nor a causal, nor a sequence-to-sequence language model;
            or a family whose answers would not be the model's own (`REFUSED`).
    """
    model_type = str(config.get("model_type"))
    if model_type in REFUSED:
        raise UnsupportedError(
            f"models of the type {model_type!r} are refused: such a model {REFUSED[model_type]}."
            " docs/models.md lists those that can answer."
        )
    found = _architecture_of(config)
    if found == "causal" and model_type in BEHIND_PAD:
        raise UnsupportedError(
            f"the model of the type {model_type!r} was saved as a decoder, but where it writes it"
            " counts positions otherwise than where it learns. Save it with its masked-LM head: as"
            " an encoder it can answer."
        )
    if found == "causal" and model_type in BIDIRECTIONAL and not config.get("is_decoder"):
        raise UnsupportedError(
            f"the model of the type {model_type!r} was saved as a decoder, but its config does not"
            " say `is_decoder: true`: each token would see the ones that it is to predict. Save it"
            " so, or with its masked-LM head."
        )
    return found


def _architecture_of(config: Mapping[str, Any]) -> ArchitectureName:
    if config.get("is_encoder_decoder"):
        return "seq2seq"
    saved_as = " ".join(config.get("architectures") or ())
    # The masked language models of XLM and FlauBERT have names of their own.
    if re.search("ForMaskedLM|(XLM|Flaubert)WithLMHeadModel", saved_as):
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


UNPADDED = frozenset({"recurrent_gemma", "rwkv"})
"""Decoders whose states run through padding before a text: they write in rows of one length."""


def decoder_start(config: Mapping[str, Any]) -> int:
    """The token that the decoder of an encoder-decoder begins with.

    T5Gemma's config names it as its decoder's `bos_token_id`.

    Raises:
        UnsupportedError: the config names none.
    """
    decoder = config.get("decoder")
    nested = decoder.get("bos_token_id") if isinstance(decoder, Mapping) else None
    for token in (config.get("decoder_start_token_id"), nested, config.get("bos_token_id")):
        if token is not None:
            return int(token)
    raise UnsupportedError(
        f"the config of the model type {config.get('model_type')!r} does not say which token its"
        " decoder begins with. Write `decoder_start_token_id` into its config.json."
    )


def max_positions(config: Mapping[str, Any]) -> int | None:
    """How many positions the model has; None where distances are all that counts (T5)."""
    if config.get("relative_attention_num_buckets"):
        return None
    positions = config.get("max_position_embeddings") or config.get("n_positions")
    if positions is None:
        return None
    behind = config["model_type"] in BEHIND_PAD
    return int(positions) - (int(config["pad_token_id"]) + 1 if behind else 0)


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
