"""Intervals and p-values from redrawn numbers.

The rule: interval and p-value come from the same redrawings, so an interval that leaves out 0 goes
with a p-value below its level, and the other way round (but for rounding between redrawings).

    values = after - before                 # index 0: observed; the rest: redrawn
    interval(values), p_value(values)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np

from t2t_xfer.report.observed import Floats

RESOLVED = 50
"""A tail of fewer redrawings than these is continued beyond them instead of counted."""


class Interval(NamedTuple):
    """A number and what it may be, in points."""

    value: float
    low: float
    high: float


def interval(values: Floats, level: float = 0.95) -> Interval:
    """The percentile interval (Efron & Tibshirani 1993, ch. 13).

    Args:
        values: `[1 + redrawings]`; index 0 is the number itself.
    """
    rest = (1 - level) / 2
    low, high = np.quantile(values[1:], (rest, 1 - rest))
    return Interval(float(values[0]), float(low), float(high))


def p_value(values: Floats) -> float:
    """Two-sided p-value of the number being 0: the level at which the interval just reaches 0.

    Counted among the redrawings where enough of them lie beyond 0; further out their tail is
    continued by a generalised Pareto tail (Knijnenburg et al. 2009).

    Args:
        values: `[1 + redrawings]`; index 0 is the number itself.
    """
    if not values.any():
        return 1.0
    side = values[1:] if values[0] > 0 else -values[1:]
    return min(1.0, 2 * _beyond_zero(np.sort(side)))


def _beyond_zero(ordered: Floats) -> float:
    """The share of sorted draws at or below 0; those at 0 count half."""
    below, upto = np.searchsorted(ordered, 0.0), np.searchsorted(ordered, 0.0, side="right")
    count = (float(below) + float(upto)) / 2
    n = len(ordered)
    tail = min(RESOLVED, n // 10)
    if count >= tail or tail < 2:
        return (count + 1) / (n + 1)
    edge = ordered[tail]
    return _pareto(edge - ordered[:tail], edge) * tail / n


def _pareto(excesses: Floats, distance: float) -> float:
    """The share of a tail beyond a distance from its edge.

    By probability-weighted moments (Hosking & Wallis 1987). The tail is never taken to be lighter
    than an exponential one, so it has no end, and a p-value is rather too large than too small.
    """
    k = len(excesses)
    ascending = np.sort(excesses)
    mean = float(ascending.mean())
    if mean == 0:
        return 1 / (k + 1)
    weights = (k - np.arange(1, k + 1)) / (k - 1)
    moment = float((weights * ascending).mean())
    shape = max(0.0, 2 - mean / (mean - 2 * moment)) if mean > 2 * moment else 0.0
    scale = mean * (1 - shape)
    if shape < 1e-6:
        return float(np.exp(-distance / mean))
    return float((1 + shape * distance / scale) ** (-1 / shape))


def adjust(p: Sequence[float], method: Literal["holm", "bh"]) -> list[float]:
    """p-values of one family, adjusted for their number.

    `holm` bounds the chance of any false finding (Holm 1979), `bh` the expected share of false
    ones among the findings (Benjamini & Hochberg 1995).
    """
    from statsmodels.stats.multitest import multipletests

    if not p:
        return []
    found = multipletests(list(p), method={"holm": "holm", "bh": "fdr_bh"}[method])[1]
    return [float(value) for value in found]
