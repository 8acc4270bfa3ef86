"""A tiny model of every family that can answer, and the table of `docs/models.md`.

    python -m tests.families            writes the table into docs/models.md

The settings of `SMALL` go to every config that knows them; windows and chunks are 8 tokens, so that
texts of the tests are longer; every kind of layer of a family stands in its model. Weights are
scaled up, or all answers of a random model would be about the same.
"""

from __future__ import annotations

import warnings
from functools import lru_cache
from pathlib import Path
from typing import Any

from t2t_xfer.architectures.candidates import candidates_of
from t2t_xfer.architectures.checkpoint import REFUSED
from t2t_xfer.architectures.loading import LoadedModel, wrap
from t2t_xfer.architectures.micro import train_tokenizer
from t2t_xfer.records import ArchitectureName

from .learning import EXAMPLES, TASKS, answers

PAGE = Path(__file__).resolve().parent.parent / "docs" / "models.md"
VOCABULARY = 640


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


SCALE = 3.0
MAX_INPUT_TOKENS = 128
SMALL: dict[str, Any] = {
    **dict.fromkeys(("hidden_size", "d_model", "n_embd", "dim", "emb_dim", "embed_dim"), 32),
    **dict.fromkeys(("embedding_size", "word_embed_proj_dim", "lru_width"), 32),
    **dict.fromkeys(("num_hidden_layers", "num_layers", "n_layer", "n_layers"), 4),
    **dict.fromkeys(("decoder_layers", "encoder_layers", "num_decoder_layers"), 2),
    **dict.fromkeys(("num_attention_heads", "n_head", "n_heads", "num_heads"), 4),
    **dict.fromkeys(("decoder_attention_heads", "encoder_attention_heads"), 4),
    **dict.fromkeys(("num_key_value_heads", "num_global_key_value_heads", "moe_k"), 2),
    **dict.fromkeys(("head_dim", "global_head_dim", "d_kv", "q_lora_rank", "kv_lora_rank"), 8),
    **dict.fromkeys(("qk_nope_head_dim", "qk_rope_head_dim", "v_head_dim"), 8),
    **dict.fromkeys(("hidden_dim",), 64),
    **dict.fromkeys(("intermediate_size", "d_ff", "ffn_dim", "n_inner"), 48),
    **dict.fromkeys(("decoder_ffn_dim", "encoder_ffn_dim"), 48),
    **dict.fromkeys(("max_position_embeddings", "n_positions"), 256),
    **dict.fromkeys(("sliding_window", "attention_chunk_size", "window_size"), 8),
    **dict.fromkeys(("attention_window_size", "chunk_size", "mamba_d_state"), 8),
    **dict.fromkeys(("state_size", "ssm_state_size", "hidden_size_per_layer_input"), 8),
    **dict.fromkeys(("linear_key_head_dim", "linear_value_head_dim"), 8),
    **dict.fromkeys(("num_experts", "num_local_experts", "n_routed_experts"), 4),
    **dict.fromkeys(("moe_num_experts", "mamba_n_heads", "mamba_num_heads"), 4),
    **dict.fromkeys(("mamba_dt_rank", "linear_num_value_heads", "rotary_dim"), 4),
    **dict.fromkeys(("moe_intermediate_size", "shared_expert_intermediate_size"), 16),
    **dict.fromkeys(("mamba_d_head", "mamba_head_dim"), 16),
    **dict.fromkeys(("num_experts_per_tok", "linear_num_key_heads", "mamba_expand"), 2),
    **dict.fromkeys(("n_shared_experts", "n_group", "topk_group", "mamba_n_groups"), 1),
    **dict.fromkeys(("n_groups", "first_k_dense_replace", "max_window_layers"), 1),
    **dict.fromkeys(("attn_layer_offset", "expert_layer_offset"), 1),
    **dict.fromkeys(("attn_layer_period", "expert_layer_period", "type_vocab_size"), 2),
    **dict.fromkeys(("vocab_size", "vocab_size_per_layer_input"), VOCABULARY),
    **dict.fromkeys(("pad_token_id", "decoder_start_token_id", "num_kv_shared_layers"), 0),
    "use_sliding_window": True,
    "eos_token_id": 1,
    "bos_token_id": 2,
    "unk_token_id": 3,
    **dict.fromkeys(
        ("hidden_dropout_prob", "attention_probs_dropout_prob", "dropout", "dropout_rate"), 0.0
    ),
}
COMPRESSED = {"num_key_value_heads": 4, "head_dim": None}
"""Of attention over compressed keys, whose heads are as wide as its two parts."""
WINDOWS = {"layer_types": ["sliding_attention", "full_attention"] * 2}
DECODER = {"is_decoder": True}
OWN: dict[str, dict[str, Any]] = {
    **dict.fromkeys(("axk1", "axk2", "deepseek_v2", "deepseek_v3", "deepseek_v32"), COMPRESSED),
    **dict.fromkeys(("glm4_moe_lite", "glm_moe_dsa", "minicpm3", "youtu"), COMPRESSED),
    **dict.fromkeys(("qwen2", "qwen3", "qwen2_moe", "smollm3", "ministral"), WINDOWS),
    **dict.fromkeys(("laguna", "mellum", "dots1"), WINDOWS),
    "llama4_text": {"layer_types": ["chunked_attention", "full_attention"] * 2},
    "bamba": {"attn_layer_indices": [1, 3]},
    "falcon_h1": {"mamba_d_ssm": 64},
    "gpt_neo": {"attention_types": [[["global", "local"], 2]]},
    "granitemoehybrid": {"layer_types": ["mamba", "attention"] * 2},
    "mamba2": {"num_heads": 4, "head_dim": 16},
    "t5": {"decoder_start_token_id": 0},
    "falcon": {"alibi": True, "new_decoder_architecture": False, "multi_query": False},
}
NO_BLOCKS = frozenset({"t5gemma2"})
"""Encoder-decoders that do not keep words apart: tags are written, not read in slots."""
NO_INNER_VECTORS = frozenset({"gemma3n_text"})
"""Whose layers carry several states for each token: only the last layer gives vectors."""
AS_DECODERS = (
    *("bert", "bert-generation", "electra", "ernie", "megatron-bert"),
    *("rembert", "roformer"),
)
FAMILIES: dict[ArchitectureName, tuple[str, ...]] = {
    "encoder": _names(
        "albert bert camembert data2vec-text deberta deberta-v2 distilbert electra "
        "ernie eurobert flaubert gte ibert jina_embeddings_v3 layoutlm longformer "
        "megatron-bert modernbert mpnet nomic_bert rembert roberta "
        "roberta-prelayernorm roformer squeezebert xlm xlm-roberta xlm-roberta-xl"
    ),
    "seq2seq": ("longt5", "mt5", "switch_transformers", "t5", "t5gemma", "t5gemma2", "umt5"),
    "causal": _names(
        "afmoe apertus arcee aria_text axk1 axk2 bamba biogpt bitnet bloom codegen cohere "
        "cohere2 cohere2_moe ctrl cwm deepseek_v2 deepseek_v3 deepseek_v32 diffllama doge "
        "dots1 ernie4_5 ernie4_5_moe exaone4 exaone_moe falcon falcon_h1 falcon_mamba "
        "flex_olmo gemma gemma2 gemma3_text gemma3n_text gemma4_text gemma4_unified_text glm "
        "glm4 glm4_moe glm4_moe_lite glm_moe_dsa gpt2 gpt_bigcode gpt_neo gpt_neox "
        "gpt_neox_japanese gpt_oss gptj granite granite_swa granitemoe granitemoe_swa "
        "granitemoehybrid granitemoeshared helium hunyuan_v1_dense hunyuan_v1_moe hy_v3 "
        "hyperclovax inkling_text jais2 jamba jetmoe laguna lfm2 llama llama4_text mamba "
        "mamba2 mellum mimo_v2_flash minicpm3 minimax minimax_m2 ministral ministral3 "
        "mistral mixtral modernbert-decoder mpt nanochat nemotron nemotron_h olmo olmo2 "
        "olmo3 olmo_hybrid olmoe opt persimmon phi phi3 phimoe qwen2 qwen2_moe qwen3 "
        "qwen3_5_moe_text qwen3_5_text qwen3_moe qwen3_next recurrent_gemma rwkv seed_oss "
        "smollm3 solar_open stablelm starcoder2 vaultgemma xglm youtu"
    )
    + tuple(f"{name} as a decoder" for name in AS_DECODERS),
}


@lru_cache(maxsize=3)
def tokenizer_of(architecture: ArchitectureName) -> Any:
    """One vocabulary for all families of an architecture."""
    texts = []
    for kind in TASKS:
        for example in EXAMPLES[kind](12, 5):
            prompted = answers(kind).render(example)
            texts.append(f"{prompted.input} {prompted.target}")
    return train_tokenizer(texts, VOCABULARY, architecture)


def config_of(architecture: ArchitectureName, name: str) -> Any:
    """A tiny config of a family."""
    import transformers

    family, _, as_decoder = name.partition(" as ")
    if family.startswith("t5gemma"):
        return _t5gemma(family)
    known = transformers.AutoConfig.for_model(family).to_dict()
    settings = {key: value for key, value in SMALL.items() if key in known}
    if known.get("layer_types") and len(known["layer_types"]) != settings["num_hidden_layers"]:
        kinds = list(dict.fromkeys(known["layer_types"]))
        settings["layer_types"] = [kinds[i % len(kinds)] for i in range(4)]
    settings |= OWN.get(family, {}) | (DECODER if as_decoder else {})
    settings = {key: value for key, value in settings.items() if value is not None}
    return transformers.AutoConfig.for_model(family, **settings)


def _t5gemma(family: str) -> Any:
    import transformers

    keys = ("hidden_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads")
    more = ("head_dim", "intermediate_size", "vocab_size", "sliding_window", "pad_token_id")
    ids = ("eos_token_id", "bos_token_id", "max_position_embeddings")
    one = {key: SMALL[key] for key in (*keys, *more, *ids)} | WINDOWS
    encoder: dict[str, Any] = one
    if family == "t5gemma2":
        vision = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1}
        vision |= {"num_attention_heads": 2, "image_size": 28, "patch_size": 14}
        encoder = {"text_config": one, "vision_config": vision, "mm_tokens_per_image": 4}
    return transformers.AutoConfig.for_model(
        family, encoder=encoder, decoder=one, vocab_size=VOCABULARY
    )


def made(architecture: ArchitectureName, name: str) -> LoadedModel:
    """A tiny model of a family with a tokenizer.

    Raises:
        UnsupportedError: the family cannot answer.
    """
    import torch
    import transformers

    config = config_of(architecture, name)
    classes: dict[ArchitectureName, Any] = {
        "encoder": transformers.AutoModelForMaskedLM,
        "seq2seq": transformers.AutoModelForSeq2SeqLM,
        "causal": transformers.AutoModelForCausalLM,
    }
    with warnings.catch_warnings():  # some families' own modules warn when they are imported
        warnings.simplefilter("ignore")
        torch.manual_seed(0)
        model = classes[architecture].from_config(config).eval()
    model.config.architectures = [type(model).__name__]
    with torch.no_grad():
        for weight in model.parameters():
            if weight.ndim >= 2 and weight.is_floating_point():
                weight.mul_(SCALE)
    return wrap(model, tokenizer_of(architecture), MAX_INPUT_TOKENS)


def table() -> str:
    """Every family with how its candidates are read, as Markdown."""
    lines = ["| family | architecture | candidates of `rank` |", "|---|---|---|"]
    for architecture, names in FAMILIES.items():
        for name in names:
            lines.append(f"| {name} | {architecture} | {_form(architecture, name)} |")
    lines += ["", "| refused | since such a model |", "|---|---|"]
    lines += [f"| {name} | {why} |" for name, why in REFUSED.items()]
    return "\n".join(lines)


def _form(architecture: ArchitectureName, name: str) -> str:
    if architecture == "encoder":
        return "the same masks for all"
    found = candidates_of(config_of(architecture, name).to_dict())
    return f"{found.form}, one context" if found.cached else found.form


def written_page() -> str:
    """The page with the table as the code has it."""
    head, _, rest = PAGE.read_text(encoding="utf-8").partition("<!-- families -->")
    _, _, tail = rest.partition("<!-- end -->")
    return f"{head}<!-- families -->\n\n{table()}\n\n<!-- end -->{tail}"


if __name__ == "__main__":
    PAGE.write_text(written_page(), encoding="utf-8")
