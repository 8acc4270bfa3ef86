"""What the intervals promise, tried on made-up studies whose truth is known (`covering.py`).

800 studies leave a Monte Carlo error of 0.8 points: the bounds are three of these off.
"""

from __future__ import annotations

import pytest

from .covering import Case, rates, studies
from .observing import numbered, with_ids

STUDIES = 800


@pytest.mark.parametrize("case", [Case(), Case("span_f1", 120), Case("squad", 150)])
def test_intervals_cover_and_the_test_keeps_its_level(case: Case) -> None:
    found = rates(case, studies(case, STUDIES))
    assert 0.925 < found.covered < 0.975
    assert 0.925 < found.score_covered < 0.975
    assert 0.025 < found.rejected < 0.075


def test_a_real_gain_is_covered_and_found() -> None:
    case = Case(n=200, gain=0.09)
    found = rates(case, studies(case, STUDIES))
    assert 0.925 < found.covered < 0.975
    assert found.rejected > 0.7


def test_without_clusters_parallel_languages_would_cover_too_little() -> None:
    """The negative control: the same answers, each language with ids of its own."""
    case = Case()
    apart = [with_ids(each, numbered(each.n, each.language)) for each in studies(case, STUDIES)]
    found = rates(case, apart)
    assert found.score_covered < 0.9
    assert found.covered < 0.94


def test_three_seeds_cover_training_runs_too() -> None:
    """Never below 95 %; above where runs hardly differ, since noise then counts twice."""
    case = Case(n=60, seeds=3, spread=0.05)
    observed = studies(case, STUDIES)
    found = rates(case, observed)
    assert found.covered > 0.925
    assert found.rejected < 0.075
    one = rates(case, [each for each in observed if each.seed == 0])
    assert one.covered < found.covered - 0.05
