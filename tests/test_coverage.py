"""What the intervals promise, tried on made-up studies whose truth is known.

Each study has two runs, three parallel languages and questions that are hard or easy, helped or
harmed in all languages at once. 800 studies leave a Monte Carlo error of 0.8 points: the bounds
are three of these off.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import pytest
from numpy.random import Generator, default_rng

from t2t_xfer.report.drawn import change_over, p_of, score_over
from t2t_xfer.report.intervals import interval
from t2t_xfer.report.observed import Floats, Observed
from t2t_xfer.report.resampled import Resampled

from .observing import cell, numbered

STUDIES = 800
LANGUAGES = ("de", "tr", "sw")
BASE, HARD, HELPED = 0.55, 0.3, 0.1
"""The mean chance of a right answer, and what moves it from question to question."""


class Maker(NamedTuple):
    """Statistics from each question's chance of being right, and the score that they tend to."""

    statistics: Callable[[Generator, Floats], Floats]
    truth: Callable[[float], float]


def right(rng: Generator, chance: Floats) -> Floats:
    return (rng.random(len(chance)) < chance).astype(float)


def spans(rng: Generator, chance: Floats) -> Floats:
    """Sentences of 1, 2, 3, ... spans; some are found that are not there."""
    gold = 1 + rng.poisson(1.5, len(chance))
    hit = rng.binomial(gold, chance)
    found = hit + rng.poisson(0.5, len(chance))
    return np.stack([hit, found, gold, hit, gold], axis=1).astype(float)


def words(rng: Generator, chance: Floats) -> Floats:
    exact = right(rng, chance)
    return np.stack([exact, np.maximum(exact, 0.6 * rng.random(len(chance)))], axis=1)


MAKERS = {
    "accuracy": Maker(lambda rng, chance: right(rng, chance)[:, None], lambda p: 100 * p),
    "span_f1": Maker(spans, lambda p: 200 * 2.5 * p / (2.5 * p + 0.5 + 2.5)),
    "squad": Maker(words, lambda p: 50 * (2 * p + 0.3 * (1 - p))),
}


class Rates(NamedTuple):
    """Shares of the studies."""

    covered: float
    score_covered: float
    rejected: float


def studies(
    metric: str, n: int, gain: float, seeds: Sequence[int] = (0,), spread: float = 0.0
) -> list[Observed]:
    """Every study is a target; `spread` is the standard deviation that seeds add to a chance."""
    rng = default_rng(n)
    found = []
    for study in range(STUDIES):
        hard, helped = rng.choice([-1.0, 1.0], (2, n))
        for intermediate, sign in (("none", -1), ("mnli", 1)):
            for seed in seeds:
                chance = BASE + HARD * hard + sign * (HELPED * helped + gain / 2)
                chance = np.clip(chance + spread * rng.normal(), 0, 1)
                found += [
                    cell(
                        MAKERS[metric].statistics(rng, chance),
                        intermediate=intermediate,
                        target=str(study),
                        language=language,
                        seed=seed,
                        metric=metric,
                    )
                    for language in LANGUAGES
                ]
    return found


def rates(observed: Sequence[Observed], metric: str, gain: float) -> Rates:
    resampled = Resampled(observed, replicates=600)
    before, after = (MAKERS[metric].truth(BASE + sign * gain / 2) for sign in (-1, 1))
    found = []
    for study in range(STUDIES):
        change = change_over(resampled, "enc", "mnli", str(study), LANGUAGES)
        score = score_over(resampled, "enc", "none", str(study), LANGUAGES)
        assert change is not None
        assert score is not None
        moved, level = interval(change.values), interval(score.values)
        found.append(
            (
                moved.low <= after - before <= moved.high,
                level.low <= before <= level.high,
                p_of(change) <= 0.05,
            )
        )
    return Rates(*map(float, np.mean(found, axis=0)))


@pytest.mark.parametrize(("metric", "n"), [("accuracy", 100), ("span_f1", 120), ("squad", 150)])
def test_intervals_cover_and_the_test_keeps_its_level(metric: str, n: int) -> None:
    found = rates(studies(metric, n, gain=0.0), metric, gain=0.0)
    assert 0.925 < found.covered < 0.975
    assert 0.925 < found.score_covered < 0.975
    assert 0.025 < found.rejected < 0.075


def test_a_real_gain_is_covered_and_found() -> None:
    found = rates(studies("accuracy", 200, gain=0.09), "accuracy", gain=0.09)
    assert 0.925 < found.covered < 0.975
    assert found.rejected > 0.7


def test_without_clusters_parallel_languages_would_cover_too_little() -> None:
    """The negative control: the same answers, each language with ids of its own."""
    apart = [
        Observed(
            each.row,
            numbered(each.row.n, each.row.language),
            each.statistics,
            each.statuses,
            each.removed_tokens,
        )
        for each in studies("accuracy", 100, gain=0.0)
    ]
    assert rates(apart, "accuracy", gain=0.0).score_covered < 0.925


def test_three_seeds_cover_training_runs_too() -> None:
    """Never below; above where seeds hardly differ, since their spread then counts noise again."""
    seeds = (0, 1, 2)
    found = rates(studies("accuracy", 60, gain=0.0, seeds=seeds, spread=0.05), "accuracy", 0.0)
    assert found.covered > 0.925
    assert found.rejected < 0.075
    one = [each for each in studies("accuracy", 60, 0.0, seeds, 0.05) if each.row.seed == 0]
    assert rates(one, "accuracy", 0.0).covered < found.covered - 0.05
