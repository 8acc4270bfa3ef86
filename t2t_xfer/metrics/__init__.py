"""Metrics: per-example statistics that add up, a score made of their sums, and its signature.

A metric never sees text: gold answers and predictions are labels' names or tuples of tags, made
by the same answer format.

>>> metric = METRICS["accuracy"]()
>>> metric.score([metric.statistics("entailment", "neutral")]).value
0.0
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from t2t_xfer.metrics.accuracy import Accuracy
from t2t_xfer.metrics.baseline import half_width
from t2t_xfer.metrics.metric import Metric, Tuned, statistics_by_id
from t2t_xfer.metrics.retrieval import RetrievalAccuracy
from t2t_xfer.metrics.span_f1 import SpanF1
from t2t_xfer.metrics.squad import Squad
from t2t_xfer.metrics.squad_v2 import SquadV2

__all__ = [
    "METRICS",
    "Accuracy",
    "Metric",
    "RetrievalAccuracy",
    "SpanF1",
    "Squad",
    "SquadV2",
    "Tuned",
    "half_width",
    "statistics_by_id",
]

METRICS: Mapping[str, Callable[[], Metric]] = {
    "accuracy": Accuracy,
    "retrieval_accuracy": RetrievalAccuracy,
    "span_f1": SpanF1,
    "squad": Squad,
    "squad_v2": SquadV2,
}
"""By the names that a task may use; `specs/task.py` says which answers each one judges."""
