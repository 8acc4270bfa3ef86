"""From logged answers to a score: parse, compare, add up. No model is needed."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from t2t_xfer.errors import UserError
from t2t_xfer.metrics import Tuned, statistics_by_id
from t2t_xfer.records import Example, Generation, Gold, Json, Prediction, Prompted, Status
from t2t_xfer.stages.few_shot import shots_scored
from t2t_xfer.stages.logs import plain
from t2t_xfer.stages.task import Task


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


def check_numbers(generations: Iterable[Generation]) -> None:
    """Refuses answers whose scores are no numbers: any of them would be as good as another.

    Raises:
        UserError: names the first example.
    """
    for each in generations:
        if any(math.isnan(score) for score in each.scores):
            raise UserError(
                f"the scores of example {each.id!r} are not numbers (NaN), though all weights are:"
                " the model's states leave the range of its dtype. Use `dtype: float32`."
            )


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
