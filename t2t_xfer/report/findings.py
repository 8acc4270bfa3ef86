"""What a study found, with its uncertainty: scores, changes, contrasts of models, transfer gaps.

The rule: every figure is arithmetic on `Resampled`, so it is paired; a record says what it is a
mean over, how many examples and seeds it rests on, and whether it counts towards the means over
pairs; and a p-value is adjusted within the grid that a reader sees it in. Grids of means over
languages by Holm, grids of single languages (one a target) by Benjamini-Hochberg, and cells that
do not count (same-data, translate-train) apart from those that do.

A gap is the source language minus the unweighted mean of a group's languages, and a narrower gap
says nothing of which side moved: look at the changes too. Families and scripts are those of
`languages.py`; there is no distance between real languages here (docs/statistics.md).

    analysis = analyse(grid, Resampled(observed))
    analysis.change("mt5", "mnli", "xnli")          # zero-shot languages: interval, p, adjusted
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations, product
from typing import TypeAlias

from t2t_xfer.languages import LANGUAGES
from t2t_xfer.report.drawn import Drawn, certain, change_over, mean_of, p_of, score_over
from t2t_xfer.report.grid import ALL, NONE, Grid
from t2t_xfer.report.intervals import Family, Interval, adjust_within
from t2t_xfer.report.limits import limits
from t2t_xfer.report.resampled import Resampled

LEVEL = 0.05
"""A change is marked as significant where its adjusted p is below this."""

Place: TypeAlias = tuple[str, str, str, str | None]
"""Model, intermediate, target and language; for the language None (the zero-shot ones) or `ALL`."""


@dataclass(frozen=True)
class Change:
    """A change against no intermediate training, paired by example and seed."""

    model: str
    architecture: str
    intermediate: str | None
    """None: the mean over all of them that count."""
    target: str | None
    """None: the mean over all of them that count (`Grid.counts`), each weighing the same."""
    language: str | None
    """None: the mean over the zero-shot languages; `ALL`: over all languages."""
    interval: Interval
    """In points."""
    p: float
    """Two-sided, of no change."""
    adjusted: float
    """By Holm within its printed grid, or Benjamini-Hochberg in a grid of single languages."""
    effect: float
    """Cohen's h: the change on the arcsine scale; 0.2 is small, 0.5 medium, 0.8 large."""
    n: int
    """Examples (clusters) of the smallest language in it."""
    seeds: int
    """The fewest seeds of a cell in it. 1: the interval covers examples only."""
    unseen: float
    """In points, inside the interval: what cells leave open in which no example differs (the rule
    of three). 0: there is no such cell."""
    counts: bool
    """False: a same-data or translate-train cell, which is in no mean over pairs."""

    @property
    def significant(self) -> bool:
        """Whether the change is marked."""
        return self.adjusted < LEVEL


@dataclass(frozen=True)
class Contrast:
    """The interaction: the change of one model minus that of another, on the same cells."""

    first: str
    second: str
    target: str | None
    """None: the mean over the pairs that count and both models have."""
    intermediate: str | None
    interval: Interval
    """In points, over the zero-shot languages that both models have."""
    p: float
    adjusted: float
    n: int
    seeds: int

    @property
    def significant(self) -> bool:
        """Whether the difference is marked."""
        return self.adjusted < LEVEL


@dataclass(frozen=True)
class Gap:
    """A transfer gap: the source language minus the mean of other languages, in points."""

    model: str
    architecture: str
    intermediate: str
    target: str | None
    """None: the mean over the targets that have the group."""
    group: str
    """`others` (all zero-shot languages), `family:Turkic`, `script:Latin`, `language:tr`."""
    languages: tuple[str, ...]
    interval: Interval
    change: Interval | None
    """The gap minus the gap without intermediate training. Below 0: it narrowed."""
    p: float = 1.0
    """Two-sided, of no change; 1 without one."""
    adjusted: float = 1.0
    """By Holm among the gaps of one kind of group, by Benjamini-Hochberg among single languages."""

    @property
    def significant(self) -> bool:
        """Whether the change of the gap is marked."""
        return self.adjusted < LEVEL


def find_scores(grid: Grid, resampled: Resampled) -> dict[Place, Interval]:
    """The score of every place that has one, 0 to 100."""
    found: dict[Place, Interval] = {}
    for model, intermediate, target in product(grid.models, grid.intermediates, grid.targets):
        for language, codes in _views(grid, target):
            drawn = score_over(resampled, model, intermediate, target, codes)
            if drawn is not None:
                found[model, intermediate, target, language] = certain(drawn, 0.0)
    return found


def find_changes(grid: Grid, resampled: Resampled) -> tuple[Change, ...]:
    """The change of every place, then the means over the pairs that count, model by model."""
    found = [
        change
        for model in grid.models
        for change in (*_single(grid, resampled, model), *_means(grid, resampled, model))
    ]
    adjusted = adjust_within([each.p for each in found], [_family(each) for each in found])
    return tuple(replace(each, adjusted=p) for each, p in zip(found, adjusted, strict=True))


def find_contrasts(grid: Grid, resampled: Resampled) -> tuple[Contrast, ...]:
    """The interaction of every two models, on the cells that both have."""
    found = [
        contrast
        for first, second in combinations(grid.models, 2)
        for contrast in _between(grid, resampled, first, second)
    ]
    families = [Family("holm", (x.target is None, x.intermediate is None)) for x in found]
    adjusted = adjust_within([each.p for each in found], families)
    return tuple(replace(each, adjusted=p) for each, p in zip(found, adjusted, strict=True))


def _views(grid: Grid, target: str) -> Iterator[tuple[str | None, Sequence[str]]]:
    """Every way to look at a target's languages: one by one, zero-shot ones, all."""
    yield from ((code, (code,)) for code in grid.languages(target))
    yield None, grid.others(target)
    yield ALL, grid.languages(target)


def _pairs(grid: Grid) -> list[tuple[str, str]]:
    trained = [each for each in grid.intermediates if each != NONE]
    return list(product(trained, grid.targets))


def _single(grid: Grid, resampled: Resampled, model: str) -> Iterator[Change]:
    for intermediate, target in _pairs(grid):
        for language, codes in _views(grid, target):
            drawn = change_over(resampled, model, intermediate, target, codes)
            if drawn is not None:
                counts = grid.counts(intermediate, target)
                yield _change(grid, model, intermediate, target, language, drawn, counts)


def _means(grid: Grid, resampled: Resampled, model: str) -> Iterator[Change]:
    """Means over intermediates, over targets, and over both."""
    for language in (None, ALL):
        parts = {}
        for pair in _pairs(grid):
            codes = grid.others(pair[1]) if language is None else grid.languages(pair[1])
            drawn = change_over(resampled, model, *pair, codes)
            if drawn is not None and grid.counts(*pair):
                parts[pair] = drawn
        for intermediate, target in _margins(grid):
            mean = mean_of(_within(parts, intermediate, target))
            if mean is not None:
                yield _change(grid, model, intermediate, target, language, mean, True)


def _margins(grid: Grid) -> list[tuple[str | None, str | None]]:
    """(intermediate, None), (None, target) and (None, None)."""
    trained = [each for each in grid.intermediates if each != NONE]
    return [
        *((each, None) for each in trained),
        *((None, target) for target in grid.targets),
        (None, None),
    ]


def _within(
    parts: dict[tuple[str, str], Drawn], intermediate: str | None, target: str | None
) -> list[Drawn]:
    return [
        drawn
        for (one, other), drawn in parts.items()
        if intermediate in (None, one) and target in (None, other)
    ]


def _change(
    grid: Grid,
    model: str,
    intermediate: str | None,
    target: str | None,
    language: str | None,
    drawn: Drawn,
    counts: bool,
) -> Change:
    p = p_of(drawn)
    return Change(
        model=model,
        architecture=grid.architectures[model],
        intermediate=intermediate,
        target=target,
        language=language,
        interval=certain(drawn),
        p=p,
        adjusted=p,
        effect=drawn.effect,
        n=drawn.n,
        seeds=drawn.seeds,
        unseen=drawn.unseen,
        counts=counts,
    )


def _between(grid: Grid, resampled: Resampled, first: str, second: str) -> Iterator[Contrast]:
    parts: dict[tuple[str, str], Drawn] = {}
    for pair in _pairs(grid):
        drawn = mean_of(
            _difference(resampled, first, second, *pair, code) for code in grid.others(pair[1])
        )
        if drawn is not None:
            yield _contrast(first, second, *pair, drawn)
            if grid.counts(*pair):
                parts[pair] = drawn
    for intermediate, target in _margins(grid):
        mean = mean_of(_within(parts, intermediate, target))
        if mean is not None:
            yield _contrast(first, second, intermediate, target, mean)


def _difference(
    resampled: Resampled, first: str, second: str, intermediate: str, target: str, code: str
) -> Drawn | None:
    """In a language that both models have."""
    one = change_over(resampled, first, intermediate, target, (code,))
    two = change_over(resampled, second, intermediate, target, (code,))
    return None if one is None or two is None else one.minus(two)


def _contrast(
    first: str, second: str, intermediate: str | None, target: str | None, drawn: Drawn
) -> Contrast:
    p = p_of(drawn)
    return Contrast(
        first, second, target, intermediate, certain(drawn, -200.0), p, p, drawn.n, drawn.seeds
    )


def _family(change: Change) -> Family:
    if change.language in (None, ALL):
        shape = (change.target is None, change.intermediate is None)
        return Family("holm", (change.language, *shape, change.counts))
    return Family("bh", (change.target, change.counts))


OTHERS = "others"


def language_groups(codes: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Zero-shot languages by group; one that nobody described has no family and no script."""
    found: dict[str, tuple[str, ...]] = {OTHERS: codes} if codes else {}
    for code in codes:
        names = [f"language:{code}"]
        if code in LANGUAGES:
            one = LANGUAGES[code]
            names += [f"family:{one.family}", f"script:{one.script}"]
        for name in names:
            found[name] = (*found.get(name, ()), code)
    return found


def find_gaps(grid: Grid, resampled: Resampled) -> tuple[Gap, ...]:
    """The gaps of every model and intermediate: by target and group, then over targets."""
    found: list[Gap] = []
    for model, intermediate in product(grid.models, grid.intermediates):
        parts: dict[str, list[tuple[tuple[str, ...], Drawn, Drawn | None]]] = {}
        for target in grid.targets:
            for group, codes in language_groups(grid.others(target)).items():
                gap = _gap(grid, resampled, model, intermediate, target, codes)
                if gap is None:
                    continue
                change = _change_of_gaps(grid, resampled, model, intermediate, target, codes)
                found.append(_made(grid, model, intermediate, target, group, codes, gap, change))
                counted = change if grid.counts(intermediate, target) else None
                parts.setdefault(group, []).append((codes, gap, counted))
        for group, of_targets in parts.items():
            every = tuple(dict.fromkeys(code for codes, _, _ in of_targets for code in codes))
            gap = mean_of(gap for _, gap, _ in of_targets)
            change = mean_of(change for _, _, change in of_targets)
            assert gap is not None
            found.append(_made(grid, model, intermediate, None, group, every, gap, change))
    families = [_family_of_gaps(each) for each in found]
    adjusted = adjust_within([each.p for each in found], families)
    return tuple(replace(each, adjusted=p) for each, p in zip(found, adjusted, strict=True))


def _family_of_gaps(gap: Gap) -> Family:
    """Gaps of one printed table; those that have not changed are no tests."""
    kind, _, _ = gap.group.partition(":")
    shape = (kind, gap.target is None, gap.change is None)
    return Family("bh" if kind == "language" else "holm", shape)


def _made(
    grid: Grid,
    model: str,
    intermediate: str,
    target: str | None,
    group: str,
    codes: tuple[str, ...],
    gap: Drawn,
    change: Drawn | None,
) -> Gap:
    moved = None if change is None else certain(change, -200.0)
    p = 1.0 if change is None else p_of(change)
    architecture = grid.architectures[model]
    where = (model, architecture, intermediate, target, group, codes)
    return Gap(*where, certain(gap), moved, p, p)


def _gap(
    grid: Grid,
    resampled: Resampled,
    model: str,
    intermediate: str,
    target: str,
    codes: tuple[str, ...],
) -> Drawn | None:
    source = score_over(resampled, model, intermediate, target, (grid.source(target),))
    others = score_over(resampled, model, intermediate, target, codes)
    return None if source is None or others is None else source.minus(others)


def _change_of_gaps(
    grid: Grid,
    resampled: Resampled,
    model: str,
    intermediate: str,
    target: str,
    codes: tuple[str, ...],
) -> Drawn | None:
    """How much wider the gap became against no intermediate training."""
    if intermediate == NONE:
        return None
    source = change_over(resampled, model, intermediate, target, (grid.source(target),))
    others = change_over(resampled, model, intermediate, target, codes)
    return None if source is None or others is None else source.minus(others)


__all__ = ["ALL", "Analysis", "Change", "Contrast", "Gap", "Interval", "Place", "analyse"]


@dataclass(frozen=True)
class Analysis:
    """Everything a report says with an interval."""

    scores: Mapping[Place, Interval]
    """Means over seeds, 0 to 100."""
    changes: tuple[Change, ...]
    contrasts: tuple[Contrast, ...]
    gaps: tuple[Gap, ...]
    notes: tuple[str, ...]
    """What these intervals do not cover, in sentences."""

    def score(
        self, model: str, intermediate: str, target: str, language: str | None = None
    ) -> Interval | None:
        """The score of a place, 0 to 100; by default the mean over the zero-shot languages."""
        return self.scores.get((model, intermediate, target, language))

    def change(
        self, model: str, intermediate: str | None, target: str | None, language: str | None = None
    ) -> Change | None:
        """The change of a place against `none`; see `Change` for what None means."""
        return self._changes.get((model, intermediate, target, language))

    def contrast(
        self, first: str, second: str, target: str | None = None, intermediate: str | None = None
    ) -> Contrast | None:
        """The interaction of two models, in the order of the study's models."""
        return self._contrasts.get((first, second, target, intermediate))

    def gap(
        self, model: str, intermediate: str, target: str | None, group: str = "others"
    ) -> Gap | None:
        """The transfer gap of a place."""
        return self._gaps.get((model, intermediate, target, group))

    @cached_property
    def _changes(self) -> dict[tuple[str | None, ...], Change]:
        return {(x.model, x.intermediate, x.target, x.language): x for x in self.changes}

    @cached_property
    def _contrasts(self) -> dict[tuple[str | None, ...], Contrast]:
        return {(x.first, x.second, x.target, x.intermediate): x for x in self.contrasts}

    @cached_property
    def _gaps(self) -> dict[tuple[str | None, ...], Gap]:
        return {(x.model, x.intermediate, x.target, x.group): x for x in self.gaps}


def analyse(grid: Grid, resampled: Resampled) -> Analysis:
    """The analysis of the cells of a grid; of none, an empty one with a note.

    Args:
        grid: the rows of the main tables (`grid.by_readout`), or those read in a second way.
        resampled: of at least the cells of the grid.
    """
    changes = find_changes(grid, resampled)
    gaps = find_gaps(grid, resampled)
    return Analysis(
        find_scores(grid, resampled),
        changes,
        find_contrasts(grid, resampled),
        gaps,
        limits(grid, changes, gaps),
    )
