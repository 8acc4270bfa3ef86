"""Metrics: per-example statistics that add up, a score made of their sums, and its signature.

A metric never sees text: gold answers and predictions are labels' names or tuples of tags, made
by the same answer format.

>>> metric = METRICS["accuracy"]()
>>> metric.score([metric.statistics("entailment", "neutral")]).value
0.0
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from t2t_xfer.metrics.accuracy import Accuracy, AccuracyF1
from t2t_xfer.metrics.base import Localized, Metric, Tuned, in_language, statistics_by_id
from t2t_xfer.metrics.baseline import half_width
from t2t_xfer.metrics.qa import Mlqa, Squad, SquadV2
from t2t_xfer.metrics.retrieval import BuccF1, RetrievalAccuracy
from t2t_xfer.metrics.tagging import SpanF1, TokenAccuracy
from t2t_xfer.specs.task import TaskSpec

__all__ = [
    "METRICS",
    "Accuracy",
    "AccuracyF1",
    "BuccF1",
    "Localized",
    "Metric",
    "Mlqa",
    "RetrievalAccuracy",
    "SpanF1",
    "Squad",
    "SquadV2",
    "TokenAccuracy",
    "Tuned",
    "half_width",
    "in_language",
    "metric_of",
    "statistics_by_id",
]

METRICS: Mapping[str, Callable[..., Metric]] = {
    "accuracy": Accuracy,
    "accuracy_f1": AccuracyF1,
    "bucc_f1": BuccF1,
    "mlqa": Mlqa,
    "retrieval_accuracy": RetrievalAccuracy,
    "span_f1": SpanF1,
    "squad": Squad,
    "squad_v2": SquadV2,
    "token_accuracy": TokenAccuracy,
}
"""By the names that a task may use; `specs/task.py` says which answers each one judges."""


def metric_of(task: TaskSpec) -> Metric:
    """The metric that a task asks for, with the settings that the task gives it."""
    settings = {} if task.positive_label is None else {"positive": task.positive_label}
    return METRICS[task.metric](**settings)
