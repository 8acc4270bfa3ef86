"""Span F1 as seqeval 0.0.12 has it, for `evaluate.load`: a thin shim over `t2t_xfer.metrics`.

metric = evaluate.load("t2t_xfer/metrics/evaluate_modules/span_f1")
metric.compute(predictions=[["DET", "NOUN"]], references=[["DET", "VERB"]])
"""

from __future__ import annotations

from typing import Any

import datasets
import evaluate

from t2t_xfer.metrics import SpanF1


class SpanF1Shim(evaluate.Metric):  # type: ignore[misc]
    """Values are 0 to 100."""

    def _info(self) -> Any:
        tags = datasets.Sequence(datasets.Value("string"))
        return evaluate.MetricInfo(
            description="Span F1 of tags as XTREME scores UDPOS and PAN-X (seqeval 0.0.12).",
            citation="",
            inputs_description="One list of tags for each sentence, on both sides.",
            features=datasets.Features({"predictions": tags, "references": tags}),
        )

    def _compute(self, predictions: Any, references: Any) -> dict[str, float]:
        metric = SpanF1()
        rows = [
            metric.statistics(tuple(gold), tuple(value))
            for gold, value in zip(references, predictions, strict=True)
        ]
        score = metric.score(rows)
        return {"f1": score.value, **score.details}
