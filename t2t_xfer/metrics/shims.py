"""Our metrics for `evaluate.load`: one module, a configuration for each metric.

    metric = evaluate.load("t2t_xfer/metrics/shims.py", "mlqa")
    metric.compute(predictions=["Rhein"], references=[["der Rhein"]], language="de")

The package never imports this file: `evaluate` copies it and imports torch. Values are 0 to 100.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from statistics import fmean
from typing import Any, NamedTuple

import datasets
import evaluate

from t2t_xfer.metrics import AccuracyF1, Metric, Mlqa, SpanF1, Squad, TokenAccuracy
from t2t_xfer.metrics.retrieval import pair_scores
from t2t_xfer.records import Answer, Score

TEXT = datasets.Value("string")
TEXTS = datasets.Sequence(TEXT)
PAIRS = datasets.Sequence(TEXTS)


class Shim(NamedTuple):
    """One configuration."""

    description: str
    inputs: str
    predictions: Any
    references: Any
    compute: Callable[..., Mapping[str, float]]
    """Takes predictions, references and the settings by name."""


def _scored(metric: Metric, pairs: Iterable[tuple[Any, Any]]) -> Score:
    """Of predictions with their gold answers."""
    return metric.scored([metric.statistics(gold, value) for value, gold in pairs])


def _texts(metric: Metric, predictions: Any, references: Any) -> Mapping[str, float]:
    golds = [tuple(Answer(text, 0) for text in accepted) for accepted in references]
    return _scored(metric, zip(predictions, golds, strict=True)).details


def _tags(metric: Metric, predictions: Any, references: Any) -> Score:
    return _scored(metric, zip(map(tuple, predictions), map(tuple, references), strict=True))


def _accuracy_f1(predictions: Any, references: Any, positive: str) -> Mapping[str, float]:
    found = _scored(AccuracyF1(positive), zip(predictions, references, strict=True))
    return {"accuracy_f1": found.value, **found.details}


def _bucc_f1(predictions: Any, references: Any) -> Mapping[str, float]:
    found = [
        pair_scores(set(map(tuple, mined)), set(map(tuple, gold)))
        for mined, gold in zip(predictions, references, strict=True)
    ]
    return {figure: fmean(each[figure] for each in found) for figure in found[0]}


def _mlqa(predictions: Any, references: Any, language: str) -> Mapping[str, float]:
    return _texts(Mlqa().for_language(language), predictions, references)


def _span_f1(predictions: Any, references: Any) -> Mapping[str, float]:
    found = _tags(SpanF1(), predictions, references)
    return {"f1": found.value, **found.details}


def _squad_xtreme(predictions: Any, references: Any) -> Mapping[str, float]:
    return _texts(Squad(), predictions, references)


def _token_accuracy(predictions: Any, references: Any) -> Mapping[str, float]:
    return {"token_accuracy": _tags(TokenAccuracy(), predictions, references).value}


SHIMS: Mapping[str, Shim] = {
    "accuracy_f1": Shim(
        "Accuracy, F1 of the positive label, and their mean, as GLUE scores QQP.",
        "predictions, references: labels as text; positive: the label whose F1 counts.",
        *(TEXT, TEXT, _accuracy_f1),
    ),
    "bucc_f1": Shim(
        "F1, precision and recall of mined sentence pairs, as XTREME scores BUCC.",
        "One list of pairs of sentence ids for each language, on both sides; the figures are means"
        " over the languages.",
        *(PAIRS, PAIRS, _bucc_f1),
    ),
    "mlqa": Shim(
        "MLQA's exact match and F1, by the rules of the answers' language.",
        "predictions: a text each; references: the accepted texts of each; language: en, es, de,"
        " ar, hi, vi or zh.",
        *(TEXT, TEXTS, _mlqa),
    ),
    "span_f1": Shim(
        "Span F1 of tags as XTREME scores UDPOS and PAN-X (seqeval 0.0.12).",
        "One list of tags for each sentence, on both sides.",
        *(TEXTS, TEXTS, _span_f1),
    ),
    "squad_xtreme": Shim(
        "SQuAD 1.1's exact match and F1, as XTREME scores XQuAD and TyDiQA.",
        "predictions: a text each; references: the accepted texts of each.",
        *(TEXT, TEXTS, _squad_xtreme),
    ),
    "token_accuracy": Shim(
        "The share of words with the right tag, as CCG supertagging is scored.",
        "One list of tags for each sentence, on both sides.",
        *(TEXTS, TEXTS, _token_accuracy),
    ),
}
"""By the name of the configuration."""


class Shims(evaluate.Metric):  # type: ignore[misc]
    """The module that `evaluate` loads."""

    def _info(self) -> Any:
        if self.config_name not in SHIMS:
            raise ValueError(f"no configuration {self.config_name!r}: name one of {[*SHIMS]}")
        shim = SHIMS[self.config_name]
        features = {"predictions": shim.predictions, "references": shim.references}
        return evaluate.MetricInfo(
            description=shim.description,
            citation="",
            inputs_description=shim.inputs,
            features=datasets.Features(features),
        )

    def _compute(self, predictions: Any, references: Any, **settings: Any) -> Mapping[str, float]:
        return SHIMS[self.config_name].compute(predictions, references, **settings)
