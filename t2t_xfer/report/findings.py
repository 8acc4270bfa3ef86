"""What a study found, with its uncertainty: scores, changes, contrasts of models, transfer gaps.

The rule: every figure is a mean over one array of redrawn numbers (`numbers.py`), so it is paired;
a record says what it is a mean over, how many examples and seeds it rests on, and whether it counts
towards the means over pairs; and a p-value is adjusted within the grid that a reader sees it in.
Grids of means over languages by Holm, grids of single languages (one a target) by
Benjamini-Hochberg, and cells that do not count (same-data, translate-train) apart from those that
do.

A gap is the source language minus the unweighted mean of a group's languages, and a narrower gap
says nothing of which side moved: look at the changes too. Families and scripts are those of
`languages.py`; there is no distance between real languages here (docs/statistics.md).

    found = study_numbers(results.finished, planned)
    found.main.analysis.change("mt5", "mnli", "xnli")   # zero-shot languages: interval, p, adjusted
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations, product
from typing import NamedTuple, TypeAlias, TypeVar

from t2t_xfer.languages import LANGUAGES
from t2t_xfer.report.intervals import Family, Interval, adjust_within
from t2t_xfer.report.limits import limits
from t2t_xfer.report.numbers import (
    ALL,
    NONE,
    Drawn,
    Grid,
    Planned,
    by_readout,
    mean_of,
    read_twice,
    redraw,
)
from t2t_xfer.study.results import Result

LEVEL = 0.05
"""A change is marked as significant where its adjusted p is below this."""

OTHERS = "others"
"""A group of languages: all zero-shot ones."""

Place: TypeAlias = tuple[str, str, str, str | None]
"""Model, intermediate, target and language; for the language None (the zero-shot ones) or `ALL`."""
_Pair: TypeAlias = tuple[str, str]
"""Intermediate and target."""


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


class Analysed(NamedTuple):
    """A grid and its analysis."""

    grid: Grid
    analysis: Analysis


class Numbers(NamedTuple):
    """What a report tells."""

    main: Analysed
    aside: Analysed
    """The same places read in another way (`numbers.by_readout`)."""


def study_numbers(
    finished: Sequence[Result], planned: Sequence[Planned] = (), *, replicates: int = 1000
) -> Numbers:
    """The numbers of the cells that are finished; of none, empty grids.

    Args:
        planned: every cell of the study, so that what is missing from a mean is known; empty: every
            combination of what the finished ones name.
        replicates: redrawings behind each interval.

    Raises:
        ValueError: two of them are the same cell.
    """
    embedded = read_twice([*finished, *planned])
    redrawn = redraw(finished, replicates=replicates, embedded=embedded)
    grids = zip(by_readout(finished, embedded), by_readout(planned, embedded), strict=True)
    main, aside = (Grid(rows, cells, redrawn) for rows, cells in grids)
    return Numbers(Analysed(main, analyse(main)), Analysed(aside, analyse(aside)))


def analyse(grid: Grid) -> Analysis:
    """The analysis of the cells of a grid; of none, an empty one with a note."""
    changes, gaps = find_changes(grid), find_gaps(grid)
    notes = limits(grid, changes, gaps)
    return Analysis(find_scores(grid), changes, find_contrasts(grid), gaps, notes)


def find_scores(grid: Grid) -> dict[Place, Interval]:
    """The score of every place that has one, 0 to 100."""
    found: dict[Place, Interval] = {}
    for model, intermediate, target in product(grid.models, grid.intermediates, grid.targets):
        for language, codes in _views(grid, target):
            drawn = grid.scores.over(model, intermediate, target, codes)
            if drawn is not None:
                found[model, intermediate, target, language] = drawn.interval(0.0)
    return found


def find_changes(grid: Grid) -> tuple[Change, ...]:
    """The change of every place, then the means over the pairs that count, model by model."""
    found: list[Change] = []
    for model in grid.models:
        of_pairs: dict[str | None, dict[_Pair, Drawn]] = {None: {}, ALL: {}}
        for pair in _pairs(grid):
            for language, codes in _views(grid, pair[1]):
                drawn = grid.changes.over(model, *pair, codes)
                if drawn is None:
                    continue
                counts = grid.counts(*pair)
                found.append(_change(grid, model, *pair, language, drawn, counts))
                if counts and language in of_pairs:
                    of_pairs[language][pair] = drawn
        for language, parts in of_pairs.items():
            for margin, mean in _margins(grid, parts):
                found.append(_change(grid, model, *margin, language, mean, True))
    return _adjusted(found, _family_of_change)


def find_contrasts(grid: Grid) -> tuple[Contrast, ...]:
    """The interaction of every two models, on the cells that both have."""
    found: list[Contrast] = []
    for first, second in combinations(grid.models, 2):
        parts: dict[_Pair, Drawn] = {}
        for pair in _pairs(grid):
            drawn = mean_of(_difference(grid, first, second, *pair))
            if drawn is not None:
                found.append(_contrast(first, second, *pair, drawn))
                if grid.counts(*pair):
                    parts[pair] = drawn
        for margin, mean in _margins(grid, parts):
            found.append(_contrast(first, second, *margin, mean))
    return _adjusted(found, lambda x: Family("holm", (x.target is None, x.intermediate is None)))


def find_gaps(grid: Grid) -> tuple[Gap, ...]:
    """The gaps of every model and intermediate: by target and group, then over targets."""
    found: list[Gap] = []
    for model, intermediate in product(grid.models, grid.intermediates):
        parts: dict[str, list[tuple[tuple[str, ...], Drawn, Drawn | None]]] = {}
        for target in grid.targets:
            for group, codes in language_groups(grid.others(target)).items():
                place = (model, intermediate, target)
                gap = grid.source_minus(grid.scores, *place, codes)
                if gap is None:
                    continue
                change = grid.source_minus(grid.changes, *place, codes)
                found.append(_gap(grid, *place, group, codes, gap, change))
                counted = change if grid.counts(intermediate, target) else None
                parts.setdefault(group, []).append((codes, gap, counted))
        for group, of_targets in parts.items():
            every = tuple(dict.fromkeys(code for codes, _, _ in of_targets for code in codes))
            gap = mean_of(gap for _, gap, _ in of_targets)
            change = mean_of(change for _, _, change in of_targets)
            assert gap is not None
            found.append(_gap(grid, model, intermediate, None, group, every, gap, change))
    return _adjusted(found, _family_of_gap)


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


def _views(grid: Grid, target: str) -> Iterator[tuple[str | None, Sequence[str]]]:
    """Every way to look at a target's languages: one by one, zero-shot ones, all."""
    yield from ((code, (code,)) for code in grid.languages(target))
    yield None, grid.others(target)
    yield ALL, grid.languages(target)


def _pairs(grid: Grid) -> list[_Pair]:
    return [pair for pair in product(grid.intermediates, grid.targets) if pair[0] != NONE]


def _margins(
    grid: Grid, parts: Mapping[_Pair, Drawn]
) -> Iterator[tuple[tuple[str | None, str | None], Drawn]]:
    """Means over targets, over intermediates, and over both: of the parts that are there."""
    trained = [each for each in grid.intermediates if each != NONE]
    margins: list[tuple[str | None, str | None]] = [(each, None) for each in trained]
    margins += [*((None, target) for target in grid.targets), (None, None)]
    for margin in margins:
        mean = mean_of(
            drawn
            for pair, drawn in parts.items()
            if all(wanted in (None, name) for wanted, name in zip(margin, pair, strict=True))
        )
        if mean is not None:
            yield margin, mean


def _difference(
    grid: Grid, first: str, second: str, intermediate: str, target: str
) -> Iterator[Drawn]:
    """By zero-shot language that both models have."""
    for code in grid.others(target):
        one = grid.changes.over(first, intermediate, target, (code,))
        two = grid.changes.over(second, intermediate, target, (code,))
        if one is not None and two is not None:
            yield one.minus(two)


def _change(
    grid: Grid,
    model: str,
    intermediate: str | None,
    target: str | None,
    language: str | None,
    drawn: Drawn,
    counts: bool,
) -> Change:
    return Change(
        model=model,
        architecture=grid.architectures[model],
        intermediate=intermediate,
        target=target,
        language=language,
        interval=drawn.interval(),
        p=drawn.p,
        adjusted=1.0,
        effect=float(drawn.effect),
        n=int(drawn.n),
        seeds=int(drawn.seeds),
        unseen=float(drawn.unseen),
        counts=counts,
    )


def _contrast(
    first: str, second: str, intermediate: str | None, target: str | None, drawn: Drawn
) -> Contrast:
    what = (first, second, target, intermediate, drawn.interval(-200.0), drawn.p)
    return Contrast(*what, 1.0, int(drawn.n), int(drawn.seeds))


def _gap(
    grid: Grid,
    model: str,
    intermediate: str,
    target: str | None,
    group: str,
    codes: tuple[str, ...],
    gap: Drawn,
    change: Drawn | None,
) -> Gap:
    moved = None if change is None else change.interval(-200.0)
    p = 1.0 if change is None else change.p
    where = (model, grid.architectures[model], intermediate, target, group, codes)
    return Gap(*where, gap.interval(), moved, p)


_Tested = TypeVar("_Tested", Change, Contrast, Gap)


def _adjusted(found: Sequence[_Tested], family: Callable[[_Tested], Family]) -> tuple[_Tested, ...]:
    """With p-values adjusted within each family."""
    adjusted = adjust_within([each.p for each in found], [family(each) for each in found])
    return tuple(replace(each, adjusted=p) for each, p in zip(found, adjusted, strict=True))


def _family_of_change(change: Change) -> Family:
    if change.language in (None, ALL):
        shape = (change.target is None, change.intermediate is None)
        return Family("holm", (change.language, *shape, change.counts))
    return Family("bh", (change.target, change.counts))


def _family_of_gap(gap: Gap) -> Family:
    """Gaps of one printed table; those that have not changed are no tests."""
    kind, _, _ = gap.group.partition(":")
    shape = (kind, gap.target is None, gap.change is None)
    return Family("bh" if kind == "language" else "holm", shape)
