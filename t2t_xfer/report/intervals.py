"""Intervals and p-values from redrawn numbers.

The rule: interval and p-value come from the same redrawings, so an interval that leaves out 0 goes
with a p-value below its level, and the other way round (but for rounding between redrawings).

    values = after - before                 # index 0: observed; the rest: redrawn
    interval(values), p_value(values)
"""

from __future__ import annotations

import gc
from collections.abc import Sequence
from functools import cache
from math import asin, erfc, log, sqrt
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from t2t_xfer.study.results import Floats

STILL = 1e-9
"""In points: numbers that differ by less are the same, but for rounding."""
RESOLVED = 10
"""Fewer redrawings beyond 0 than these are too few to count: their tail is continued instead."""
TAIL = 0.1
"""The share of the redrawings that the tail is fitted to."""


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


def p_value(values: Floats, *, normal: bool = False) -> float:
    """Two-sided p-value of the number being 0: the level at which the interval just reaches 0.

    Counted among the redrawings where at least ten lie beyond 0. Further out their tail is
    continued: as a normal one, or by default as a generalised Pareto one (Knijnenburg et al. 2009),
    which may be heavy. A difference that is 0 and never redrawn as anything else has p = 1.

    Args:
        values: `[1 + redrawings]`; index 0 is the number itself.
        normal: only examples were redrawn, not seeds: then sums of many have normal tails.
    """
    ordered = np.sort(values[1:] if values[0] > 0 else -values[1:])
    n = len(ordered)
    # What is 0 but for rounding is 0, in whatever order means were taken.
    count = int(np.searchsorted(ordered, STILL, side="right"))
    tail = int(n * TAIL)
    if count >= RESOLVED or tail <= RESOLVED:
        return min(1.0, 2 * (count + 1) / (n + 1))
    if normal:
        beyond = _normal(abs(float(values[0])), float(ordered.std()))
    else:
        edge = float(ordered[tail])
        beyond = _pareto(edge - ordered[:tail], edge) * tail / n
    return 2 * min(beyond, RESOLVED / n)


def _normal(distance: float, spread: float) -> float:
    """The share of a normal tail beyond a distance; of draws without spread, nothing is known."""
    return erfc(distance / spread / sqrt(2)) / 2 if spread else 1.0


def _pareto(excesses: Floats, distance: float) -> float:
    """The share of a tail beyond a distance from its edge.

    By probability-weighted moments (Hosking & Wallis 1987). The tail is never taken to be lighter
    than an exponential one, so it has no end, and a p-value is rather too large than too small.
    """
    k = len(excesses)
    ascending = np.sort(excesses)
    mean = float(ascending.mean())
    if mean == 0:
        return 1.0
    weights = (k - np.arange(1, k + 1)) / (k - 1)
    moment = float((weights * ascending).mean())
    shape = max(0.0, 2 - mean / (mean - 2 * moment)) if mean > 2 * moment else 0.0
    scale = mean * (1 - shape)
    if shape < 1e-6:
        return float(np.exp(-distance / mean))
    return float((1 + shape * distance / scale) ** (-1 / shape))


def unseen_rate(n: NDArray[np.int64]) -> Floats:
    """The rate, 0 to 100, that leaves a chance of 5 % to be seen in none of n examples."""
    return 100 * (1 - np.exp(log(0.05) / n))


def cohens_h(after: float, before: float) -> float:
    """The difference of two scores on the arcsine scale (Cohen 1988, ch. 6).

    A step from 95 to 97 counts for more there than one from 50 to 52, as it does for accuracies.
    Scores that are no shares (F1) are treated as if they were.
    """
    one, two = (2 * asin(sqrt(min(1.0, max(0.0, score / 100)))) for score in (after, before))
    return one - two


@cache
def even_errors(count: int) -> Floats:
    """Normal errors whose 97.5 % quantile is 1, evenly spread, in an order by chance."""
    from scipy.special import ndtri

    found: Floats = ndtri((np.arange(count) + 0.5) / count)
    found = np.random.default_rng(count).permutation(found / np.quantile(found, 0.975))
    found.setflags(write=False)  # everyone gets the same array
    return found


class Family(NamedTuple):
    """The p-values of one printed grid."""

    method: Literal["holm", "bh"]
    grid: tuple[object, ...]


def adjust_within(p: Sequence[float], families: Sequence[Family]) -> list[float]:
    """Each p-value adjusted within its family."""
    made = list(p)
    for family in dict.fromkeys(families):
        members = [i for i, each in enumerate(families) if each == family]
        for i, value in zip(members, adjust([p[i] for i in members], family.method), strict=True):
            made[i] = value
    return made


def adjust(p: Sequence[float], method: Literal["holm", "bh"]) -> list[float]:
    """p-values of one family, adjusted for their number.

    `holm` bounds the chance of any false finding (Holm 1979), `bh` the expected share of false
    ones among the findings (Benjamini & Hochberg 1995).
    """
    if len(p) < 2:
        return list(p)
    from statsmodels.stats.multitest import multipletests

    # It collects garbage at every call, which takes tenths of a second in a process with torch.
    gc.freeze()
    try:
        found = multipletests(list(p), method={"holm": "holm", "bh": "fdr_bh"}[method])[1]
    finally:
        gc.unfreeze()
    return [float(value) for value in found]
