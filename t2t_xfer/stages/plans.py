"""The identity of each kind of stage: everything that changes its result, and nothing else.

What is here decides what is done again after a change. Bump a kind's version when the same spec
comes to mean something else.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from t2t_xfer.answers import CLOSED
from t2t_xfer.architectures import ANSWER_READOUTS, planned_readout
from t2t_xfer.data.examples import fingerprint
from t2t_xfer.errors import UnsupportedError
from t2t_xfer.records import ArchitectureName, Json, Readout, Split
from t2t_xfer.specs.model import ModelSpec, NewModel
from t2t_xfer.specs.training import TrainingSpec
from t2t_xfer.stages.context import Context
from t2t_xfer.stages.models import check_input_length, model_architecture, model_identity
from t2t_xfer.stages.task import Task

VERSIONS = {"model": 2, "train": 1, "predict": 1, "score": 1}
BATCH_TOKENS = 8192
"""Padded tokens of one forward pass in prediction. Batches change the last bits of a score, so
the size belongs to the identity."""


class Base(NamedTuple):
    """Where a chain of stages begins: a checkpoint that exists, or one to be made."""

    architecture: ArchitectureName
    dtype: str
    identity: dict[str, Json]
    """Of an existing checkpoint; empty for a new model, whose stage id says it all."""
    how: dict[str, Json]
    new: NewModel | None


def base_of(model: ModelSpec) -> Base:
    """A model's base, without loading it.

    Raises:
        UserError: there is no such checkpoint, or it is of no known architecture.
    """
    if model.new is not None:
        return Base(model.new.architecture, model.dtype, {}, {}, model.new)
    assert model.path is not None
    how: dict[str, Json] = {"path": model.path, "revision": model.revision}
    identity = model_identity(model.path, model.revision)
    return Base(model_architecture(model.path, model.revision), model.dtype, identity, how, None)


def model_spec(context: Context, new: NewModel) -> dict[str, Json]:
    """Identity of a `model` stage."""
    return {
        "version": VERSIONS["model"],
        "new": new.canonical(),
        "text": {code: context.source.text_fingerprint(code) for code in new.languages},
    }


def train_spec(
    context: Context,
    base: Base,
    first: bool,
    task: str,
    training: TrainingSpec,
    limit: int | None,
    seed: int,
) -> dict[str, Json]:
    """Identity of a `train` stage; `first`: it starts from the base rather than another stage."""
    _check_length(base, training.max_input_tokens)
    loaded = context.task(task)
    check_trainable(base.architecture, loaded)
    language = loaded.spec.source_language
    return {
        "version": VERSIONS["train"],
        "model": base.identity if first else {},
        "dtype": base.dtype,
        "shown": loaded.shown(),
        "language": language,
        "data": fingerprint(loaded.spec, context.source, language, "train"),
        "limit": limit,
        "training": training.canonical(),
        "seed": seed,
    }


def _check_length(base: Base, max_input_tokens: int) -> None:
    if base.new is None:
        path, revision = base.how["path"], base.how["revision"]
        check_input_length(str(path), None if revision is None else str(revision), max_input_tokens)


class Test(NamedTuple):
    """What is predicted and scored."""

    task: str
    language: str
    split: Split
    limit: int | None


def check_trainable(architecture: ArchitectureName, task: Task) -> None:
    """Refuses what could only fail once training has begun.

    Raises:
        UnsupportedError: nothing can be trained on the task, or not by this architecture.
    """
    if task.answer.name == "pair":
        raise UnsupportedError(
            f"task {task.name!r}: its answers are pairs, which are found by the states of a model"
            " as it is. There is nothing to train on; use it as a target only."
        )
    _planned(architecture, task, None)


def readouts_of(architecture: ArchitectureName, task: Task) -> tuple[Readout, ...]:
    """The readouts that a study reports: one, or for pairs each that there is.

    Raises:
        UnsupportedError: the architecture cannot answer the task.
    """
    asked = task.spec.readout.get(architecture)
    planned = _planned(architecture, task, asked)
    if task.answer.name == "pair" and asked is None:
        return ANSWER_READOUTS[architecture, "pair"]
    return (planned,)


def _planned(architecture: ArchitectureName, task: Task, asked: Readout | None) -> Readout:
    try:
        return planned_readout(architecture, task.answer.name, asked)
    except UnsupportedError as e:
        raise UnsupportedError(f"task {task.name!r}: {e}") from e


def predict_spec(
    context: Context, base: Base, first: bool, test: Test, readout: Readout, max_input_tokens: int
) -> dict[str, Json]:
    """Identity of a model's `predict` stage."""
    _check_length(base, max_input_tokens)
    return {
        **_tested(context, test),
        "model": base.identity if first else {},
        "dtype": base.dtype,
        "engine": "transformers",
        "readout": readout.value,
        "max_input_tokens": max_input_tokens,
        "batch_tokens": BATCH_TOKENS,
    }


def baseline_spec(
    context: Context, engine: str, test: Test, train_limit: int | None
) -> dict[str, Json]:
    """Identity of a `predict` stage without a model: `oracle` or `majority`."""
    spec = {**_tested(context, test), "engine": engine, "readout": "slots"}
    if engine == "majority":
        answer = context.task(test.task).answer
        if answer.name not in CLOSED:
            raise UnsupportedError(
                f"task {test.task!r}: there is no majority baseline, because answers of the format"
                f" {answer.name!r} are not the same few for every example."
            )
        source = context.task(context.task(test.task).spec.train_task or test.task)
        language = source.spec.source_language
        spec["majority_of"] = source.shown()
        spec["train_limit"] = train_limit
        spec["train_data"] = fingerprint(source.spec, context.source, language, "train")
    return spec


def _tested(context: Context, test: Test) -> dict[str, Json]:
    task = context.task(test.task)
    return {
        "version": VERSIONS["predict"],
        "shown": task.shown(),
        "language": test.language,
        "split": test.split,
        "limit": test.limit,
        "data": fingerprint(task.spec, context.source, test.language, test.split),
    }


def score_spec(context: Context, test: Test) -> dict[str, Json]:
    """Identity of a `score` stage, beside the predictions it needs."""
    return {
        "version": VERSIONS["score"],
        "parsed": context.task(test.task).parsed(),
        "language": test.language,
        "split": test.split,
        "limit": test.limit,
    }


def as_model_spec(name_or_path: str, languages: tuple[str, ...] = ("en",)) -> ModelSpec:
    """The model that a command line names: a path, a hub id, or `new:encoder|seq2seq|causal`."""
    if name_or_path.startswith("new:"):
        architecture = name_or_path.removeprefix("new:")
        if architecture not in ("encoder", "seq2seq", "causal"):
            raise UnsupportedError(
                f"--model {name_or_path!r}: a new model is new:encoder, new:seq2seq or new:causal."
            )
        new = NewModel.model_validate({"architecture": architecture, "languages": languages})
        return ModelSpec(name=f"new-{architecture}", new=new)
    name = "".join(c if c.isalnum() or c in "-_." else "-" for c in Path(name_or_path).name)
    return ModelSpec(name=name.strip("-.") or "model", path=name_or_path)
