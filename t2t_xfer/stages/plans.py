"""The identity of each kind of stage: everything that changes its result, and nothing else.

What is here decides what is done again after a change. Bump a kind's version when the same spec
comes to mean something else.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias

from t2t_xfer.architectures import planned_readout
from t2t_xfer.data.examples import fingerprint, split_ref
from t2t_xfer.engines.vllm_limits import check_vllm
from t2t_xfer.errors import UnsupportedError, UserError
from t2t_xfer.languages import fill
from t2t_xfer.records import ArchitectureName, Json, Split
from t2t_xfer.specs.model import ModelSpec, NewModel
from t2t_xfer.specs.training import TrainingSpec
from t2t_xfer.stages.context import Context
from t2t_xfer.stages.models import (
    check_input_length,
    check_new_input_length,
    check_new_model,
    model_architecture,
    model_identity,
)
from t2t_xfer.stages.task import Task

ModelEngine: TypeAlias = Literal["transformers", "vllm"]
VERSIONS = {"model": 1, "train": 1, "predict": 1, "score": 1}
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
        check_new_model(model.new)
        return Base(model.new.architecture, model.dtype, {}, {}, model.new)
    assert model.path is not None
    path = str(Path(model.path).expanduser()) if model.is_local else model.path
    how: dict[str, Json] = {"path": path, "revision": model.revision}
    architecture = model_architecture(path, model.revision)
    identity = model_identity(path, model.revision)
    return Base(architecture, model.dtype, identity, how, None)


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
    language = loaded.spec.source_language
    return {
        "version": VERSIONS["train"],
        "model": base.identity if first else {},
        "dtype": base.dtype,
        "shown": loaded.shown(),
        "language": language,
        **_rows(context, loaded, language, "train"),
        "limit": limit,
        "training": training.canonical(),
        "seed": seed,
    }


def _check_length(base: Base, max_input_tokens: int) -> None:
    if base.new is not None:
        check_new_input_length(base.architecture, max_input_tokens)
        return
    path, revision = base.how["path"], base.how["revision"]
    check_input_length(str(path), None if revision is None else str(revision), max_input_tokens)


def _rows(context: Context, task: Task, language: str, split: Split) -> dict[str, Json]:
    """Which rows: their place on the hub (paths of files do not count), filter and content."""
    place = split_ref(task.spec, language, split)
    return {
        "place": None if isinstance(place, Path) else str(place),
        "where": {name: fill(text, language) for name, text in task.spec.data.where.items()},
        "data": fingerprint(task.spec, context.source, language, split),
    }


class Test(NamedTuple):
    """What is predicted and scored."""

    task: str
    language: str
    split: Split
    limit: int | None


def predict_spec(
    context: Context,
    base: Base,
    first: bool,
    test: Test,
    max_input_tokens: int,
    engine: ModelEngine = "transformers",
) -> dict[str, Json]:
    """Identity of a model's `predict` stage.

    Raises:
        UnsupportedError: the architecture cannot answer the task, or the engine not read it.
    """
    _check_length(base, max_input_tokens)
    task = context.task(test.task)
    asked = task.spec.readout.get(base.architecture)
    try:
        readout = planned_readout(base.architecture, task.answer.name, asked)
        if engine == "vllm":
            check_vllm(base.architecture, task.answer.name, readout)
    except UnsupportedError as e:
        raise UnsupportedError(f"task {test.task!r}: {e}") from e
    return {
        **_tested(context, test),
        "model": base.identity if first else {},
        "dtype": base.dtype,
        "engine": engine,
        "readout": readout.value,
        "max_input_tokens": max_input_tokens,
        # vLLM makes its own batches, so its scores are the same to some digits only.
        **({"batch_tokens": BATCH_TOKENS} if engine == "transformers" else {}),
    }


def baseline_spec(
    context: Context, engine: str, test: Test, train_limit: int | None
) -> dict[str, Json]:
    """Identity of a `predict` stage without a model: `oracle` or `majority`."""
    spec = {**_tested(context, test), "engine": engine, "readout": "slots"}
    if engine == "majority":
        task = context.task(test.task)
        source = context.task(trained_on(context, test.task))
        if set(task.options) != set(source.options):
            raise UserError(
                f"the task {task.name!r} answers with {', '.join(task.options)}, but its training"
                f" task {source.name!r} with {', '.join(source.options)}. Give the labels of both"
                " the same names."
            )
        spec["majority_of"] = source.shown()
        spec["train_limit"] = train_limit
        rows = _rows(context, source, source.spec.source_language, "train")
        spec |= {f"train_{key}": value for key, value in rows.items()}
    return spec


def trained_on(context: Context, task: str) -> str:
    """The task whose rows train this one: XNLI is trained on MNLI."""
    return context.task(task).spec.train_task or task


def _tested(context: Context, test: Test) -> dict[str, Json]:
    task = context.task(test.task)
    return {
        "version": VERSIONS["predict"],
        "shown": task.shown(),
        "language": test.language,
        "split": test.split,
        "limit": test.limit,
        **_rows(context, task, test.language, test.split),
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
    if not name_or_path.strip():
        raise UnsupportedError(
            "--model is empty. Give a directory, a hub id, or new:encoder, new:seq2seq, new:causal."
        )
    name = re.sub(r"[^A-Za-z0-9_.-]+", "-", Path(name_or_path).name).strip("-._")[:80]
    return ModelSpec(name=name or "model", path=name_or_path)
