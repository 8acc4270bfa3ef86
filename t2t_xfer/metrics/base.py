"""What a metric is, and how the predictions of a data set become its statistics.

Statistics are numbers per example that add up to the score's ingredients. So a bootstrap is a
choice of rows, and a table over languages needs no second look at the predictions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol, runtime_checkable

from t2t_xfer.errors import DataError, UserError
from t2t_xfer.records import Gold, Prediction, Score


class Metric(Protocol):
    """Compares predictions with gold answers."""

    @property
    def name(self) -> str:
        """As in the task's YAML."""
        ...

    @property
    def signature(self) -> str:
        """Pins how the number is computed: name, semantics, version."""
        ...

    def statistics(
        self, gold: Gold, value: Gold | None, evidence: float | None = None
    ) -> tuple[float, ...]:
        """Additive statistics of one example. None is an invalid prediction and is wrong.

        Args:
            evidence: see `Prediction`; only a `Tuned` metric looks at it.
        """
        ...

    def score(self, rows: Sequence[tuple[float, ...]]) -> Score:
        """The score of many examples.

        Raises:
            DataError: there are no rows.
        """
        ...


@runtime_checkable
class Tuned(Protocol):
    """A metric with a threshold on the evidence: below it, a prediction is "no answer"."""

    def tuned(self, golds: Mapping[str, Gold], predictions: Iterable[Prediction]) -> Metric:
        """The same metric with the threshold that is best on these predictions.

        Raises:
            UserError: predictions and gold answers do not fit each other.
        """
        ...


@runtime_checkable
class Localized(Protocol):
    """A metric that reads the answers of each language by rules of its own."""

    def for_language(self, code: str) -> Metric:
        """The same metric for one language; its signature names the language.

        Raises:
            UnsupportedError: there are no rules for the language.
        """
        ...


def in_language(metric: Metric, code: str) -> Metric:
    """The metric that judges one language: itself, unless it is `Localized`.

    Raises:
        UnsupportedError: it has no rules for the language.
    """
    return metric.for_language(code) if isinstance(metric, Localized) else metric


def statistics_by_id(
    metric: Metric, golds: Mapping[str, Gold], predictions: Iterable[Prediction]
) -> dict[str, tuple[float, ...]]:
    """The statistics of every example, in the order of the gold answers.

    Every example has exactly one prediction: a missing one would be left out of the denominator
    without a word.

    Raises:
        UserError: a prediction is missing, is there twice, answers no example, or does not fit
            its example; the message names the example.
    """
    found: dict[str, Prediction] = {}
    for prediction in predictions:
        if prediction.id in found:
            raise UserError(f"example {prediction.id!r} has two predictions; expected one.")
        if prediction.id not in golds:
            raise UserError(
                f"prediction {prediction.id!r} answers no example of the data set. Are the"
                " predictions and the data of the same task, language and split?"
            )
        found[prediction.id] = prediction
    rows = {}
    for id, gold in golds.items():
        if id not in found:
            raise UserError(
                f"example {id!r} has no prediction ({len(found)} of {len(golds)} examples have"
                " one). Predict again, or score with the same --limit."
            )
        try:
            rows[id] = metric.statistics(gold, found[id].value, found[id].evidence)
        except UserError as e:
            raise type(e)(f"example {id!r}: {e}") from e
    return rows


def sums(rows: Sequence[tuple[float, ...]]) -> list[float]:
    """Column sums of the statistics.

    Raises:
        DataError: there are no rows: a score over nothing is not a number.
    """
    if not rows:
        raise DataError("there are no examples to score.")
    return [sum(column) for column in zip(*rows, strict=True)]


def percent(part: float, whole: float) -> float:
    """`part` of `whole` in 0..100; nothing of nothing is 0, as in the reference scorers."""
    return 100.0 * part / whole if whole else 0.0
