"""Where adapters go, what is kept of them on disk, and which are refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from t2t_xfer.architectures.adapters import (
    add_adapter,
    load_adapter,
    save_adapter,
    target_modules,
)
from t2t_xfer.architectures.checkpoint import AdapterBase, adapter_base, adapter_identity
from t2t_xfer.architectures.head import place_logits, row_losses
from t2t_xfer.errors import UnsupportedError, UserError
from t2t_xfer.specs.training import LoraSpec

from .learning import fresh_model, rendered

TINY: dict[str, Any] = {
    "vocab_size": 99,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 48,
    **dict.fromkeys(("pad_token_id", "bos_token_id", "eos_token_id"), 1),
}
T5: dict[str, Any] = {"vocab_size": 99, "d_model": 32, "d_kv": 16, "d_ff": 48, "num_heads": 2}
GPT2 = {"vocab_size": 99, "n_embd": 32, "n_layer": 2, "n_head": 2}
GPT2 |= {"bos_token_id": 1, "eos_token_id": 1}


def tiny(name: str) -> Any:
    """A model class of transformers by its prefix, with few weights."""
    heads = {"Llama": "ForCausalLM", "Qwen2": "ForCausalLM", "GPT2": "LMHeadModel"}
    heads |= {"MT5": "ForConditionalGeneration", "T5": "ForConditionalGeneration"}
    sizes = {"GPT2": GPT2, "MT5": {**T5, "num_layers": 2}, "T5": {**T5, "num_layers": 2}}
    config = getattr(transformers, f"{name}Config")(**sizes.get(name, TINY))
    return getattr(transformers, name + heads.get(name, "ForMaskedLM"))(config)


@pytest.mark.parametrize(
    ("name", "targets", "adapted_layers"),
    [
        # Layers of a block: query, key, value, attention.output, intermediate, output.
        ("XLMRoberta", "intermediate.dense key output.dense query value", 2 * 6),
        ("Bert", "intermediate.dense key output.dense query value", 2 * 6),
        ("ModernBert", "Wi Wo Wqkv", 2 * 4),
        # Encoder blocks: 4 + 3; decoder blocks: 4 + 4 + 3.
        ("MT5", "k o q v wi_0 wi_1 wo", 2 * 7 + 2 * 11),
        ("T5", "k o q v wi wo", 2 * 6 + 2 * 10),
        ("Llama", "down_proj gate_proj k_proj o_proj q_proj up_proj v_proj", 2 * 7),
        ("Qwen2", "down_proj gate_proj k_proj o_proj q_proj up_proj v_proj", 2 * 7),
        ("GPT2", "c_attn c_fc c_proj", 2 * 4),
    ],
)
def test_every_linear_layer_of_the_blocks_is_adapted_and_no_other(
    name: str, targets: str, adapted_layers: int
) -> None:
    model = tiny(name)
    assert target_modules(model) == targets.split()
    wrapped = add_adapter(model, "encoder", LoraSpec(rank=2, alpha=4), seed=0)
    adapters = [n for n, _ in wrapped.named_parameters() if "lora_A" in n]
    assert len(adapters) == adapted_layers
    head = wrapped.get_output_embeddings()
    assert isinstance(head, torch.nn.Linear)
    assert not hasattr(head, "lora_A")


def test_chosen_targets_are_endings_within_the_blocks() -> None:
    assert target_modules(tiny("Bert"), ["query", "dense"]) == [
        "intermediate.dense",
        "output.dense",
        "query",
    ]
    with pytest.raises(UnsupportedError, match=r"'q_proj' is no linear layer .* key, query"):
        target_modules(tiny("Bert"), ["q_proj"])


def test_the_start_is_a_function_of_the_seed() -> None:
    def start(seed: int) -> torch.Tensor:
        model = tiny("Llama")
        torch.randn(3 + seed)  # whatever was drawn before
        wrapped = add_adapter(model, "causal", LoraSpec(rank=2), seed=seed)
        return next(p.detach() for n, p in wrapped.named_parameters() if "lora_A" in n)

    assert torch.equal(start(1), start(1))
    assert not torch.equal(start(1), start(2))


def test_the_head_is_found_through_every_wrapper(tmp_path: Path) -> None:
    """PEFT's wrapper hands the question on; DistributedDataParallel does not."""
    prompted = rendered("label", 6)
    loaded = fresh_model("causal", [p.input for p in prompted])
    rows = [r for p in prompted for r in loaded.architecture.training_rows(p)]
    plain = place_logits(loaded.model, loaded.architecture, rows)
    wrapped = add_adapter(loaded.model, "causal", LoraSpec(rank=2), seed=0)
    assert torch.equal(place_logits(wrapped, loaded.architecture, rows), plain)
    method = f"file://{tmp_path / 'rendezvous'}"
    torch.distributed.init_process_group("gloo", init_method=method, rank=0, world_size=1)
    try:
        parallel = torch.nn.parallel.DistributedDataParallel(wrapped)
        logits = place_logits(parallel, loaded.architecture, rows)
        row_losses(logits, rows).sum().backward()
    finally:
        torch.distributed.destroy_process_group()
    assert torch.equal(logits, plain)
    assert all((p.grad is not None) == p.requires_grad for p in wrapped.parameters())


def saved(model: Any, folder: Path, base: AdapterBase) -> Path:
    save_adapter(add_adapter(model, "causal", LoraSpec(rank=2), seed=0), folder, base)
    return folder


def test_an_adapter_of_another_model_is_refused_by_name(tmp_path: Path) -> None:
    folder = saved(tiny("Llama"), tmp_path / "a", AdapterBase("owner/llama"))
    with pytest.raises(UserError, match=r"lacks. It was trained on owner/llama"):
        load_adapter(tiny("Bert"), folder)
    wide = transformers.LlamaForCausalLM(
        transformers.LlamaConfig(**{**TINY, "hidden_size": 48, "head_dim": 16})
    )
    with pytest.raises(UserError, match=r"'.*' has 48 outputs, the adapter's has 32"):
        load_adapter(wide, folder)


def test_what_is_no_lora_adapter_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"is no adapter: it holds no adapter_config.json"):
        load_adapter(tiny("Llama"), tmp_path)
    folder = saved(tiny("Llama"), tmp_path / "a", AdapterBase("owner/llama"))
    (folder / "adapter_model.safetensors").write_bytes(b"cut off")
    with pytest.raises(UserError, match="no whole safetensors file"):
        load_adapter(tiny("Llama"), folder)
    (folder / "adapter_config.json").write_text('{"peft_type": "IA3"}')
    with pytest.raises(UserError, match="of the type 'IA3'"):
        load_adapter(tiny("Llama"), folder)


def test_the_same_adapter_is_the_same_bytes_wherever_its_base_lies(tmp_path: Path) -> None:
    base = AdapterBase("owner/llama", identity={"hub": "owner/llama", "revision": "main"})
    model = tiny("Llama")
    state = {name: value.clone() for name, value in model.state_dict().items()}
    one = saved(model, tmp_path / "one", base)
    again = tiny("Llama")
    again.load_state_dict(state)
    other = saved(again, tmp_path / "other", base)
    for name in ("adapter_config.json", "adapter_model.safetensors", "adapter_base.json"):
        assert (one / name).read_bytes() == (other / name).read_bytes()
    config = json.loads((other / "adapter_config.json").read_text())
    config["base_model_name_or_path"] = "elsewhere"
    (other / "adapter_config.json").write_text(json.dumps(config))
    assert adapter_identity(one) == adapter_identity(other)
    config["lora_alpha"] = 1
    (other / "adapter_config.json").write_text(json.dumps(config))
    assert adapter_identity(one) != adapter_identity(other)


def test_a_base_is_found_beside_its_adapter_when_both_have_moved(tmp_path: Path) -> None:
    (tmp_path / "old" / "base").mkdir(parents=True)
    saved(tiny("Llama"), tmp_path / "old" / "adapter", AdapterBase("../base"))
    assert adapter_base(tmp_path / "old" / "adapter").path == str(tmp_path / "old" / "base")
    shutil.move(tmp_path / "old", tmp_path / "new")
    assert adapter_base(tmp_path / "new" / "adapter").path == str(tmp_path / "new" / "base")
