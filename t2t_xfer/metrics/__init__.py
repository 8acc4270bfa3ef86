"""Metrics: per-example statistics that add up, a score made of their sums, and its signature.

>>> metric = METRICS["accuracy"]()
>>> metric.scored([metric.statistics("entailment", "neutral")]).value
0.0
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from t2t_xfer.metrics.accuracy import Accuracy, AccuracyF1
from t2t_xfer.metrics.base import Metric, Tuned, statistics_by_id
from t2t_xfer.metrics.qa import Mlqa, Squad, SquadV2
from t2t_xfer.metrics.retrieval import BuccF1, RetrievalAccuracy
from t2t_xfer.metrics.tagging import SpanF1, TokenAccuracy

__all__ = [
    "METRICS",
    "Accuracy",
    "AccuracyF1",
    "BuccF1",
    "Metric",
    "Mlqa",
    "RetrievalAccuracy",
    "SpanF1",
    "Squad",
    "SquadV2",
    "TokenAccuracy",
    "Tuned",
    "metric_of",
    "statistics_by_id",
]

METRICS: Mapping[str, type[Metric]] = {
    "accuracy": Accuracy,
    "accuracy_f1": AccuracyF1,
    "span_f1": SpanF1,
    "token_accuracy": TokenAccuracy,
    "squad": Squad,
    "mlqa": Mlqa,
    "squad_v2": SquadV2,
    "retrieval_accuracy": RetrievalAccuracy,
    "bucc_f1": BuccF1,
}
"""By the names that a task may use. The first one that fits an answer is proposed for it."""


class MetricChoice(Protocol):
    """What a task says of its metric."""

    @property
    def metric(self) -> str:
        """Its name."""
        ...

    @property
    def positive_label(self) -> str | None:
        """The label whose F1 counts, where the metric has one."""
        ...


def metric_of(task: MetricChoice) -> Metric:
    """The metric that a task asks for, with the settings that the task gives it."""
    settings = {} if task.positive_label is None else {"positive": task.positive_label}
    return METRICS[task.metric](**settings)
