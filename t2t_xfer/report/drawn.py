"""Means and differences of redrawn scores, with what they rest on.

The rule: a mean is over what is there, unweighted, as in `Grid`; its n and its seeds are those of
its weakest part. A cell in which no example differs, as between two runs that give one constant
answer, is redrawn as exactly itself every time; what it leaves open goes along as `unseen`, into
every mean and difference that it is part of.

    drawn = change_over(resampled, "mt5", "mnli", "xnli", ["de", "sw"])
    certain(drawn)          # Interval: never without width where there are examples left to see
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from math import asin, exp, log, sqrt

import numpy as np

from t2t_xfer.report.grid import NONE
from t2t_xfer.report.intervals import STILL, Interval, interval, p_value
from t2t_xfer.report.resampled import Resampled
from t2t_xfer.study.results import Floats


@dataclass(frozen=True, eq=False)
class Drawn:
    """Redrawn numbers `[1 + redrawings]`, index 0 observed."""

    values: Floats
    n: int
    """Examples (clusters) of the smallest cell in it."""
    seeds: int
    """The fewest seeds of a cell in it."""
    effect: float = 0.0
    """Cohen's h of a change."""
    most_seeds: int = 0
    """The most seeds of a cell in it; at least `seeds`."""
    unseen: float = 0.0
    """In points: so far the number may be off because of the parts that no redrawing moves."""

    def minus(self, other: Drawn) -> Drawn:
        """The difference of two."""
        values = self.values - other.values
        n = min(self.n, other.n)
        # Added, as in the mean below: nothing says that such cells would not err together.
        unseen = self.unseen + other.unseen
        if np.ptp(values) < STILL:  # two that moved alike are no more certain than one that did not
            unseen = max(unseen, unseen_rate(n))
        return Drawn(
            values,
            n,
            min(self.seeds, other.seeds),
            self.effect - other.effect,
            max(self.seeds, other.seeds, self.most_seeds, other.most_seeds),
            unseen,
        )

    def spread(self) -> Floats:
        """The redrawn numbers, with what no redrawing shows as a normal error of its own.

        The 95 % interval of that error is `unseen` to either side.
        """
        if not self.unseen:
            return self.values
        found = self.values.copy()
        found[1:] += self.unseen * _errors(len(found) - 1)
        return found


def mean_of(parts: Iterable[Drawn | None]) -> Drawn | None:
    """The unweighted mean of those that are there; None if there is none."""
    there = [part for part in parts if part is not None]
    if len(there) < 2:
        return there[0] if there else None
    return Drawn(
        np.mean([part.values for part in there], axis=0),
        min(part.n for part in there),
        min(part.seeds for part in there),
        sum(part.effect for part in there) / len(there),
        max(max(part.seeds, part.most_seeds) for part in there),
        sum(part.unseen for part in there) / len(there),
    )


def drawn_of(values: Floats, n: int, seeds: int, effect: float = 0.0, still: float = 0.0) -> Drawn:
    """A number of one place, `unseen` included.

    Args:
        n: examples (clusters).
        still: share of the seeds whose part of the number no redrawing moves.
    """
    return Drawn(values, n, seeds, effect, unseen=still * unseen_rate(n) if still else 0.0)


@cache
def _errors(count: int) -> Floats:
    """Normal errors whose 97.5 % quantile is 1, evenly spread, in an order by chance."""
    from scipy.special import ndtri

    found: Floats = ndtri((np.arange(count) + 0.5) / count)
    found = np.random.default_rng(count).permutation(found / np.quantile(found, 0.975))
    found.setflags(write=False)  # everyone gets the same array
    return found


def score_over(
    resampled: Resampled, model: str, intermediate: str, target: str, languages: Iterable[str]
) -> Drawn | None:
    """The mean score over the languages that are there."""
    return mean_of(
        _score(resampled, model, intermediate, target, language) for language in languages
    )


def change_over(
    resampled: Resampled, model: str, intermediate: str, target: str, languages: Iterable[str]
) -> Drawn | None:
    """The mean change against `none` over the languages that both have, over shared seeds."""
    return mean_of(
        _change(resampled, model, intermediate, target, language) for language in languages
    )


def _score(
    resampled: Resampled, model: str, intermediate: str, target: str, language: str
) -> Drawn | None:
    values = resampled.mean(model, intermediate, target, language)
    seeds = len(resampled.seeds(model, intermediate, target, language))
    n = resampled.clusters(target, language)
    if values is None:
        return None
    still = resampled.still((model, intermediate, target, language))
    return drawn_of(values, n, seeds, still=still)


def _change(
    resampled: Resampled, model: str, intermediate: str, target: str, language: str
) -> Drawn | None:
    seeds = resampled.shared(model, intermediate, target, language)
    after = resampled.mean(model, intermediate, target, language, seeds)
    before = resampled.mean(model, NONE, target, language, seeds)
    if after is None or before is None:
        return None
    n = resampled.clusters(target, language)
    places = ((model, each, target, language) for each in (intermediate, NONE))
    still = resampled.still(*places)
    return drawn_of(after - before, n, len(seeds), cohens_h(after[0], before[0]), still)


def cohens_h(after: float, before: float) -> float:
    """The difference of two scores on the arcsine scale (Cohen 1988, ch. 6).

    A step from 95 to 97 counts for more there than one from 50 to 52, as it does for accuracies.
    Scores that are no shares (F1) are treated as if they were.
    """
    ends = (2 * asin(sqrt(min(1.0, max(0.0, score / 100)))) for score in (after, before))
    return next(ends) - next(ends)


def certain(drawn: Drawn, lowest: float = -100.0) -> Interval:
    """The interval, within what is possible, and never without width.

    Where no redrawing differs, no example did: n examples then leave open a rate of up to
    1 - 0.05^(1/n), about 3/n (the rule of three; Hanley & Lippman-Hand 1983).
    """
    found = interval(drawn.spread())
    return Interval(found.value, max(lowest, found.low), min(100.0, found.high))


def unseen_rate(n: int) -> float:
    """The rate, 0 to 100, that leaves a chance of 5 % to be seen in none of n examples."""
    return 100 * (1 - exp(log(0.05) / n))


def p_of(drawn: Drawn) -> float:
    """The p-value of no difference, and never less than signs of n pairs could give."""
    found = p_value(drawn.spread(), normal=max(drawn.seeds, drawn.most_seeds) == 1)
    return max(found, min(1.0, 2.0 ** (1 - drawn.n)))
