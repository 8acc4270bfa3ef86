"""Dev scores while a model trains: which rows, how they are read and scored.

The rule: exactly as a `predict` and a `score` stage would do it, on the validation rows of the
language that trains. Both identities stand in that of the training, since they decide its weights.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from t2t_xfer.data.examples import missing_languages
from t2t_xfer.errors import AbsentError
from t2t_xfer.records import Decoding, Json, Readout
from t2t_xfer.specs.training import TrainingSpec
from t2t_xfer.stages.bases import Base
from t2t_xfer.stages.context import Context
from t2t_xfer.stages.plans import predict_spec, readouts_of, score_spec
from t2t_xfer.stages.ranks import check_chosen_on_rows_alone
from t2t_xfer.stages.score import score_examples
from t2t_xfer.stages.task import Task, check_unchanged
from t2t_xfer.stages.tested import Test

if TYPE_CHECKING:
    from t2t_xfer.architectures.loading import LoadedModel


def dev_spec(
    context: Context, base: Base, tasks: Sequence[str], training: TrainingSpec
) -> dict[str, list[Json]]:
    """What the identity of a `train` stage says of dev scores; nothing where none are asked for.

    Tasks of a mixture that have no validation rows do not count, as text does not.

    Raises:
        AbsentError: no task has validation rows.
        UnsupportedError: the architecture cannot answer a task.
    """
    if training.select is None:
        return {}
    chosen_on = [name for name in tasks if _has_validation(context, name)]
    if not chosen_on:
        raise AbsentError(
            f"task {', '.join(tasks)} has no validation rows in its source language here, so no"
            " weights can be chosen on them. Set `select: null` for it, which keeps the last ones."
        )
    found: list[Json] = []
    for name in chosen_on:
        task, language = context.task(name), context.task(name).spec.source_language
        test = Test(name, language, "validation", training.select.limit, scored_only=False)
        check_chosen_on_rows_alone(task)
        readout = readouts_of(base.architecture, task)[0]
        length = training.max_input_tokens
        read = predict_spec(context, base, False, test, readout, length)
        found.append({"predict": read, "score": score_spec(context, test)})
    return {"dev": found}


def _has_validation(context: Context, name: str) -> bool:
    spec = context.task(name).spec
    return not missing_languages(spec, context.source, [spec.source_language], "validation")


@dataclass
class DevScorer:
    """The dev score of every task, of a model as it is now."""

    context: Context
    loaded: LoadedModel
    planned: Sequence[Mapping[str, Any]]
    """`dev` of the stage's spec."""
    task_of: Callable[[Mapping[str, Any]], Task]
    """The task of a part of the spec, refused if it has changed since planning."""

    def __call__(self) -> dict[str, float]:
        """By task."""
        scores: dict[str, float] = {}
        for each in self.planned:
            task = self.task_of(each["predict"])
            check_unchanged(task, each["score"]["parsed"], task.parsed())
            scores[task.name] = self._score(task, each["predict"])
        return scores

    def _score(self, task: Task, spec: Mapping[str, Any]) -> float:
        from t2t_xfer.engines.transformers import TransformersEngine

        examples, prompted = self.context.prompted(
            task.name, spec["language"], spec["split"], spec["limit"]
        )
        engine = TransformersEngine(self.loaded, spec["batch_tokens"])
        decoding = Decoding(**spec.get("decoding", {}))
        read = engine.read(prompted, task.answer.options, Readout(spec["readout"]), decoding)
        scored = score_examples(task, examples, prompted, {each.id: each for each in read})
        return cast("float", scored.results["score"])
