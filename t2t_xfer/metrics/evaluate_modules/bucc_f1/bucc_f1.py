"""BUCC's F1 of mined pairs, for `evaluate.load`: a thin shim over `t2t_xfer.metrics`.

metric = evaluate.load("t2t_xfer/metrics/evaluate_modules/bucc_f1")
metric.compute(predictions=[[["de-1", "en-7"]]], references=[[["de-1", "en-7"]]])
"""

from __future__ import annotations

from statistics import fmean
from typing import Any

import datasets
import evaluate

from t2t_xfer.metrics.retrieval import pair_scores


class BuccF1Shim(evaluate.Metric):  # type: ignore[misc]
    """Values are 0 to 100."""

    def _info(self) -> Any:
        pairs = datasets.Sequence(datasets.Sequence(datasets.Value("string")))
        return evaluate.MetricInfo(
            description="F1, precision and recall of mined sentence pairs, as XTREME scores BUCC.",
            citation="",
            inputs_description="One list of pairs of sentence ids for each language, on both"
            " sides; the figures are means over the languages.",
            features=datasets.Features({"predictions": pairs, "references": pairs}),
        )

    def _compute(self, predictions: Any, references: Any) -> dict[str, float]:
        found = [
            pair_scores({tuple(pair) for pair in mined}, {tuple(pair) for pair in gold})
            for mined, gold in zip(predictions, references, strict=True)
        ]
        return {figure: fmean(each[figure] for each in found) for figure in found[0]}
