"""The scores, changes and contrasts of a grid, each with its interval and its adjusted p-value.

The rule: p-values are adjusted within the grid that a reader sees them in. Grids of means over
languages by Holm, grids of single languages (one a target) by Benjamini-Hochberg, and cells that
do not count (same-data, translate-train) apart from those that do.

    find_changes(grid, resampled)[0].adjusted
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations, product

from t2t_xfer.report.drawn import Drawn, certain, change_over, mean_of, p_of, score_over
from t2t_xfer.report.findings import ALL, Change, Contrast, Place
from t2t_xfer.report.grid import NONE, Grid
from t2t_xfer.report.intervals import Family, Interval, adjust_within
from t2t_xfer.report.resampled import Resampled


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
