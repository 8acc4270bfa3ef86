"""The analysis of a study: the same numbers as its tables, and honest about what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from statistics import fmean
from typing import TypeAlias

import numpy as np
import pytest
from numpy.random import default_rng

from t2t_xfer.report.findings import Analysis, language_groups, study_numbers
from t2t_xfer.report.intervals import cohens_h
from t2t_xfer.report.numbers import ALL, Grid, average
from t2t_xfer.study.results import Result

from .observing import cell, made_study


@cache
def study(name: str) -> tuple[Grid, Analysis]:
    return analysed(STUDIES[name])


def analysed(observed: Sequence[Result]) -> tuple[Grid, Analysis]:
    """The grid, and what redrawing says."""
    found = study_numbers(observed, replicates=60).main
    return found.grid, found.analysis


def half_of(observed: Sequence[Result], seed: int) -> list[Result]:
    rng = default_rng(seed)
    return [each for each in observed if rng.random() < 0.5]


STUDIES = {
    "whole": made_study(default_rng(0), seeds=(0, 1, 2), models=3),
    "one seed": made_study(default_rng(1)),
    "half": half_of(made_study(default_rng(2), seeds=(0, 1)), 0),
    "another half": half_of(made_study(default_rng(3)), 1),
    "one language": [x for x in made_study(default_rng(4)) if x.language == "de"],
    "source only": [x for x in made_study(default_rng(4)) if x.language == "en"],
    "one model": made_study(default_rng(5), models=1),
    "no baseline": [x for x in made_study(default_rng(6)) if x.intermediate != "none"],
    "baseline only": [x for x in made_study(default_rng(6)) if x.intermediate == "none"],
    "one example": made_study(default_rng(7), n=1),
    "empty": [],
}


Scores: TypeAlias = "dict[str, dict[int, float]]"
"""By language and seed."""


def scores_at(grid: Grid, *place: str) -> Scores:
    found: Scores = {}
    for row in grid.rows:
        if (row.model, row.intermediate, row.target) == place:
            found.setdefault(row.language, {})[row.seed] = row.score
    return found


def mean_of_means(scores: Scores, codes: Sequence[str]) -> float | None:
    """Over seeds, then over the languages that are there."""
    return average(fmean(scores[code].values()) for code in codes if scores.get(code))


def differences(after: Scores, before: Scores) -> Scores:
    """Seed by seed, in the languages that both have."""
    return {
        code: {seed: by_seed[seed] - before[code][seed] for seed in by_seed if seed in before[code]}
        for code, by_seed in after.items()
        if code in before
    }


@pytest.mark.parametrize("name", STUDIES)
def test_every_study_is_analysed_as_far_as_it_goes(name: str) -> None:
    """Its values are plain means of means; intervals hold them; notes say what is amiss."""
    grid, found = study(name)
    assert found.notes
    places = {(x.model, x.intermediate, x.target, x.language): x for x in found.changes}
    assert len(places) == len(found.changes)
    for model in grid.models:
        counted = []
        for intermediate in grid.intermediates:
            for target in grid.targets:
                place = (model, intermediate, target)
                others, source = grid.others(target), grid.source(target)
                scores = scores_at(grid, *place)
                changes = differences(scores, scores_at(grid, model, "none", target))
                every = grid.languages(target)
                for language, codes in ((None, others), ("de", ["de"]), (ALL, every)):
                    score = found.score(*place, language)
                    expected = mean_of_means(scores, codes)
                    assert (score and score.value) == pytest.approx(expected)
                    change = found.change(*place, language)
                    expected = mean_of_means(changes, codes)
                    if intermediate != "none":
                        assert (change and change.interval.value) == pytest.approx(expected)
                gap, sides = (
                    found.gap(*place),
                    [mean_of_means(scores, x) for x in ([source], others)],
                )
                expected = None if None in sides else sides[0] - sides[1]  # type: ignore[operator]
                assert (gap and gap.interval.value) == pytest.approx(expected)
                if intermediate != "none" and grid.counts(intermediate, target):
                    counted.append(mean_of_means(changes, others))
        over = found.change(model, None, None)
        assert (over and over.interval.value) == pytest.approx(average(counted))
    for one in (*found.changes, *found.contrasts):
        assert one.interval.low <= one.interval.value <= one.interval.high
        assert one.interval.low < one.interval.high
        assert 0 < one.p <= one.adjusted <= 1
    for score in found.scores.values():
        assert 0 <= score.low <= score.value <= score.high <= 100


def test_what_is_missing_is_told() -> None:
    notes = {name: " ".join(study(name)[1].notes) for name in STUDIES}
    assert "nothing to analyse" in notes["empty"]
    assert "One seed" in notes["one seed"]
    assert "3 seeds" in notes["whole"]
    assert "One seed" not in notes["whole"]
    assert "Some cells are missing" in notes["half"]
    assert "One model" in notes["one model"]
    assert "No run without intermediate training" in notes["no baseline"]
    assert "no changes" in notes["baseline only"]
    assert "no transfer gap" in notes["one language"]
    assert "No zero-shot language" in notes["source only"]
    assert "Fewer than 30 examples" in notes["one example"]
    assert "Fewer than 30 examples" not in notes["one seed"]


def test_the_same_answers_change_exactly_nothing() -> None:
    right = default_rng(0).random(80) < 0.7
    cells = [
        cell(right, intermediate=each, language=code, seed=seed)
        for each in ("none", "mnli")
        for code in ("en", "de")
        for seed in (0, 1)
    ]
    _, found = analysed(cells)
    change = found.change("enc", "mnli", "xnli")
    assert change is not None
    assert (change.interval.value, change.p, change.adjusted, change.effect) == (0, 1, 1, 0)
    assert change.interval.high == pytest.approx(-change.interval.low)
    assert change.interval.high == pytest.approx(3.7, abs=0.05)
    assert any("rule of three" in note for note in found.notes)


def test_as_many_better_as_worse_is_not_the_same_answers() -> None:
    right = np.arange(80) % 2 == 0
    _, found = analysed([cell(right), cell(~right, intermediate="mnli")])
    change = found.change("enc", "mnli", "xnli", "de")
    assert change is not None
    assert change.interval.value == 0
    assert change.interval.high > 10
    assert not any("rule of three" in note for note in found.notes)


def test_a_perfect_score_leaves_open_what_n_examples_cannot_show() -> None:
    _, found = analysed([cell(np.ones(100))])
    score = found.score("enc", "none", "xnli", "de")
    assert score is not None
    assert (score.value, score.high) == (100, 100)
    assert score.low == pytest.approx(100 * 0.05**0.01)


def test_a_handful_of_pairs_is_never_significant() -> None:
    """All of five examples gained: signs alone come out so in 1 of 16 studies."""
    _, found = analysed([cell(np.zeros(5)), cell(np.ones(5), intermediate="mnli")])
    change = found.change("enc", "mnli", "xnli", "de")
    assert change is not None
    assert change.p == 1 / 16


def test_same_data_cells_stay_out_of_means_and_of_the_family() -> None:
    _, found = study("one seed")
    same = found.change("enc", "mnli", "xnli")
    assert same is not None
    assert not same.counts
    changed = [
        replace(
            each,
            score=100.0,
            chosen=replace(each.examples, statistics=np.ones_like(each.statistics)),
        )
        if each.same_data
        else each
        for each in STUDIES["one seed"]
    ]
    _, again = analysed(changed)
    assert again.change("enc", "mnli", "xnli") != same
    for place in (("enc", None, None), ("enc", "mnli", None), ("enc", "squad", "xnli")):
        assert again.change(*place) == found.change(*place)


def test_a_contrast_is_the_difference_of_changes_on_the_cells_that_both_have() -> None:
    _, found = study("whole")
    contrast = found.contrast("enc", "dec", "paws_x", "squad")
    first, second = (found.change(model, "squad", "paws_x") for model in ("enc", "dec"))
    assert contrast is not None
    assert first is not None
    assert second is not None
    assert contrast.interval.value == pytest.approx(first.interval.value - second.interval.value)
    assert found.contrast("dec", "enc") is None
    without = [x for x in STUDIES["whole"] if (x.model, x.language) != ("dec", "tr")]
    grid, half = analysed(without)
    contrast = half.contrast("enc", "dec", "paws_x", "squad")
    both = [grid.change(model, "squad", "paws_x", ["de"]) for model in ("enc", "dec")]
    assert contrast is not None
    assert contrast.interval.value == pytest.approx((both[0] or 0) - (both[1] or 0))


def test_grids_are_adjusted_apart() -> None:
    _, found = study("whole")
    grid = [x for x in found.changes if x.target and x.intermediate and x.language is None]
    counted = sorted(x.p for x in grid if x.counts)
    assert len(counted) == 9
    least = min((x for x in grid if x.counts), key=lambda x: x.p)
    assert least.adjusted == pytest.approx(min(1, 9 * least.p))  # Holm, three models together
    single = [x for x in found.changes if x.language in ("en", "de", "tr") and x.counts]
    of_target = [x for x in single if x.target == "paws_x"]
    most = max(of_target, key=lambda x: x.p)
    assert most.adjusted == most.p  # Benjamini-Hochberg leaves the largest as it is
    assert [x.adjusted for x in found.changes if x.target is x.intermediate is None]


def test_gaps_by_family_and_script() -> None:
    groups = language_groups(("de", "tr", "zh", "xx"))
    assert groups["others"] == ("de", "tr", "zh", "xx")
    assert groups["language:xx"] == ("xx",)
    assert groups["script:Latin"] == ("de", "tr")
    assert groups["family:Turkic"] == ("tr",)
    grid, found = study("one seed")
    gap = found.gap("enc", "squad", "xnli", "family:Turkic")
    assert gap is not None
    assert gap.languages == ("tr",)
    sides = [grid.mean("enc", "squad", "xnli", [code]) or 0 for code in ("en", "tr")]
    assert gap.interval.value == pytest.approx(sides[0] - sides[1])
    moved = [grid.change("enc", "squad", "xnli", [code]) or 0 for code in ("en", "tr")]
    assert gap.change is not None
    assert gap.change.value == pytest.approx(moved[0] - moved[1])
    means = [found.gap("enc", "squad", target) for target in grid.targets]
    over = found.gap("enc", "squad", None)
    assert over is not None
    assert over.interval.value == pytest.approx(average(x and x.interval.value for x in means))


def test_effects_count_a_step_near_the_ceiling_for_more() -> None:
    assert cohens_h(60.0, 60.0) == 0
    assert cohens_h(100.0, 0.0) == pytest.approx(np.pi)
    assert cohens_h(97.0, 95.0) > 2 * cohens_h(52.0, 50.0) > 0


def test_the_same_study_gives_the_same_analysis() -> None:
    assert study("another half")[1] == analysed(STUDIES["another half"])[1]
