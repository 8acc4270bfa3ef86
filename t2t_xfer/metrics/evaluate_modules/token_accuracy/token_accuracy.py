"""The share of words with the right tag, for `evaluate.load`: a thin shim over `t2t_xfer.metrics`.

metric = evaluate.load("t2t_xfer/metrics/evaluate_modules/token_accuracy")
metric.compute(predictions=[["N", "NP"]], references=[["N", "N"]])
"""

from __future__ import annotations

from typing import Any

import datasets
import evaluate

from t2t_xfer.metrics import TokenAccuracy


class TokenAccuracyShim(evaluate.Metric):  # type: ignore[misc]
    """Values are 0 to 100."""

    def _info(self) -> Any:
        tags = datasets.Sequence(datasets.Value("string"))
        return evaluate.MetricInfo(
            description="The share of words with the right tag, as CCG supertagging is scored.",
            citation="",
            inputs_description="One list of tags for each sentence, on both sides.",
            features=datasets.Features({"predictions": tags, "references": tags}),
        )

    def _compute(self, predictions: Any, references: Any) -> dict[str, float]:
        metric = TokenAccuracy()
        rows = [
            metric.statistics(tuple(gold), tuple(value))
            for gold, value in zip(references, predictions, strict=True)
        ]
        return {"token_accuracy": metric.score(rows).value}
