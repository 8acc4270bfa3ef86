"""What a training would be, without training: its steps, its weights and its memory.

The rule: no weight is loaded and nothing is written. Rows are those of training; the model is made
from its config with shapes alone (`training/memory.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

from t2t_xfer.specs.training import TrainingSpec
from t2t_xfer.stages.bases import Base, config_of
from t2t_xfer.stages.context import Context
from t2t_xfer.stages.model import new_model_texts
from t2t_xfer.stages.train import TrainStage, check_parts, mixture_of

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

    from t2t_xfer.architectures.loading import LoadedModel
    from t2t_xfer.architectures.rows import Row
    from t2t_xfer.training.memory import MemoryEstimate
    from t2t_xfer.training.mixture import StreamPlace
    from t2t_xfer.training.steps import StepDataset

SAMPLED_STEPS = 50
"""Spread evenly over the training."""


@dataclass(frozen=True)
class DryRun:
    """What a training would be."""

    parameters: int
    trainable: int
    steps: int
    examples_per_step: int
    tokens_per_step: float
    """Mean of the sampled steps, without padding."""
    most_tokens_in_a_step: int
    padding_share: float
    micro_batches_per_step: float
    memory: MemoryEstimate
    """Of one device, which has all steps to itself."""


def dry_run(context: Context, base: Base, stage: TrainStage) -> DryRun:
    """Looks ahead at a `train` stage.

    Args:
        base: where its chain of stages begins. What an intermediate adapter is merged into has the
            same shapes.
        stage: the training.
    """
    from t2t_xfer.architectures.adapters import count_parameters
    from t2t_xfer.training.memory import estimate_memory
    from t2t_xfer.training.steps import num_steps, padded_tokens, padding_share

    training = stage.settings
    loaded = _shapes(context, base, training, stage.seed)
    dataset = _steps(context, loaded, stage)
    dataset.total_steps = num_steps(
        dataset.mixture.epoch_length, training.examples_per_step, training.epochs, training.steps
    )
    sampled = range(0, len(dataset), max(1, len(dataset) // SAMPLED_STEPS))
    steps = [dataset[i] for i in sampled][:SAMPLED_STEPS]
    cut = [step.shares()[0] for step in steps]
    tokens = [step.num_tokens for step in steps]
    parameters = count_parameters(loaded.model)
    return DryRun(
        parameters.total,
        parameters.trainable,
        len(dataset),
        training.examples_per_step,
        sum(tokens) / len(tokens),
        max(tokens),
        padding_share(sum(tokens), sum(map(padded_tokens, cut))),
        sum(map(len, cut)) / len(cut),
        estimate_memory(loaded, _hardest(cut), training),
    )


def _hardest(steps: Sequence[Sequence[list[Row]]]) -> list[list[Row]]:
    """The micro-batch of most padded tokens, and that of most places of the head: one after the
    other, since the gradients of the first are there when the second is computed."""
    from t2t_xfer.training.steps import padded_tokens

    batches = [batch for step in steps for batch in step]
    largest = max(batches, key=lambda batch: padded_tokens([batch]))
    if all(len(step) == 1 for step in steps):
        return [largest]
    heads = [batch for batch in batches if not batch[0].points] or batches
    widest = max(
        heads, key=lambda batch: sum(len(one.places) for row in batch for one in row.sequences)
    )
    return [widest, largest]


def _shapes(context: Context, base: Base, training: TrainingSpec, seed: int) -> LoadedModel:
    """The model on the device `meta`, with the adapter that is to be trained."""
    import torch

    from t2t_xfer.architectures.adapters import add_adapter
    from t2t_xfer.architectures.loading import wrap

    tokenizer = _tokenizer(context, base)
    with torch.device("meta"):
        model = _empty_model(base, len(tokenizer))
        loaded = wrap(model, tokenizer, training.max_input_tokens)
        if training.adapter == "none":
            return loaded
        adapted = add_adapter(model, base.architecture, training.lora, seed)
    return replace(loaded, model=adapted)


def _tokenizer(context: Context, base: Base) -> PreTrainedTokenizerFast:
    if base.new is None:
        from t2t_xfer.architectures.weights import tokenizer_of

        found = tokenizer_of(str(base.how.path), base.how.revision)
        return cast("PreTrainedTokenizerFast", found)
    from t2t_xfer.architectures.micro import train_tokenizer

    texts = new_model_texts(context, base.new)
    return train_tokenizer(texts, base.new.vocabulary, base.architecture)


def _empty_model(base: Base, vocabulary: int) -> Any:
    import torch

    from t2t_xfer.architectures.loading import empty_model
    from t2t_xfer.architectures.micro import new_model

    if base.new is not None:
        new = base.new
        return new_model(
            base.architecture, vocabulary, hidden=new.hidden, layers=new.layers, heads=new.heads
        )
    path, revision = str(base.how.path), base.how.revision
    model = empty_model(path, revision, dtype=getattr(torch, base.dtype))
    # transformers ties every new mT5, whatever its config says; the published ones are not tied.
    if config_of(path, revision).get("tie_word_embeddings") is False:
        head, embeddings = model.get_output_embeddings(), model.get_input_embeddings()
        if head.weight is embeddings.weight:
            head.weight = torch.nn.Parameter(torch.empty_like(head.weight))
    return model


def _steps(context: Context, loaded: LoadedModel, stage: TrainStage) -> StepDataset:
    import torch

    from t2t_xfer.training.steps import StepDataset

    parts, training = stage.parts(context), stage.settings
    check_parts(loaded.architecture, parts)

    def rows_of(place: StreamPlace) -> list[Row]:
        return parts[place.task].rows(loaded.architecture, place)

    return StepDataset(
        mixture_of(parts, training, stage.seed),
        rows_of,
        per_step=training.examples_per_step,
        total_steps=1,
        micro_batch_tokens=training.micro_batch_tokens,
        device="cuda" if torch.cuda.is_available() else "cpu",
    )
