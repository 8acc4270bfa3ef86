"""The checkpoint that a stage starts from and the one that it leaves: whole, or base and adapter.

train/m-to-mnli-…/checkpoint/    adapter_config.json, adapter_model.safetensors, tokenizer
model/m-to-mnli-merged-…/checkpoint/    config.json, model.safetensors, tokenizer
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from t2t_xfer.architectures.checkpoint import AdapterBase, adapter_base
from t2t_xfer.errors import UnsupportedError
from t2t_xfer.files import share_as_others
from t2t_xfer.paths import expanded
from t2t_xfer.records import Json
from t2t_xfer.specs.training import TrainingSpec
from t2t_xfer.stages.bases import model_identity

if TYPE_CHECKING:
    from t2t_xfer.architectures.loading import LoadedModel

log = logging.getLogger(__name__)

CHECKPOINT = "checkpoint"
"""The directory of a `model` or `train` stage that holds weights (or an adapter) and tokenizer."""


class _Started(Protocol):
    @property
    def spec(self) -> Mapping[str, Json]: ...
    @property
    def how(self) -> Mapping[str, Json]: ...


class Weights(NamedTuple):
    """What a stage loads."""

    path: str
    """The whole checkpoint."""
    revision: str | None
    adapter: str | None
    """The directory of an adapter over it."""


def weights_of(stage: _Started, needs: Mapping[str, Path]) -> Weights:
    """What other stages hold beats what the plan found at a path."""
    how: Any = stage.how
    adapter = str(needs["adapter"] / CHECKPOINT) if "adapter" in needs else how.get("adapter")
    if "checkpoint" in needs:
        return Weights(str(needs["checkpoint"] / CHECKPOINT), None, adapter)
    return Weights(how["path"], how["revision"], adapter)


def check_decodable(adapter: str | None) -> None:
    """Refuses to decode an adapter over other weights than it was trained over.

    Raises:
        UnsupportedError: the adapter's base had 4 bits, and vLLM would read it in full precision.
    """
    if adapter is not None and adapter_base(adapter).quantised is not None:
        raise UnsupportedError(
            f"the adapter {adapter} was trained over a 4-bit base, which vLLM would read in full"
            " precision. Merge it first (t2t-xfer merge), or use --engine transformers."
        )


def load_to_train(weights: Weights, dtype: str, training: TrainingSpec, seed: int) -> LoadedModel:
    """The model, with what is to be trained: all weights (with or without the embeddings), or an
    adapter that is new or goes on."""
    from dataclasses import replace

    from t2t_xfer.architectures.adapters import add_adapter, freeze_token_embeddings
    from t2t_xfer.architectures.loading import load

    loaded = load(
        weights.path,
        revision=weights.revision,
        dtype=dtype,
        max_input_tokens=training.max_input_tokens,
        adapter=weights.adapter,
        quantised=training.adapter == "qlora",
        trainable=True,
        fresh_head=True,
    )
    if loaded.fresh_head is not None:
        log.warning(
            "%s: the checkpoint holds no LM head; a fresh head is trained, whose %d weights start"
            " from the embeddings or at random",
            weights.path,
            len(loaded.fresh_head.names),
        )
    if training.adapter == "none" and not training.train_embeddings:
        freeze_token_embeddings(loaded.model)
    if training.adapter == "none" or weights.adapter is not None:
        return loaded
    name = loaded.architecture.name
    return replace(loaded, model=add_adapter(loaded.model, name, training.lora, seed))


def save_trained(
    loaded: LoadedModel,
    work: Path,
    stage: _Started,
    needs: Mapping[str, Path],
    training: TrainingSpec,
    weights: Any = None,
) -> None:
    """Leaves the whole model in `work`, or the adapter alone with what it belongs to.

    Args:
        weights: in one piece, if the model's own are spread over processes.
    """
    directory = work / CHECKPOINT
    if training.adapter == "none":
        loaded.model.save_pretrained(directory, state_dict=weights)
    else:
        from t2t_xfer.architectures.adapters import save_adapter

        base = _base(directory, stage, needs, training, loaded)
        save_adapter(loaded.model, directory, base, weights)
    loaded.tokenizer.save_pretrained(directory)
    share_as_others(directory)


def _base(
    directory: Path,
    stage: _Started,
    needs: Mapping[str, Path],
    training: TrainingSpec,
    loaded: LoadedModel,
) -> AdapterBase:
    spec: Any = stage.spec
    weights = weights_of(stage, needs)
    path = weights.path
    if "checkpoint" in needs:
        identity = model_identity(path, None)
        # The stages of a store keep their distance from each other wherever the store goes.
        path = os.path.relpath(path, directory)
    else:
        identity = {key: value for key, value in spec["model"].items() if key != "adapter"}
        if expanded(path).is_dir():
            path = str(expanded(path).absolute())
    quantised = "nf4" if training.adapter == "qlora" else None
    fresh = _head_under(weights.adapter, loaded)
    return AdapterBase(path, weights.revision, quantised, spec["dtype"], identity, fresh)


def _head_under(adapter: str | None, loaded: LoadedModel) -> str | None:
    """What an adapter says of the base's head: of one that goes on, what it said before."""
    if loaded.fresh_head is not None:
        return loaded.fresh_head.sha256
    return None if adapter is None else adapter_base(adapter).fresh_head


def save_merged(weights: Weights, directory: Path, dtype: str) -> str:
    """A plain checkpoint of base and adapter, with its tokenizer. Returns the device, in words."""
    import torch

    from t2t_xfer.architectures.loading import load_merged

    assert weights.adapter is not None
    loaded = load_merged(weights.path, weights.adapter, revision=weights.revision)
    loaded.model.to(getattr(torch, dtype)).save_pretrained(directory)
    loaded.tokenizer.save_pretrained(directory)
    share_as_others(directory)
    return str(loaded.model.device)
