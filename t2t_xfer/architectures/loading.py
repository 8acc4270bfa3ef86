"""Loading a checkpoint as one of the three architectures, found from its own config.

Weights are read from safetensors only, unless the user allows `pytorch_model.bin` (`paths.py`), and
no code of the checkpoint is run. What reads answers may take the weights later or never: all that
it asks of a model before the first forward pass is the tokenizer's and the config's (`OnDemand`).

    load("org/model")                       # a `LoadedModel`
    OnDemand(architecture_at("org/model", None, 256), lambda: load("org/model"))

One base in memory serves many adapters, one of them or none at work at a time (`SwitchedBase`).
What is at work answers as if it had been loaded alone, to the last bit: the layers of the others
are passed over, not added with a weight of zero. Only adapters that leave everything but their own
matrices alone stand beside each other (`stands_beside_others`); any other is loaded over a base of
its own.

    switched = SwitchedBase(load("FacebookAI/xlm-roberta-large"))
    switched.using("runs/a")        # PEFT's wrapper, with a's matrices at work
    switched.using(None)            # the base itself: from here on nothing that came before counts
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import torch

from t2t_xfer import processes
from t2t_xfer.architectures import ARCHITECTURES
from t2t_xfer.architectures.adapters import (
    TASK_TYPES,
    adapter_shapes,
    check_shapes,
    check_tensors,
    load_adapter,
)
from t2t_xfer.architectures.base import Architecture
from t2t_xfer.architectures.checkpoint import (
    WEIGHTS,
    adapter_base,
    adapter_config,
    architecture_of,
    check_positions,
    is_adapter,
)
from t2t_xfer.architectures.codec import Codec
from t2t_xfer.errors import UserError
from t2t_xfer.paths import expanded, weight_files
from t2t_xfer.progress import not_counted

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

    from t2t_xfer.architectures.weights import FreshHead


log = logging.getLogger(__name__)


@dataclass(frozen=True)
class LoadedModel:
    """A model with its tokenizer and the architecture that speaks for both."""

    architecture: Architecture
    model: PreTrainedModel
    """The model itself, or PEFT's wrapper around it, which answers to the same calls."""
    tokenizer: PreTrainedTokenizerFast
    fresh_head: FreshHead | None = None
    """The LM head, if the checkpoint holds none and this one has learned nothing."""

    @property
    def device(self) -> str:
        """Where it computes, in words."""
        return str(self.model.device)


class Readable(Protocol):
    """What answers are read from: a `LoadedModel`, or one whose weights come when needed."""

    @property
    def architecture(self) -> Architecture:
        """What makes rows of prompts."""
        ...

    @property
    def model(self) -> PreTrainedModel:
        """With its weights."""
        ...

    @property
    def device(self) -> str:
        """Where it computes, in words; known without the weights."""
        ...


class OnDemand:
    """A model that is loaded when its weights are asked for first."""

    def __init__(self, architecture: Architecture, load: Callable[[], LoadedModel]) -> None:
        self.architecture = architecture
        self.device = "cuda:0" if device_of_weights() == "cuda" else "cpu"
        self._load = load

    @cached_property
    def model(self) -> PreTrainedModel:
        """See `load` for what this raises."""
        import torch

        # Asked for in the middle of reading: weights made there could never be changed again.
        with torch.inference_mode(False), not_counted():
            return self._load().model


def architecture_at(path: str, revision: str | None, max_input_tokens: int) -> Architecture:
    """The architecture of a checkpoint, of which config and tokenizer are read and no weights.

    Raises:
        UserError: there is no such checkpoint, or it cannot be read.
        UnsupportedError: see `wrap`.
    """
    from t2t_xfer.architectures.weights import config_and_tokenizer

    config, tokenizer = config_and_tokenizer(path, revision)
    return _architecture(config.to_dict(), path, tokenizer, max_input_tokens)


def device_of_weights() -> str:
    """Where `load` puts a model."""
    import torch

    # What FSDP spreads need not fit on one device.
    return "cuda" if torch.cuda.is_available() and not processes.asked_for_fsdp() else "cpu"


def wrap(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, max_input_tokens: int
) -> LoadedModel:
    """The architecture over a model that is already in memory.

    Raises:
        UnsupportedError: an input of `max_input_tokens` does not fit the model, or an
            encoder-decoder with absolute decoder positions.
    """
    config: dict[str, Any] = model.config.to_dict()
    name = model.name_or_path or str(config.get("model_type"))
    return LoadedModel(_architecture(config, name, tokenizer, max_input_tokens), model, tokenizer)


def _architecture(
    config: Mapping[str, Any],
    name: str,
    tokenizer: PreTrainedTokenizerFast,
    max_input_tokens: int,
) -> Architecture:
    kind = architecture_of(config)
    check_positions(config, name, max_input_tokens)
    return ARCHITECTURES[kind].of_config(config, Codec(tokenizer), max_input_tokens)


def load(
    path: str,
    *,
    revision: str | None = None,
    dtype: str = "float32",
    max_input_tokens: int = 256,
    adapter: str | None = None,
    quantised: bool = False,
    trainable: bool = False,
    fresh_head: bool = False,
) -> LoadedModel:
    """Loads a checkpoint from a directory or the hub.

    Args:
        path: the checkpoint. May be an adapter's directory, which then names its own base.
        adapter: a LoRA adapter to put over it, in PEFT's format.
        quantised: the base in 4 bits. An adapter that was trained so is always read so.
        trainable: the adapter's weights, not the base's, can be trained further.
        fresh_head: take a checkpoint that holds no LM head, with one that has learned nothing: to
            train it, or to read states only.

    Raises:
        UserError: there is no such checkpoint, it cannot be read, not all of its tensors are
            accounted for (`weights.py`), or the adapter is not its.
        UnsupportedError: see `wrap`.
    """
    if adapter is None and is_adapter(path):
        base = adapter_base(path)
        path, revision, adapter = base.path, base.revision, path
    if adapter is not None:
        quantised = quantised or adapter_base(adapter).quantised is not None
    from t2t_xfer.architectures.weights import check_head

    loaded = _load_base(path, revision, dtype, max_input_tokens, quantised)
    if adapter is None:
        if not fresh_head:
            check_head(path, loaded.fresh_head.names if loaded.fresh_head else ())
        return loaded
    from t2t_xfer.architectures.adapters import load_adapter

    over = load_adapter(loaded.model, adapter, trainable=trainable)
    left = head_left(loaded, adapter)
    if not fresh_head:
        check_head(path, left.names if left else ())
    return replace(loaded, model=over, fresh_head=left)


def head_left(loaded: LoadedModel, adapter: str) -> FreshHead | None:
    """What a base's fresh head is under an adapter: no longer one if that was trained over it.

    Raises:
        UserError: the adapter was trained over a head that began with other numbers.
    """
    known = adapter_base(adapter).fresh_head
    if known is None or loaded.fresh_head is None:
        return loaded.fresh_head
    if known != loaded.fresh_head.sha256:
        raise UserError(
            f"the adapter {adapter} was trained over a fresh head, which this release of torch or"
            " transformers, or this dtype, begins with other numbers. Use what trained it."
        )
    return None


def load_merged(path: str, adapter: str, *, revision: str | None = None) -> LoadedModel:
    """A base with an adapter added to its weights, in float32.

    A base that was quantised in training is quantised and unpacked again first: the adapter has
    learned to work on those values, so the merged model answers as the two of them did.
    """
    from t2t_xfer.architectures.adapters import load_adapter, merge
    from t2t_xfer.architectures.weights import check_head

    base = adapter_base(adapter)
    quantised = base.quantised is not None
    # Nothing is read here, so any input length will do.
    loaded = _load_base(path, revision, base.dtype if quantised else "float32", 1, quantised)
    if loaded.fresh_head is not None and head_left(loaded, adapter) is not None:
        check_head(path, loaded.fresh_head.names)
    model: Any = loaded.model
    if quantised:
        model = model.dequantize()
    return replace(loaded, model=merge(load_adapter(model.float(), adapter)))


def empty_model(path: str, revision: str | None = None, **settings: Any) -> Any:
    """A model with a checkpoint's shapes and none of its weights; make it on the device `meta`.

    Args:
        settings: for `from_config`, such as `dtype`.
    """
    from t2t_xfer.architectures.weights import config_of, model_class

    config = config_of(path, revision)
    return model_class(architecture_of(config.to_dict())).from_config(config, **settings)


def _load_base(
    path: str, revision: str | None, dtype: str, max_input_tokens: int, quantised: bool
) -> LoadedModel:
    import torch

    from t2t_xfer.architectures import weights

    device = device_of_weights()
    settings: dict[str, Any] = {"dtype": getattr(torch, dtype), **weight_files()}
    if quantised:
        from t2t_xfer.architectures.adapters import plain_arithmetic, quantisation

        settings |= {"quantization_config": quantisation(dtype), "device_map": {"": device}}
    config, tokenizer = weights.config_and_tokenizer(path, revision)
    name = architecture_of(config.to_dict())
    _, account = weights.laid_out(path, revision, config, name)
    if line := weights.said(path, account):
        log.warning(line)
    settings |= {"config": config, "key_mapping": weights.key_mapping(account.renamed)}
    # A fresh head is always the same one.
    with weights.told(path), weights.quiet(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = weights.model_class(name).from_pretrained(path, revision=revision, **settings)
    weights.forget_renaming(model, account)
    fresh = weights.start_head(model, account.fresh_head)
    weights.check_finite(model, path)
    if quantised:
        plain_arithmetic(model)
    else:
        model = model.to(device)
    return replace(wrap(model, tokenizer, max_input_tokens), fresh_head=fresh)


KEPT_ADAPTERS = 8
"""Adapters that stay in memory. One of rank 16 over a model of 7 billion weights takes 160 MB."""
HARMLESS_STARTS = (True, False, "gaussian", None)
"""Values of PEFT's `init_lora_weights` that leave the base's weights alone; `pissa`, `olora`,
`corda` and `loftq` take a part out of them."""
OWN_LAYERS = frozenset(
    {
        *("peft_type", "peft_version", "task_type", "auto_mapping", "inference_mode"),
        *("base_model_name_or_path", "revision", "r", "lora_alpha", "lora_dropout", "use_rslora"),
        *("rank_pattern", "alpha_pattern", "target_modules", "exclude_modules", "fan_in_fan_out"),
        *("layers_to_transform", "layers_pattern", "init_lora_weights"),
        *("megatron_core", "qalora_group_size"),  # used only with settings that are not here
    }
)
"""Settings of PEFT that say no more than where an adapter's own layers are, and their sizes."""


class AdapterFile(NamedTuple):
    """An adapter as it lies on the disk now."""

    path: str
    mtime_ns: int
    size: int
    """Of its weights, in bytes."""


def stands_beside_others(directory: str | Path) -> bool:
    """Whether an adapter consists of pairs of low-rank matrices inside the blocks, and no more.

    Raises:
        UserError: the directory holds no adapter, or its weights cannot be read.
    """
    config = adapter_config(directory)
    others = {name for name, value in config.items() if value not in (None, False, "none", [], {})}
    if (
        others - OWN_LAYERS
        or config.get("init_lora_weights", True) not in HARMLESS_STARTS
        or config.get("task_type") not in (None, *TASK_TYPES.values())
        or config.get("target_modules") == "all-linear"  # of a model that others have changed
    ):
        return False
    return all(_in_a_block(key) for key in adapter_shapes(directory))


def _in_a_block(key: str) -> bool:
    """Whether a tensor is a low-rank matrix of a layer under a number: no head, no embedding."""
    layer, _, side = key.partition(".lora_")
    return side in ("A.weight", "B.weight") and any(map(str.isdigit, layer.split(".")))


class SwitchedBase:
    """A base, with the adapters that were used last kept beside it."""

    def __init__(self, base: LoadedModel, kept: int = KEPT_ADAPTERS) -> None:
        """`kept`: how many adapters stay in memory, at least 1."""
        self._base = base
        self._kept = kept
        self._over: Any = None
        """PEFT's wrapper, from the first adapter on."""
        self._names: OrderedDict[AdapterFile, str] = OrderedDict()
        """What PEFT calls each adapter; the one that was used longest ago first."""
        self._numbers = count(1)

    def using(self, adapter: str | None, max_input_tokens: int | None = None) -> LoadedModel:
        """The model with one adapter at work, or with none.

        It is the same model each time: what an earlier call returned answers with this adapter now.

        Args:
            adapter: a directory, or None.
            max_input_tokens: None: as before.

        Raises:
            UserError: the adapter is none, or belongs to a model of another shape.
            UnsupportedError: an input of `max_input_tokens` does not fit the model.
        """
        if max_input_tokens not in (None, self._base.architecture.max_input_tokens):
            assert max_input_tokens is not None
            wrapped = wrap(self._base.model, self._base.tokenizer, max_input_tokens)
            self._base = replace(wrapped, fresh_head=self._base.fresh_head)
        if adapter is None:
            if self._over is not None:
                self._over.base_model.disable_adapter_layers()
            return self._base
        name = self._name(adapter)
        self._over.base_model.enable_adapter_layers()
        self._over.set_adapter(name, inference_mode=True)
        while len(self._names) > self._kept:
            _, oldest = self._names.popitem(last=False)
            self._over.delete_adapter(oldest)
        left = head_left(self._base, adapter)
        return replace(self._base, model=self._over, fresh_head=left)

    def _name(self, adapter: str) -> str:
        """What PEFT calls the adapter, which is in memory from here on."""
        file = expanded(adapter) / WEIGHTS
        adapter_config(adapter)
        stat = file.stat()
        key = AdapterFile(str(file.parent), stat.st_mtime_ns, stat.st_size)
        if key not in self._names:
            self._names[key] = self._load(adapter)
        self._names.move_to_end(key)
        return self._names[key]

    def _load(self, adapter: str) -> str:
        name = f"adapter{next(self._numbers)}"
        if self._over is None:
            self._over = load_adapter(self._base.model, adapter, name=name)
        else:
            check_shapes(self._base.model, adapter)
            check_tensors(self._base.model, adapter)
            self._over.load_adapter(
                str(expanded(adapter)), name, torch_device=str(self._base.model.device)
            )
        return name


def check_adapters(path: str, revision: str | None, adapters: Iterable[str]) -> None:
    """Compares adapters with the shapes of a model, of which no weight is loaded.

    Raises:
        UserError: an adapter is none, or belongs to a model of another shape.
    """
    with torch.device("meta"):
        model = empty_model(path, revision)
    for adapter in adapters:
        check_shapes(model, adapter)
        check_tensors(model, adapter)
