"""Small models with LoRA adapters for tests: made, trained through the real loop, kept on disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from transformers import TrainerCallback

from t2t_xfer.answers import AnswerFormat
from t2t_xfer.architectures.adapters import add_adapter
from t2t_xfer.architectures.loading import LoadedModel, load
from t2t_xfer.records import ArchitectureName, Example
from t2t_xfer.specs.training import LoraSpec, TrainingSpec, merge
from t2t_xfer.training.loop import Trained, train
from t2t_xfer.training.mixture import Mixture

from .learning import CUES, TRAINING, learn

ARCHITECTURES: tuple[ArchitectureName, ...] = ("encoder", "seq2seq", "causal")
LORA = LoraSpec(rank=32, alpha=32)
LORA_TRAINING = merge(
    TRAINING, {"adapter": "lora", "learning_rate": 2e-3, "epochs": 20, "lora": LORA.model_dump()}
)


def turned(examples: Sequence[Example]) -> list[Example]:
    """Every label replaced by the next one: a rule as clear as the true one, and never right."""
    names = list(CUES)
    return [replace(e, gold=names[(names.index(str(e.gold)) + 1) % len(names)]) for e in examples]


def saved_base(
    architecture: ArchitectureName, answer: AnswerFormat, examples: Sequence[Example], folder: Path
) -> str:
    """A model that has learned the label task with every label turned.

    An adapter leaves embeddings and head alone, so over random ones it could learn little.
    """
    loaded = learn(architecture, answer, turned(examples), folder / "training")
    loaded.model.save_pretrained(folder / "base")
    loaded.tokenizer.save_pretrained(folder / "base")
    return str(folder / "base")


def adapted(
    path: str, lora: LoraSpec = LORA, *, quantised: bool = False, seed: int = 0
) -> LoadedModel:
    """The base with a new adapter over it."""
    loaded = load(path, max_input_tokens=128, quantised=quantised)
    model = add_adapter(loaded.model, loaded.architecture.name, lora, seed)
    return replace(loaded, model=model)


def fit(
    loaded: LoadedModel,
    answer: AnswerFormat,
    examples: Sequence[Example],
    folder: Path,
    training: TrainingSpec = LORA_TRAINING,
    callbacks: Sequence[TrainerCallback] = (),
) -> Trained:
    """Trains what can be trained of a model."""
    prompted = [answer.render(example) for example in examples]
    return train(
        loaded,
        Mixture.of_one(len(prompted), seed=0),
        lambda at: loaded.architecture.training_rows(prompted[at.example]),
        training,
        seed=0,
        directory=folder,
        callbacks=callbacks,
        progress=False,
    )
