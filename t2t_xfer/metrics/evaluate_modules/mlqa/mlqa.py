"""MLQA's exact match and F1, for `evaluate.load`: a thin shim over `t2t_xfer.metrics`.

metric = evaluate.load("t2t_xfer/metrics/evaluate_modules/mlqa")
metric.compute(predictions=["Rhein"], references=[["der Rhein"]], language="de")
"""

from __future__ import annotations

from typing import Any

import datasets
import evaluate

from t2t_xfer.metrics import Mlqa
from t2t_xfer.records import Answer


class MlqaShim(evaluate.Metric):  # type: ignore[misc]
    """Values are 0 to 100."""

    def _info(self) -> Any:
        text = datasets.Value("string")
        return evaluate.MetricInfo(
            description="MLQA's exact match and F1, by the rules of the answers' language.",
            citation="",
            inputs_description="predictions: a text each; references: the accepted texts of"
            " each; language: en, es, de, ar, hi, vi or zh.",
            features=datasets.Features(
                {"predictions": text, "references": datasets.Sequence(text)}
            ),
        )

    def _compute(self, predictions: Any, references: Any, language: str) -> dict[str, float]:
        metric = Mlqa().for_language(language)
        rows = [
            metric.statistics(tuple(Answer(text, 0) for text in gold), value)
            for gold, value in zip(references, predictions, strict=True)
        ]
        return dict(metric.score(rows).details)
