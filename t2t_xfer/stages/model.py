"""Making a checkpoint, and the checkpoint that a stage starts from and the one that it leaves.

A `model` stage makes a new model, or adds an adapter to the weights below it. What is trained is
whole, or an adapter over a base.

    train/m-to-mnli-…/checkpoint/    adapter_config.json, adapter_model.safetensors, tokenizer
    model/m-to-mnli-merged-…/checkpoint/    config.json, model.safetensors, tokenizer
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from pydantic import Field, JsonValue

from t2t_xfer.architectures.checkpoint import AdapterBase, adapter_base
from t2t_xfer.errors import UnsupportedError
from t2t_xfer.files import share_as_others
from t2t_xfer.records import Json
from t2t_xfer.specs.model import NewModel
from t2t_xfer.specs.training import TrainingSpec
from t2t_xfer.stages.base import Attempt, How, Kind, Stage
from t2t_xfer.stages.bases import Base

if TYPE_CHECKING:
    from t2t_xfer.architectures.loading import LoadedModel
    from t2t_xfer.stages.context import Context

log = logging.getLogger(__name__)

VERSION = 3
CHECKPOINT = "checkpoint"
"""The directory of a `model` or `train` stage that holds weights (or an adapter) and tokenizer."""


class Weights(NamedTuple):
    """What a stage loads."""

    path: str
    """The whole checkpoint."""
    revision: str | None
    adapter: str | None
    """The directory of an adapter over it."""


def weights_of(how: How, needs: Mapping[str, Path]) -> Weights:
    """What other stages hold beats what the plan found at a path."""
    adapter = str(needs["adapter"] / CHECKPOINT) if "adapter" in needs else how.adapter
    if "checkpoint" in needs:
        return Weights(str(needs["checkpoint"] / CHECKPOINT), None, adapter)
    assert how.path is not None
    return Weights(how.path, how.revision, adapter)


class ModelStage(Stage):
    """A new model, or one whose adapter is added to its weights."""

    kind: ClassVar[Kind] = "model"

    new: NewModel | None = None
    """None: a base and an adapter are merged."""
    text: dict[str, str] = Field(default_factory=dict)
    """Language to the hash of the raw text that a new model's tokenizer is trained on."""
    merged: bool = False
    model: dict[str, JsonValue] = Field(default_factory=dict)
    """Content of the base to merge into; empty if a stage makes it."""
    dtype: str = ""

    def run(self, attempt: Attempt) -> dict[str, Json]:
        """See `Stage.run`."""
        directory = attempt.work / CHECKPOINT
        if self.new is None:
            weights = weights_of(self.how, attempt.needs)
            return {"device": save_merged(weights, directory, self.dtype)}
        from t2t_xfer.architectures.micro import save_new_model

        new = self.new
        save_new_model(
            directory,
            new.architecture,
            new_model_texts(attempt.context, new),
            vocabulary=new.vocabulary,
            hidden=new.hidden,
            layers=new.layers,
            heads=new.heads,
            seed=new.seed,
        )
        return {"device": "cpu"}


def plan_model(context: Context, new: NewModel) -> ModelStage:
    """The stage that makes a new model."""
    return ModelStage.model_validate(
        {
            "version": VERSION,
            "new": new.canonical(),
            "text": {code: context.source.text_fingerprint(code) for code in new.languages},
        }
    )


def plan_merge(base: Base, first: bool) -> ModelStage:
    """The stage that adds an adapter to a base; `first`: no stage makes the base."""
    model = base.identity if first else {}
    return ModelStage(version=VERSION, merged=True, model=model, dtype=base.dtype)


def new_model_texts(context: Context, new: NewModel) -> list[str]:
    """Raw text for the tokenizer of a new model, so many lines of each language."""
    return [
        line for code in new.languages for line in islice(context.source.text(code), new.text_lines)
    ]


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
    loaded: LoadedModel, directory: Path, base: AdapterBase | None, weights: Any = None
) -> None:
    """Leaves the whole model in a directory, or an adapter alone with what it belongs to.

    Args:
        base: of an adapter.
        weights: in one piece, if the model's own are spread over processes.
    """
    if base is None:
        loaded.model.save_pretrained(directory, state_dict=weights)
    else:
        from t2t_xfer.architectures.adapters import save_adapter

        save_adapter(loaded.model, directory, base, weights)
    loaded.tokenizer.save_pretrained(directory)
    share_as_others(directory)


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
