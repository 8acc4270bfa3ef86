"""One base in memory and many adapters over it, one of them or none at work at a time.

The rule: what is at work answers as if it had been loaded alone, to the last bit: the layers of
the others are passed over, not added with a weight of zero. Only adapters that leave everything
but their own matrices alone stand beside each other (`stands_beside_others`); any other is loaded
over a base of its own.

    switched = SwitchedBase(load("FacebookAI/xlm-roberta-large"))
    switched.using("runs/a")        # PEFT's wrapper, with a's matrices at work
    switched.using(None)            # the base itself: from here on nothing that came before counts
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import torch

from t2t_xfer.architectures.adapter_account import adapter_shapes, check_tensors
from t2t_xfer.architectures.adapter_files import WEIGHTS, adapter_config
from t2t_xfer.architectures.adapters import (
    TASK_TYPES,
    check_shapes,
    load_adapter,
)
from t2t_xfer.architectures.loading import LoadedModel, empty_model, head_left, wrap
from t2t_xfer.paths import expanded

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
