"""Adapters for tests that need several which answer differently, made in a moment: nothing trains.

A new LoRA adapter changes nothing; here its second matrices are drawn at random.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import peft
import torch

from t2t_xfer.architectures.adapters import add_adapter, save_adapter
from t2t_xfer.architectures.checkpoint import AdapterBase
from t2t_xfer.architectures.loading import load
from t2t_xfer.records import ArchitectureName
from t2t_xfer.specs.training import LoraSpec

LORA = LoraSpec(rank=4, alpha=8)


def made_adapter(
    model: str,
    architecture: ArchitectureName,
    folder: Path,
    seed: int,
    lora: LoraSpec = LORA,
    size: float = 0.3,
    quantised: str | None = None,
) -> str:
    """The directory of an adapter over the model at a path, as `train --adapter lora` leaves it."""
    base = load(model, max_input_tokens=64).model
    wrapped = drawn(add_adapter(base, architecture, lora, seed), seed, size)
    save_adapter(wrapped, folder, AdapterBase(model, quantised=quantised))
    return str(folder)


def foreign_adapter(model: Any, folder: Path, **settings: Any) -> str:
    """An adapter as PEFT saves it, without our file."""
    wrapped = peft.get_peft_model(model, peft.LoraConfig(r=2, **settings))
    drawn(wrapped, 0, 0.3).save_pretrained(folder, save_embedding_layers=False)
    return str(folder)


def drawn(wrapped: Any, seed: int, size: float) -> Any:
    """The same wrapper, its adapter's second matrices drawn anew."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in wrapped.named_parameters():
            if ".lora_B." in name:
                weight.copy_(torch.randn(weight.shape, generator=generator) * size)
    return wrapped
