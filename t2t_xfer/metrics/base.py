"""What a metric is: counts per example that add up, and a score made of their sums.

A metric is one class, registered once in `METRICS` (`metrics/__init__.py`). It never sees text:
gold answers and predictions are labels' names, tuples of tags, or answers with their places, made
by the same answer format. Counts are logged beside every number, so a bootstrap is a choice of
rows, and scoring and redrawing use the same arithmetic, `score`, on one sum or on thousands.

>>> import numpy as np
>>> from t2t_xfer.metrics import Accuracy
>>> metric = Accuracy()
>>> metric.statistics("entailment", "neutral")
(0.0,)
>>> metric.scored([(1.0,), (0.0,)]).value
50.0
>>> metric.score(np.array([[30.0], [25.0]]), np.array([50.0, 50.0])).tolist()
[60.0, 50.0]
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Protocol, TypeAlias, runtime_checkable

from t2t_xfer.errors import DataError, UserError
from t2t_xfer.records import Gold, Prediction, Score

if TYPE_CHECKING:
    # A task's file is read without numpy; only scores need it.
    import numpy as np
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]


class Metric(ABC):
    """Compares predictions with gold answers. A frozen dataclass if it has settings."""

    name: ClassVar[str]
    """As in the task's YAML."""
    answers: ClassVar[tuple[str, ...]]
    """The kinds of answers it judges (`answer:` of a task)."""

    @property
    @abstractmethod
    def signature(self) -> str:
        """Pins how the number is computed: name, semantics, version."""

    @abstractmethod
    def statistics(
        self, gold: Gold, value: Gold | None, evidence: float | None = None
    ) -> tuple[float, ...]:
        """Additive counts of one example. None is an invalid prediction and is wrong.

        Args:
            evidence: see `Prediction`; only a `Tuned` metric looks at it.
        """

    @abstractmethod
    def score(self, sums: Floats, n: Floats) -> Floats:
        """Scores, 0 to 100, `[...]`.

        Args:
            sums: summed statistics, `[..., statistics]`.
            n: numbers of examples, `[...]`.
        """

    def details(self, sums: Floats, n: Floats) -> dict[str, Floats]:
        """Other figures of the same sums, such as precision; by default there are none."""
        return {}

    def chance(self, golds: Sequence[Gold], options: Sequence[str]) -> float | None:
        """What answers without regard to the input score at least, 0 to 100; None: not known.

        Args:
            options: all possible answers, of a closed question.
        """
        return None

    def for_language(self, code: str) -> Metric:
        """The metric that judges one language; by default all are judged alike.

        Raises:
            UnsupportedError: there are no rules for the language.
        """
        return self

    def scored(self, rows: Sequence[tuple[float, ...]]) -> Score:
        """The score of many examples, with its details.

        Raises:
            DataError: there are no rows: a score over nothing is not a number.
        """
        import numpy as np

        if not rows:
            raise DataError("there are no examples to score.")
        # Added one by one, as logged scores always were; numpy's pairwise sum ends in other digits.
        sums = np.array([sum(column) for column in zip(*rows, strict=True)])
        n = np.array(float(len(rows)))
        details = {name: float(value) for name, value in self.details(sums, n).items()}
        return Score(self.name, float(self.score(sums, n)), len(rows), details, self.signature)


@runtime_checkable
class Tuned(Protocol):
    """A metric with a threshold on the evidence: below it, a prediction is "no answer"."""

    def tuned(self, golds: Mapping[str, Gold], predictions: Iterable[Prediction]) -> Metric:
        """The same metric with the threshold that is best on these predictions.

        Raises:
            UserError: predictions and gold answers do not fit each other.
        """
        ...


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


def percent(part: Floats, whole: Floats) -> Floats:
    """`part` of `whole` in 0..100; nothing of nothing is 0, as in the reference scorers."""
    import numpy as np

    part, whole = np.broadcast_arrays(part, whole)
    return np.divide(100.0 * part, whole, out=np.zeros(part.shape), where=whole != 0)
