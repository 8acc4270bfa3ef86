"""Redrawn scores: the vectorised formulas, the clusters, the seeds."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import pytest
from numpy.random import Generator, default_rng
from scipy.stats import norm
from scipy.stats import t as student
from statsmodels.stats.contingency_tables import mcnemar

from t2t_xfer.metrics import METRICS, AccuracyF1, Metric, Mlqa
from t2t_xfer.records import Answer, Gold
from t2t_xfer.report.draws import SeedDraws, draws, groups
from t2t_xfer.report.intervals import adjust, interval, p_value
from t2t_xfer.report.numbers import Redrawn, redraw
from t2t_xfer.study.results import Examples, Floats

from .observing import cell, made_study, numbered

Pair: TypeAlias = "tuple[Gold, Gold | None]"


def score(redrawn: Redrawn, model: str, intermediate: str, language: str) -> Floats:
    """The draws of a place of xnli."""
    found = redrawn.scores.over(model, intermediate, "xnli", [language])
    assert found is not None
    return found.values


def change(redrawn: Redrawn) -> Floats:
    """The draws of what mnli changes."""
    found = redrawn.changes.over("enc", "mnli", "xnli", ["de"])
    assert found is not None
    return found.values


def labels(rng: Generator) -> Pair:
    return str(rng.choice(["yes", "no"])), rng.choice(["yes", "no", None])  # type: ignore[arg-type]


def mined(rng: Generator) -> Pair:
    return str(rng.choice(["", "en-1"])), str(rng.choice(["", "en-1", "en-2"]))


def answers(rng: Generator) -> Pair:
    texts = ["the red house", "red house", "house", "tree", ""]
    return (Answer(str(rng.choice(texts[:3])), 0),), str(rng.choice(texts))


def tags(rng: Generator) -> Pair:
    words = int(rng.integers(1, 6))
    gold, found = (tuple(map(str, rng.choice(["B-X", "I-X", "O"], words))) for _ in range(2))
    return gold, found if rng.random() < 0.9 else None


CASES: dict[str, Callable[[Generator], Pair]] = {
    "accuracy": labels,
    "accuracy_f1": labels,
    "bucc_f1": mined,
    "mlqa": answers,
    "retrieval_accuracy": labels,
    "span_f1": tags,
    "squad": answers,
    "squad_v2": answers,
    "token_accuracy": tags,
}


def metric_named(name: str) -> Metric:
    made = {"accuracy_f1": lambda: AccuracyF1("yes"), "mlqa": lambda: Mlqa("en")}
    return made.get(name, METRICS[name])()


def test_every_metric_has_a_case() -> None:
    assert set(METRICS) == set(CASES)


@pytest.mark.parametrize("name", CASES)
def test_redrawn_scores_are_those_of_the_metric(name: str) -> None:
    """Also where nothing is right, or nothing is there."""
    rng, metric = default_rng(0), metric_named(name)
    for n in (1, 2, 30):
        rows = [metric.statistics(*CASES[name](rng)) for _ in range(n)]
        observed = cell(rows, metric=name)
        values = score(redraw([observed], replicates=25), "enc", "none", "de")
        assert values[0] == pytest.approx(metric.scored(rows).value, abs=1e-9)
        (group,) = groups([observed])
        (times,) = draws(n, 25, group.generator(0))
        slow = [
            metric.scored([row for row, c in zip(rows, line, strict=True) for _ in range(int(c))])
            for line in times
        ]
        wider = np.sqrt(n / (n - 1)) if n > 1 else 1.0
        expected = values[0] + wider * (np.array([each.value for each in slow]) - values[0])
        assert values[1:] == pytest.approx(expected, abs=1e-9)


def test_a_score_does_not_depend_on_what_else_was_observed() -> None:
    study = made_study(default_rng(1))
    whole, part = redraw(study, replicates=50), redraw(study[:3], replicates=50)
    for language in ("en", "de", "tr"):
        one, two = (score(each, "enc", "none", language) for each in (whole, part))
        assert np.array_equal(one, two)


def test_cells_with_the_same_answers_differ_by_exactly_nothing() -> None:
    """Of other models, intermediates and languages: all see the same redrawn examples."""
    right = default_rng(2).random(50) < 0.7
    places = [("enc", "none", "de"), ("dec", "mnli", "de"), ("enc", "mnli", "tr")]
    cells = [cell(right, model=m, intermediate=i, language=x) for m, i, x in places]
    redrawn = redraw(cells)
    one, two, three = (score(redrawn, *place) for place in places)
    assert not (one - two).any()
    assert p_value(one - two) == 1
    assert np.array_equal(one, three)


def test_languages_without_shared_examples_are_redrawn_apart() -> None:
    """Each keeps its number of examples; a third language can join two others."""
    ids = {"en": numbered(9, "e"), "de": numbered(9, "d"), "sw": ("e0", "s1", "s2")}
    cells = [cell(np.ones(len(names)), language=x, ids=names) for x, names in ids.items()]
    assert [group.members for group in groups(cells)] == [(0, 2), (1,)]
    both = cell(np.ones(2), language="tr", ids=("d1", "s1"))
    (joined,) = groups([*cells, both])
    assert joined.members == (0, 1, 2, 3)
    assert len(joined.places) == 9 + 9 + 2


def test_a_redrawing_without_any_example_of_a_language_keeps_its_score() -> None:
    cells = [cell(np.ones(60)), cell([1.0, 0.0], language="sw", ids=("0", "1"))]
    values = score(redraw(cells), "enc", "none", "sw")
    assert np.isfinite(values).all()
    assert {0.0, 50.0, 100.0} <= set(np.round(50 + (values - 50) / np.sqrt(2), 9))


def test_pairs_read_in_two_ways_are_two_targets_on_the_same_redrawn_examples() -> None:
    right = default_rng(3).random(30) < 0.5
    cells = [
        cell(right, target="tatoeba", readout=readout, metric="retrieval_accuracy")
        for readout in ("embed", "rank")
    ]
    scores = redraw(cells).scores
    embedded = scores.over("enc", "none", "tatoeba", ["de"])
    ranked = scores.over("enc", "none", "tatoeba, rank", ["de"])
    assert embedded is not None
    assert ranked is not None
    assert np.array_equal(embedded.values, ranked.values)


@pytest.mark.parametrize("seeds", [(0, 1), (0, 1, 2), (1, 2, 5, 9)])
def test_the_spread_of_seeds_becomes_a_t_interval(seeds: tuple[int, ...]) -> None:
    rng = default_rng(4)
    found = rng.normal(size=len(seeds))
    drawn = SeedDraws((0, 1, 2, 5, 9), 4000, rng).weights(seeds) @ found
    scale = found.std(ddof=1) / np.sqrt(len(seeds))
    for share in (0.75, 0.9, 0.975):
        expected = student(len(seeds) - 1).ppf(share)
        assert np.quantile(drawn, share) / scale == pytest.approx(expected, rel=0.15)


def test_one_seed_adds_nothing_and_missing_seeds_are_paired() -> None:
    rng = default_rng(5)
    cells = [cell(rng.random(30) < 0.5, seed=seed) for seed in (0, 1)]
    after = cell(rng.random(30) < 0.6, seed=1, intermediate="mnli")
    redrawn = redraw([*cells, after])
    values = change(redrawn)
    assert values[0] == pytest.approx(after.score - cells[1].score)
    assert np.ptp(values) < 100  # a t interval of two seeds would reach far beyond
    assert redrawn.scores.over("enc", "none", "xnli", ["fr"]) is None
    assert redrawn.changes.over("enc", "none", "xnli", ["de"]) is None


def test_what_runs_of_one_seed_have_in_common_cancels() -> None:
    """Seed 1 is better by 20 points with and without intermediate training."""
    counts = {("none", 0): 50, ("none", 1): 70, ("mnli", 0): 60, ("mnli", 1): 80}
    cells = [
        cell(np.arange(100) < right, intermediate=intermediate, seed=seed)
        for (intermediate, seed), right in counts.items()
    ]
    redrawn = redraw(cells)
    assert interval(change(redrawn)).low > 4  # examples alone: a share of 10 % among 100
    assert interval(score(redrawn, "enc", "mnli", "de")).low < 0  # and two seeds 20 points apart


@pytest.mark.parametrize(("worse", "better"), [(20, 22), (15, 30), (5, 14), (40, 60)])
def test_one_language_with_one_seed_is_mcnemars_test(worse: int, better: int) -> None:
    before = np.arange(400) < 200
    after = (np.arange(400) >= worse) & (np.arange(400) < 200 + better)
    cells = [cell(before), cell(after, intermediate="mnli")]
    expected = mcnemar([[0, worse], [better, 0]], exact=False, correction=False).pvalue
    found = p_value(change(redraw(cells, replicates=4000)), normal=True)
    assert found == pytest.approx(expected, rel=0.3)


def test_p_values_go_with_intervals() -> None:
    rng = default_rng(6)
    for shift in (0.5, 1.5, 1.8, 2.1, 2.5):
        values = np.concatenate([[shift], shift + rng.normal(size=4000)])
        found = interval(values)
        assert (p_value(values) < 0.05) == (found.low > 0)
        assert p_value(values) == pytest.approx(p_value(-values))


def test_far_tails_are_continued() -> None:
    """A thousand redrawings resolve 0.002; many tests ask for less."""
    rng = default_rng(7)
    for distance in (3.5, 4.5, 6.0):
        found = np.array([distance + rng.normal(size=1000) for _ in range(40)])
        drawn = np.insert(found, 0, distance, axis=1)
        exact = 2 * float(norm.sf(distance))
        known = np.median([p_value(values, normal=True) for values in drawn])
        assert known == pytest.approx(exact, rel=0.3)
        careful = np.median([p_value(values) for values in drawn])
        assert exact < careful < 0.003
    assert careful < 1e-4


@pytest.mark.parametrize("seeds", [3, 5])
def test_heavy_tails_are_continued_as_such(seeds: int) -> None:
    rng, far = default_rng(8), student(seeds - 1).ppf(1 - 0.0005)
    found = [
        p_value(np.concatenate([[far], far + rng.standard_t(seeds - 1, 1000)])) for _ in range(40)
    ]
    assert 0.0005 < np.median(found) < 0.002  # exactly: 0.001


def test_draws_without_spread_prove_nothing_by_themselves() -> None:
    assert p_value(np.full(1001, 5.0)) == p_value(np.full(1001, 5.0), normal=True) == 0.02
    assert p_value(np.zeros(1001)) == 1


def test_adjusted_p_values_of_a_family() -> None:
    assert adjust([], "holm") == []
    assert adjust([0.01, 0.04, 0.03], "holm") == pytest.approx([0.03, 0.06, 0.06])
    assert adjust([0.01, 0.04, 0.03], "bh") == pytest.approx([0.03, 0.04, 0.04])


def test_columns_of_different_lengths_are_refused() -> None:
    good = cell([1.0, 0.0])
    with pytest.raises(ValueError, match="differ in length"):
        Examples(good.ids[:1], good.statistics, good.statuses, good.removed_tokens)
