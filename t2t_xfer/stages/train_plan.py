"""A `train` stage before it is done: its settings resolved, and all that its identity holds.

Settings that nobody has stated become the published ones of the task and the architecture. The
resolved numbers stand in the stage's identity, and where they are from beside it, so the record
has both.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from t2t_xfer.architectures.checkpoint import ANSWER_ROOM
from t2t_xfer.errors import UnsupportedError
from t2t_xfer.records import Json
from t2t_xfer.specs.data import TextSpec
from t2t_xfer.specs.training import DEFAULTS, TrainingSpec, published
from t2t_xfer.stages.bases import Base
from t2t_xfer.stages.context import Context
from t2t_xfer.stages.cotraining import text_how, text_spec
from t2t_xfer.stages.plans import check_length, train_spec
from t2t_xfer.stages.selecting import dev_spec

LONGEST_ANSWER = 4 * ANSWER_ROOM
"""Tokens that a model must have behind a published length of inputs."""


class Resolved(NamedTuple):
    """Settings with every number in its place."""

    training: TrainingSpec
    sources: dict[str, Json]
    """Of each setting: `stated`, or who published it."""


class TrainPlan(NamedTuple):
    """What a `train` stage is, and how it is done."""

    spec: dict[str, Json]
    how: dict[str, Json]


def plan_training(
    context: Context,
    base: Base,
    first: bool,
    tasks: Sequence[str],
    stated: TrainingSpec,
    limit: int | None,
    seed: int,
    text: TextSpec | None = None,
) -> TrainPlan:
    """The training of a base on one or more tasks, with raw text if there is any.

    Args:
        first: it starts from the base rather than from another stage.
        limit: training rows of each task.

    Raises:
        UserError: whatever cannot work.
    """
    training, sources = resolve(base, tasks, stated)
    spec = train_spec(context, base, first, tasks, training, limit, seed)
    spec |= text_spec(context, text, training)
    spec |= dev_spec(context, base, tasks, training)
    how: dict[str, Json] = {
        "checkpoint_steps": training.checkpoint_steps,
        "settings_from": sources,
        **text_how(text),
    }
    return TrainPlan(spec, how)


def resolve(base: Base, tasks: Sequence[str], stated: TrainingSpec) -> Resolved:
    """The settings of a training: those that are stated, and published ones for the rest."""
    found = published(base.architecture, stated.adapter, tasks, stated.optimizer)
    said = stated.model_fields_set
    if stated.steps is not None:
        found.pop("epochs", None)
    length = found.get("max_input_tokens")
    if length is not None and not _fits(base, int(length.value)):
        del found["max_input_tokens"]
    taken = {key: setting for key, setting in found.items() if key not in said}
    values = {key: each.value for key, each in taken.items()}
    training = TrainingSpec.model_validate({**stated.model_dump(exclude_unset=True), **values})
    sources: dict[str, Json] = {key: each.source for key, each in taken.items()}
    keys = DEFAULTS.keys() | found.keys() | {"steps"}
    if training.steps is not None:
        keys -= {"epochs"}
    for key in sorted(keys - taken.keys()):
        if key in said and getattr(training, key) is not None:
            sources[key] = "stated"
        elif key in DEFAULTS:
            sources[key] = DEFAULTS[key]
    return Resolved(training, dict(sorted(sources.items())))


def _fits(base: Base, max_input_tokens: int) -> bool:
    try:
        check_length(base, max_input_tokens, LONGEST_ANSWER)
    except UnsupportedError:
        return False
    return True
