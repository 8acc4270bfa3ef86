"""From logged answers to a score: parse, compare, add up. No model is needed."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import ClassVar, NamedTuple

from pydantic import JsonValue

from t2t_xfer.metrics import Tuned, statistics_by_id
from t2t_xfer.records import Example, Generation, Gold, Json, Prediction, Prompted, Split, Status
from t2t_xfer.stages.base import Attempt, Fields, Kind, Stage
from t2t_xfer.stages.context import Context
from t2t_xfer.stages.few_shot import shots_scored
from t2t_xfer.stages.logs import PREDICTIONS, STATISTICS, plain, read_predictions, write_jsonl
from t2t_xfer.stages.predict import Evaluated
from t2t_xfer.stages.task import Task, check_unchanged

VERSION = 2


class Tuning(NamedTuple):
    """What a threshold is chosen on: the validation split of the same language."""

    examples: Sequence[Example]
    prompted: Sequence[Prompted]
    generations: Mapping[str, Generation]


class Scored(NamedTuple):
    """A score with what stands behind it."""

    results: dict[str, Json]
    rows: list[dict[str, Json]]
    """One for each example: id, gold, value, status, additive statistics."""


class ParsedAs(Fields, extra="allow"):
    """How answers are read from text and scored (`Task.parsed`)."""

    task: str
    labels: tuple[dict[str, JsonValue], ...] = ()


class ScoreStage(Stage):
    """The value of the metric, with the statistics of each example."""

    kind: ClassVar[Kind] = "score"

    parsed: ParsedAs
    language: str
    split: Split
    limit: int | None
    tuning_limit: int | None = None
    """Of the validation rows that a threshold is chosen on, if it needs their predictions."""

    def run(self, attempt: Attempt) -> dict[str, Json]:
        """See `Stage.run`."""
        context, needs = attempt.context, attempt.needs
        task = context.task(self.parsed.task)
        check_unchanged(task, self.parsed.plain(), task.parsed())
        rows = context.prompted(task.name, self.language, self.split, self.limit, tested=True)
        generations = read_predictions(needs["predictions"] / PREDICTIONS)
        if "null" in needs:
            null = read_predictions(needs["null"] / PREDICTIONS)
            generations = with_null(task, generations, null)
        tuning = None
        if "tuning" in needs:
            shown = context.prompted(task.name, self.language, "validation", self.tuning_limit)
            tuning = Tuning(*shown, read_predictions(needs["tuning"] / PREDICTIONS))
        scored = score_examples(task, *rows, generations, tuning)
        write_jsonl(attempt.work / STATISTICS, scored.rows)
        return scored.results


def plan_score(context: Context, test: Evaluated) -> ScoreStage:
    """The stage that scores predictions of a test, beside the predictions it needs.

    Raises:
        UnsupportedError: the task's metric has no rules for the language.
    """
    task = context.task(test.task)
    task.metric.for_language(test.language)
    return ScoreStage.model_validate(
        {
            "version": VERSION,
            "parsed": task.parsed(),
            "language": test.language,
            "split": test.split,
            "limit": test.limit,
            **({} if test.tuning(context) is None else {"tuning_limit": test.tuning_limit}),
        }
    )


def with_null(
    task: Task, generations: Mapping[str, Generation], null: Mapping[str, Generation]
) -> dict[str, Generation]:
    """The generations with the scores of the same options without their example.

    Args:
        null: by example id with `cloze`, else one for each text that says nothing, in their order.
    """

    def alone(id: str) -> Iterable[Generation]:
        return (null[id],) if task.spec.cloze else null.values()

    return {
        id: replace(each, without_context=tuple(other.scores for other in alone(id)))
        for id, each in generations.items()
    }


def score_examples(
    task: Task,
    examples: Sequence[Example],
    prompted: Sequence[Prompted],
    generations: Mapping[str, Generation],
    tuning: Tuning | None = None,
) -> Scored:
    """Parses and scores what an engine read.

    Raises:
        UserError: a generation is missing or does not fit its example.
    """
    golds = _golds(examples)
    predictions = _predictions(task, prompted, generations)
    metric = task.metric.for_language(examples[0].language)
    how: list[str] = []
    untuned = metric
    if isinstance(metric, Tuned):
        # Without a split to tune on, the best threshold of these predictions themselves.
        tuned_on = tuning or Tuning(examples, prompted, generations)
        found = _predictions(task, tuned_on.prompted, tuned_on.generations)
        metric = metric.tuned(_golds(tuned_on.examples), found)
        if metric != untuned:  # it stays as it is where predictions have no evidence
            how = ["threshold-chosen-on:" + ("validation" if tuning else "the-scored-set")]
    statistics = statistics_by_id(metric, golds, predictions)
    rows: list[dict[str, Json]] = [
        {
            "id": prediction.id,
            "gold": plain(golds[prediction.id]),
            "value": plain(prediction.value),
            "status": prediction.status.value,
            "statistics": list(statistics[prediction.id]),
            **({} if prediction.evidence is None else {"evidence": prediction.evidence}),
        }
        for prediction in predictions
    ]
    invalid = sum(prediction.status is Status.invalid for prediction in predictions)
    score = metric.scored(list(statistics.values()))
    readouts = dict.fromkeys(generations[text.id].readout for text in prompted)
    if examples[0].split != "test":
        how.append(f"split:{examples[0].split}")
    how += [reading for readout in readouts if (reading := task.answer.reading(readout))]
    read = [generations[text.id] for text in prompted]
    told, shots = shots_scored(task, examples[0].language, read)
    return Scored(
        {
            "metric": score.metric,
            "score": score.value,
            "n": score.n,
            "invalid_rate": invalid / len(rows),
            **_answers(predictions),
            "details": dict(score.details),
            "signature": "|".join([score.signature, *how, *told]),
            **shots,
            **_chance(task, golds),
        },
        rows,
    )


def _answers(predictions: Sequence[Prediction]) -> dict[str, Json]:
    """How many different answers there are, and the share of the commonest, 0 to 1.

    One alone says that the model has collapsed, which a score does not. Tags count by word: a
    tagger collapses to one tag, not to one sentence. What could not be read is an answer as well.
    """
    counts: Counter[str] = Counter()
    for prediction in predictions:
        value = prediction.value
        tags = isinstance(value, tuple) and all(isinstance(each, str) for each in value)
        for answer in value if tags and value else (value,):
            counts[json.dumps(plain(answer), ensure_ascii=False)] += 1
    commonest = max(counts.values()) / counts.total()
    return {"different_answers": len(counts), "commonest_share": commonest}


def _chance(task: Task, golds: Mapping[str, Gold]) -> dict[str, Json]:
    """What answers without regard to the input score at least, where that is known."""
    level = task.metric.chance(list(golds.values()), task.options)
    return {} if level is None else {"chance": level}


def _golds(examples: Sequence[Example]) -> dict[str, Gold]:
    return {example.id: example.gold for example in examples if example.gold is not None}


def _predictions(
    task: Task, prompted: Sequence[Prompted], generations: Mapping[str, Generation]
) -> list[Prediction]:
    return [
        task.answer.parse(generations[text.id], text) for text in prompted if text.id in generations
    ]
