"""Accuracy and F1 of the positive label, for `evaluate.load`: a thin shim over `t2t_xfer.metrics`.

metric = evaluate.load("t2t_xfer/metrics/evaluate_modules/accuracy_f1")
metric.compute(predictions=["1"], references=["0"], positive="1")
"""

from __future__ import annotations

from typing import Any

import datasets
import evaluate

from t2t_xfer.metrics import AccuracyF1


class AccuracyF1Shim(evaluate.Metric):  # type: ignore[misc]
    """Values are 0 to 100."""

    def _info(self) -> Any:
        label = datasets.Value("string")
        return evaluate.MetricInfo(
            description="Accuracy, F1 of the positive label, and their mean, as GLUE scores QQP.",
            citation="",
            inputs_description="predictions, references: labels as text; positive: the label"
            " whose F1 counts.",
            features=datasets.Features({"predictions": label, "references": label}),
        )

    def _compute(self, predictions: Any, references: Any, positive: str) -> dict[str, float]:
        metric = AccuracyF1(positive)
        rows = [
            metric.statistics(gold, value)
            for gold, value in zip(references, predictions, strict=True)
        ]
        score = metric.score(rows)
        return {"accuracy_f1": score.value, **score.details}
