"""SQuAD 1.1's exact match and F1, for `evaluate.load`: a thin shim over `t2t_xfer.metrics`.

metric = evaluate.load("t2t_xfer/metrics/evaluate_modules/squad_xtreme")
metric.compute(predictions=["Rhine"], references=[["the Rhine"]])
"""

from __future__ import annotations

from typing import Any

import datasets
import evaluate

from t2t_xfer.metrics import Squad
from t2t_xfer.records import Answer


class SquadXtreme(evaluate.Metric):  # type: ignore[misc]
    """Values are 0 to 100."""

    def _info(self) -> Any:
        text = datasets.Value("string")
        return evaluate.MetricInfo(
            description="SQuAD 1.1's exact match and F1, as XTREME scores XQuAD and TyDiQA.",
            citation="",
            inputs_description="predictions: a text each; references: the accepted texts of each.",
            features=datasets.Features(
                {"predictions": text, "references": datasets.Sequence(text)}
            ),
        )

    def _compute(self, predictions: Any, references: Any) -> dict[str, float]:
        metric = Squad()
        rows = [
            metric.statistics(tuple(Answer(text, 0) for text in gold), value)
            for gold, value in zip(references, predictions, strict=True)
        ]
        return dict(metric.score(rows).details)
