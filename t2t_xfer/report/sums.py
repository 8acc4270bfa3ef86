"""From summed statistics to scores, for many redrawings at once.

The rule: the same number as `Metric.score` of the same rows; a test compares the two for every
metric. Thresholds that were chosen on validation data are inside the statistics and stay as they
are when examples are redrawn.

    scores("accuracy", np.array([[30.0], [25.0]]), np.array([50.0, 50.0]))      # [60., 50.]
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import numpy as np

from t2t_xfer.study.results import Floats

Formula: TypeAlias = Callable[[Floats, Floats], Floats]


def percent(part: Floats, whole: Floats) -> Floats:
    """`part` of `whole` in 0..100, element by element; nothing of nothing is 0."""
    return 100.0 * np.divide(part, whole, out=np.zeros_like(part), where=whole != 0)


def _share(sums: Floats, n: Floats) -> Floats:
    return percent(sums[..., 0], n)


def _mean_of_two(sums: Floats, n: Floats) -> Floats:
    """Exact match and F1."""
    return percent(sums[..., 0] + sums[..., 1], 2 * n)


def _accuracy_f1(sums: Floats, n: Floats) -> Floats:
    f1 = percent(2 * sums[..., 1], sums[..., 2] + sums[..., 3])
    return (percent(sums[..., 0], n) + f1) / 2


def _set_f1(sums: Floats, n: Floats) -> Floats:
    """Of what is in both, found, and there."""
    return percent(2 * sums[..., 0], sums[..., 1] + sums[..., 2])


def _by_word(sums: Floats, n: Floats) -> Floats:
    return percent(sums[..., 0], sums[..., 1])


FORMULAS: Mapping[str, Formula] = {
    "accuracy": _share,
    "accuracy_f1": _accuracy_f1,
    "bucc_f1": _set_f1,
    "mlqa": _mean_of_two,
    "retrieval_accuracy": _share,
    "span_f1": _set_f1,
    "squad": _mean_of_two,
    "squad_v2": _mean_of_two,
    "token_accuracy": _by_word,
}
"""By the metric's name; the statistics of each are told where the metric is."""


def scores(metric: str, sums: Floats, n: Floats) -> Floats:
    """The scores, 0 to 100, `[...]`.

    Args:
        sums: summed statistics, `[..., statistics]`.
        n: number of examples, `[...]`.

    Raises:
        ValueError: no formula is known for the metric.
    """
    try:
        formula = FORMULAS[metric]
    except KeyError:
        raise ValueError(f"no formula for the metric {metric!r}: add it to FORMULAS") from None
    return formula(sums, n)
