"""The identity of each kind of stage: everything that changes its result, and nothing else.

What is here decides what is done again after a change. Bump a kind's version when the same spec
comes to mean something else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias

from t2t_xfer.architectures import planned_readout, way_of
from t2t_xfer.architectures.checkpoint import ANSWER_ROOM
from t2t_xfer.engines.vllm_limits import check_vllm
from t2t_xfer.errors import UnsupportedError, UserError
from t2t_xfer.records import ArchitectureName, Json, Pair, Readout
from t2t_xfer.specs.model import NewModel
from t2t_xfer.specs.training import TrainingSpec
from t2t_xfer.stages.bases import (
    Base,
    check_autocast,
    check_input_length,
    check_new_input_length,
)
from t2t_xfer.stages.context import Context
from t2t_xfer.stages.few_shot import check_shots, check_untrained, shots_spec
from t2t_xfer.stages.predict import Evaluated, check_ranked, null_spec
from t2t_xfer.stages.tagging import read_form, trained_form
from t2t_xfer.stages.task import Task, rows_of, training_data

ModelEngine: TypeAlias = Literal["transformers", "vllm"]
VERSIONS = {"model": 3, "train": 3, "predict": 4, "score": 2}
VLLM_VERSION = 2
"""Of what vLLM is asked. 2: texts are held by the transformers engine's own constraints."""
BATCH_TOKENS = 8192
"""Padded tokens of one forward pass in prediction. Batches change the last bits of a score, so
the size belongs to the identity."""


def model_spec(context: Context, new: NewModel) -> dict[str, Json]:
    """Identity of a `model` stage."""
    return {
        "version": VERSIONS["model"],
        "new": new.canonical(),
        "text": {code: context.source.text_fingerprint(code) for code in new.languages},
    }


def merged_spec(base: Base, first: bool) -> dict[str, Json]:
    """Identity of a `model` stage that adds an adapter to the weights below it."""
    return {
        "version": VERSIONS["model"],
        "merged": True,
        "model": base.identity if first else {},
        "dtype": base.dtype,
    }


def train_spec(
    context: Context,
    base: Base,
    first: bool,
    tasks: Sequence[str],
    training: TrainingSpec,
    limit: int | None,
    seed: int,
) -> dict[str, Json]:
    """Identity of a `train` stage; `first`: it starts from the base rather than another stage.

    `limit` is that of each task. How tasks are mixed does not count where there is only one.
    """
    check_length(base, training.max_input_tokens)
    check_autocast(base, training.autocast)
    parts = [_trained(context, base, task) for task in tasks]
    settings = training.canonical()
    if len(parts) == 1:
        del settings["mixture"]
    return {
        "version": VERSIONS["train"],
        "model": base.identity if first else {},
        "dtype": base.dtype,
        **(parts[0] if len(parts) == 1 else {"mixture": [*parts]}),
        "limit": limit,
        "training": settings,
        "seed": seed,
    }


def trained_parts(spec: Mapping[str, Any]) -> list[Any]:
    """The tasks of a `train` stage's spec, each with `shown`, `language` and its rows."""
    return list(spec["mixture"]) if "mixture" in spec else [spec]


def _trained(context: Context, base: Base, name: str) -> dict[str, Json]:
    task = context.task(name)
    check_trainable(base.architecture, task)
    return {
        "shown": task.shown(),
        **trained_form(base, task),
        **training_data(context, task),
    }


def check_length(base: Base, max_input_tokens: int, answer_room: int = ANSWER_ROOM) -> None:
    """Refuses inputs that do not fit the model, with an answer of `answer_room` tokens behind.

    Raises:
        UnsupportedError: they do not.
    """
    if base.new is not None:
        check_new_input_length(base.architecture, max_input_tokens, answer_room)
        return
    path, revision = base.how["path"], base.how["revision"]
    named = None if revision is None else str(revision)
    check_input_length(str(path), named, max_input_tokens, answer_room)


def check_trainable(architecture: ArchitectureName, task: Task) -> None:
    """Refuses what could only fail once training has begun.

    Raises:
        UnsupportedError: nothing can be trained on the task, or not by this architecture.
    """
    if task.answer.asks is Pair:
        raise UnsupportedError(
            f"task {task.name!r}: its answers are pairs, which are found by the states of a model"
            " as it is. There is nothing to train on; use it as a target only."
        )
    check_untrained(task)
    _planned(architecture, task, None)


def readouts_of(architecture: ArchitectureName, task: Task) -> tuple[Readout, ...]:
    """The readouts that a study reports: one, or for pairs that are not mined each there is.

    Raises:
        UnsupportedError: the architecture cannot answer the task.
    """
    asked = task.spec.readout.get(architecture)
    planned = _planned(architecture, task, asked)
    check_ranked(architecture, task, planned)
    check_shots(architecture, task)
    if task.answer.asks is Pair and architecture == "causal":
        _check_first(task)
    if task.spec.mining is not None:
        # Yes/no questions about some of hundred thousands of sentences cost too much.
        if asked not in (None, Readout.embed):
            raise UnsupportedError(
                f"task {task.name!r}: pairs are mined by embeddings only; leave out"
                f" `readout: {{{architecture}: {asked}}}`."
            )
        return (Readout.embed,)
    if task.answer.asks is Pair and asked is None:
        return way_of(architecture, Pair).readouts
    return (planned,)


def _check_first(task: Task) -> None:
    if task.spec.embedding.pooling == "first":
        raise UnsupportedError(
            f"task {task.name!r}: `pooling: first` gives every sentence the same vector in a"
            " decoder, whose first token has seen nothing of the sentence. Use `mean` or `last`."
        )


def _planned(architecture: ArchitectureName, task: Task, asked: Readout | None) -> Readout:
    try:
        return planned_readout(architecture, task.answer, asked)
    except UnsupportedError as e:
        raise UnsupportedError(f"task {task.name!r}: {e}") from e


def predict_spec(
    context: Context,
    base: Base,
    first: bool,
    test: Evaluated,
    readout: Readout,
    max_input_tokens: int,
    engine: ModelEngine = "transformers",
) -> dict[str, Json]:
    """Identity of a model's `predict` stage.

    Raises:
        UnsupportedError: the engine cannot read this.
    """
    task = context.task(test.task)
    if engine == "vllm":
        check_vllm(base.architecture, task.answer.asks, readout)
    decoding = task.spec.decoding
    room = decoding.max_new_tokens if readout is Readout.generate else ANSWER_ROOM
    check_length(base, max_input_tokens, max(ANSWER_ROOM, room))
    return {
        **_tested(context, test),
        "model": base.identity if first else {},
        "dtype": base.dtype,
        "engine": engine,
        **({"engine_version": VLLM_VERSION} if engine == "vllm" else {}),
        "readout": readout.value,
        **read_form(base, task, readout),
        **({"decoding": decoding.canonical()} if readout is Readout.generate else {}),
        "max_input_tokens": max_input_tokens,
        # vLLM makes its own batches, so its scores are the same to some digits only.
        **({"batch_tokens": BATCH_TOKENS} if engine == "transformers" else {}),
    }


def baseline_spec(
    context: Context, engine: str, test: Evaluated, train_limit: int | None
) -> dict[str, Json]:
    """Identity of a `predict` stage without a model: `oracle` or `majority`.

    Raises:
        UnsupportedError: the majority of open answers.
        UserError: the training task answers otherwise.
    """
    spec = {**_tested(context, test), "engine": engine, "readout": "slots"}
    if engine == "majority":
        task = context.task(test.task)
        source = context.task(trained_on(context, test.task))
        if not task.answer.closed:
            raise UnsupportedError(
                f"task {test.task!r}: there is no majority baseline, because answers of the format"
                f" {task.answer.name!r} are not the same few for every example. Use the engine"
                " `oracle`, or a model."
            )
        if set(task.options) != set(source.options):
            raise UserError(
                f"the task {task.name!r} answers with {', '.join(task.options)}, but its training"
                f" task {source.name!r} with {', '.join(source.options)}. Give the labels of both"
                " the same names."
            )
        spec["majority_of"] = source.shown()
        spec["train_limit"] = train_limit
        rows = training_data(context, source)
        rows.pop("language", None)  # `majority_of` says it
        spec |= {f"train_{key}": value for key, value in rows.items()}
    return spec


def trained_on(context: Context, task: str) -> str:
    """The task whose rows train this one: XNLI is trained on MNLI."""
    return context.task(task).spec.train_task or task


def _tested(context: Context, test: Evaluated) -> dict[str, Json]:
    task = context.task(test.task)
    asked = {
        "version": VERSIONS["predict"],
        "shown": task.shown(),
        **shots_spec(context, task, test.language),
        **(null_spec(task, test.language) if test.null else {}),
    }
    if test.null and not task.spec.cloze:
        return asked
    return {
        **asked,
        "language": test.language,
        "split": test.split,
        "limit": test.limit,
        **rows_of(context, task, test.language, test.split, test.scored_only),
    }


def score_spec(context: Context, test: Evaluated) -> dict[str, Json]:
    """Identity of a `score` stage, beside the predictions it needs.

    Raises:
        UnsupportedError: the task's metric has no rules for the language.
    """
    context.task(test.task).metric.for_language(test.language)
    return {
        "version": VERSIONS["score"],
        "parsed": context.task(test.task).parsed(),
        "language": test.language,
        "split": test.split,
        "limit": test.limit,
        **({} if test.tuning(context) is None else {"tuning_limit": test.tuning_limit}),
    }
