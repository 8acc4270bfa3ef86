"""How a model reads the candidates of one question, decided by its layers. Known without torch.

The rule: an answer's score is the one that the model gives it alone. All candidates of a question
share one row (`rows.py`) only where a mask keeps them apart exactly:

    packed                every layer sees whatever the mask lets through
    packed with windows   a layer sees no farther than its window (or chunk), which the mask repeats
    separate rows         anything else: states that run along the row and know no mask, distances
                          counted along the row (ALiBi), a window of the layer's own

A family that is in no list below is read in separate rows: slower, and never wrong. The lists are
what `tests/test_families.py` has found equal to a plain forward pass, candidate by candidate.

>>> candidates_of({"model_type": "bloom"}).form
'separate rows'
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, TypeAlias

Form: TypeAlias = Literal["packed", "packed with windows", "separate rows"]


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


FULL = _names(
    "apertus arcee aria_text axk1 axk2 biogpt bitnet codegen cohere ctrl deepseek_v2 deepseek_v3 "
    "deepseek_v32 diffllama ernie4_5 ernie4_5_moe falcon flex_olmo gemma glm glm4 glm4_moe "
    "glm4_moe_lite glm_moe_dsa gpt-sw3 gpt2 gpt_bigcode gpt_neox gpt_neox_japanese gptj granite "
    "granitemoe granitemoeshared helium hunyuan_v1_dense hunyuan_v1_moe hy_v3 hyperclovax jais2 "
    "jetmoe llama minimax_m2 nanochat nemotron olmo olmo2 olmoe opt persimmon phi seed_oss "
    "solar_open stablelm xglm youtu"
)
"""Decoders whose every layer sees the whole row, at the positions that it is given."""
ONE_WINDOW = _names("doge ministral3 mistral mixtral phi3 phimoe qwen3_moe starcoder2")
"""Decoders of which every layer has the same window, if any."""
BY_LAYER = _names(
    "afmoe cohere2 cohere2_moe cwm dots1 exaone4 exaone_moe gemma2 gemma3 gemma3_text "
    "gemma3n_text gemma4_text gemma4_unified_text gpt_oss granite_swa granitemoe_swa laguna "
    "llama4_text mellum mimo_v2_flash ministral modernbert-decoder olmo3 qwen2 qwen2_moe qwen3 "
    "smollm3 vaultgemma"
)
"""Decoders that take a mask for each kind of layer, by the names in `layer_types`."""
CACHED = _names(
    "bloom falcon falcon_h1 gpt_neo granitemoehybrid inkling_text lfm2 minimax mpt nemotron_h "
    "olmo_hybrid qwen3_5_moe_text qwen3_5_text qwen3_next"
)
"""Decoders of separate rows whose cache of a context goes on exactly with several tokens at once.
Not so: Bamba and Jamba, which take one further token only, and Mamba, whose cache is another."""
RELATIVE = frozenset({"t5", "mt5", "umt5", "longt5", "switch_transformers"})
"""Encoder-decoders whose decoder knows distances only."""
WINDOW, CHUNK = "sliding_attention", "chunked_attention"
WHOLE = frozenset({"full_attention", "attention"})
MOVING_ROPE = frozenset({"dynamic", "longrope"})
"""Rotary positions that turn otherwise in a longer row."""


class Candidates(NamedTuple):
    """How candidates are read, and what their masks must repeat."""

    form: Form
    reason: str = ""
    """Why they are not simply packed."""
    window: int | None = None
    """Tokens that a layer with a window sees, itself included."""
    chunk: int | None = None
    """Tokens of a chunk that a layer does not see beyond."""
    kinds: tuple[str, ...] = ()
    """The kinds of layers, if the model takes a mask for each; else it takes one for all."""
    cached: bool = False
    """Whether separate rows share the computation of their context."""

    @property
    def separate(self) -> bool:
        """Whether each candidate has a row of its own."""
        return self.form == "separate rows"


PACKED = Candidates("packed")


def candidates_of(config: Mapping[str, Any]) -> Candidates:
    """How a decoder or an encoder-decoder of this config (as `to_dict` gives it) reads candidates.

    Encoders read them all at the same places, so it makes no difference there.
    """
    if config.get("is_encoder_decoder"):
        return _of_seq2seq(config)
    text = config.get("text_config") or config
    found = _of_decoder(text)
    return found._replace(cached=found.separate and text.get("model_type") in CACHED)


def _of_decoder(text: Mapping[str, Any]) -> Candidates:
    kind = str(text.get("model_type"))
    if text.get("use_bidirectional_attention"):
        return Candidates("separate rows", "tokens see later ones")
    if _rope_type(text) in MOVING_ROPE:
        return Candidates("separate rows", "positions turn otherwise in longer rows")
    if kind in BY_LAYER:
        return _by_layer(text)
    if kind in ONE_WINDOW:
        return _windowed(_window(text), None, ())
    if kind not in FULL:
        return Candidates("separate rows", f"nothing is known of how {kind} isolates candidates")
    if text.get("alibi"):
        return Candidates("separate rows", "distances are counted along the row (ALiBi)")
    others = set(text.get("layer_types") or ()) - WHOLE
    if others:
        return Candidates("separate rows", f"layers of the kinds {', '.join(sorted(others))}")
    return PACKED


def _of_seq2seq(config: Mapping[str, Any]) -> Candidates:
    kind = str(config.get("model_type"))
    if kind in RELATIVE:
        return PACKED
    if kind == "t5gemma":
        return _by_layer(config["decoder"])
    return Candidates("separate rows", f"nothing is known of how {kind} isolates candidates")


def _by_layer(config: Mapping[str, Any]) -> Candidates:
    kinds = tuple(sorted(set(config.get("layer_types") or ("full_attention",))))
    unknown = set(kinds) - WHOLE - {WINDOW, CHUNK}
    if unknown:
        return Candidates("separate rows", f"layers of the kinds {', '.join(sorted(unknown))}")
    window = config.get("sliding_window") if WINDOW in kinds else None
    chunk = config.get("attention_chunk_size") if CHUNK in kinds else None
    return _windowed(window, chunk, kinds)


def _windowed(window: int | None, chunk: int | None, kinds: tuple[str, ...]) -> Candidates:
    if window is None and chunk is None:
        # One mask serves all layers, so the plain form of it is taken.
        return PACKED
    reach = f"layers see {window or chunk} tokens"
    return Candidates("packed with windows", reach, window, chunk, kinds)


def _window(config: Mapping[str, Any]) -> int | None:
    if config.get("use_sliding_window") is False:
        return None
    found = config.get("sliding_window")
    return None if found is None else int(found)


def _rope_type(config: Mapping[str, Any]) -> str | None:
    found = config.get("rope_parameters") or config.get("rope_scaling") or {}
    each = [found, *(value for value in found.values() if isinstance(value, Mapping))]
    kinds = [part.get("rope_type", part.get("type")) for part in each]
    return next((kind for kind in kinds if kind in MOVING_ROPE), None)
