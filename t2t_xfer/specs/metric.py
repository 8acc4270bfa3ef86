"""Which metric judges which answers, and what a metric needs of the task beside it."""

from __future__ import annotations

from pydantic import ValidationInfo

from t2t_xfer.metrics import METRICS
from t2t_xfer.specs.base import mistake
from t2t_xfer.specs.mining import check_metric


def fitting_metric(metric: str, info: ValidationInfo) -> str:
    """The metric of a task, if it can judge what the keys above it say.

    Raises:
        PydanticCustomError: it is no metric, or another one belongs to these answers.
    """
    if metric not in METRICS:
        raise mistake(" or ".join(METRICS), METRICS)
    answer = info.data.get("answer", METRICS[metric].answers[0])
    if answer not in METRICS[metric].answers:
        fitting = next(name for name, each in METRICS.items() if answer in each.answers)
        raise mistake(f"{fitting}, because the answer is {answer}")
    if "mining" in info.data:
        check_metric(info.data["mining"], metric)
    if answer == "span" and "unanswerable" in info.data:
        word = info.data["unanswerable"]
        if word is not None and metric != "squad_v2":
            raise mistake("squad_v2, because there is the key `unanswerable`")
        if word is None and metric == "squad_v2":
            raise mistake("squad, or the key `unanswerable` for questions without an answer")
    return metric


def fitting_positive_label(label: str | None, info: ValidationInfo) -> str | None:
    """The label whose F1 counts, which `accuracy_f1` needs and no other metric has.

    Raises:
        PydanticCustomError: it is missing, not one of the labels, or of no use.
    """
    metric = info.data.get("metric")
    if metric is None:  # already a problem
        return label
    labels = tuple(info.data.get("labels", ()))
    if metric != "accuracy_f1" and label is not None:
        raise mistake(f"nothing here, because the metric is {metric}")
    if metric == "accuracy_f1" and label is None:
        raise mistake("the label whose F1 counts, because the metric is accuracy_f1", labels)
    if label is not None and labels and label not in labels:
        raise mistake("one of the labels", labels)
    return label
