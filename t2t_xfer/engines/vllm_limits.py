"""What the engine `vllm` is asked for in vain, known at plan time and without importing vLLM.

check_vllm("causal", Slots, Readout.slots)     # UnsupportedError: ... in one pass ...
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from t2t_xfer.architectures.checkpoint import architecture_of, check_positions
from t2t_xfer.errors import MissingExtraError, UnsupportedError, UserError
from t2t_xfer.records import ArchitectureName, Question, Readout, Separate, Slots

INSTALL = (
    "Install it with `pip install 't2t_xfer[vllm]'` (a CUDA machine) or as docs/vllm.md says (a"
    " CPU); --engine transformers works without it."
)

MIN_CPU_HEAD_SIZE = 32
LORA_RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)
"""Sizes that vLLM 0.32 can reserve for an adapter."""
UNSUPPORTED_LORA = ("use_dora", "lora_bias", "modules_to_save", "trainable_token_indices")
"""Settings of PEFT that vLLM refuses or, worse, does not look at."""


def has_vllm() -> bool:
    """Whether vLLM is installed; it may still be broken."""
    return find_spec("vllm") is not None


def gpu_at_hand() -> bool:
    """Whether there is a GPU that vLLM could use. Imports torch."""
    import torch

    return torch.cuda.is_available()


def require_vllm() -> None:
    """Says how to install vLLM where it is missing.

    Raises:
        MissingExtraError: it is not installed.
    """
    if not has_vllm():
        raise MissingExtraError(f"--engine vllm needs vLLM, which is not installed. {INSTALL}")


def check_vllm(architecture: ArchitectureName, question: type[Question], readout: Readout) -> None:
    """Refuses what vLLM cannot read; the readout is never changed to one that it can.

    Raises:
        UnsupportedError: no decoder, or answers that are read inside the prompt.
    """
    reason = None
    if architecture != "causal":
        reason = f"it runs decoders, and the model is of the architecture {architecture!r}"
    elif question is Slots and readout is not Readout.generate:
        reason = (
            "tags in one pass are read at every word of the prompt, which vLLM 0.32 offers in its"
            " V2 runner on a GPU at most (`readout: {causal: generate}` in the task's YAML has them"
            " written instead, and trained so)"
        )
    elif question is Separate:
        reason = "choices with `form: separate` are read as a bundle of yes/no questions"
    elif readout is Readout.embed:
        reason = "it gives no hidden states of a chosen layer"
    if reason:
        raise UnsupportedError(
            f"the engine `vllm` cannot read this: {reason}. Use --engine transformers."
        )


def check_model(config: Mapping[str, Any], path: str, max_input_tokens: int, on_cpu: bool) -> None:
    """Refuses what vLLM would refuse after a minute, in its log.

    Raises:
        UnsupportedError: no decoder, inputs longer than the model, or heads too small for a CPU.
    """
    name = architecture_of(config)
    if name != "causal":
        raise UnsupportedError(
            f"the engine `vllm` runs decoders, but {path!r} is of the architecture {name!r}. Use"
            " --engine transformers."
        )
    check_positions(config, path, max_input_tokens)
    heads = config.get("num_attention_heads")
    size = config.get("head_dim") or (config["hidden_size"] // heads if heads else None)
    if on_cpu and size is not None and size < MIN_CPU_HEAD_SIZE:
        raise UnsupportedError(
            f"vLLM on a CPU needs attention heads of at least {MIN_CPU_HEAD_SIZE} numbers, but"
            f" those of {path!r} have {size}. Use --engine transformers."
        )


def adapter_rank(path: str) -> int:
    """The rank of a PEFT adapter that vLLM can apply.

    Raises:
        UnsupportedError: it cannot; merging the adapter into the weights always helps.
    """
    file = Path(path) / "adapter_config.json"
    if not file.is_file():
        raise UserError(f"{path} is no LoRA adapter: it holds no adapter_config.json.")
    config = json.loads(file.read_text(encoding="utf-8"))
    reasons = [name for name in UNSUPPORTED_LORA if config.get(name)]
    if config.get("bias", "none") != "none":
        reasons.append("bias")
    rank = max([int(config["r"]), *map(int, (config.get("rank_pattern") or {}).values())])
    if rank > LORA_RANKS[-1]:
        reasons.append(f"rank {rank}, the limit is {LORA_RANKS[-1]}")
    if reasons:
        raise UnsupportedError(
            f"vLLM cannot apply the adapter {path} ({', '.join(reasons)}). Merge it into its model"
            " and decode that, or use --engine transformers."
        )
    return rank
