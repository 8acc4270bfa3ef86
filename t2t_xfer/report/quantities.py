"""The numbers that claims speak of: changes, their differences and the best of several, redrawn.

The rule: a number is a mean over exactly the cells that its words name, each pair of intermediate
and target weighing the same; a cell that is not finished makes it none at all.

    quantities = Quantities(axes, resampled, observed)
    quantities.change(cells).drawn          # points: [1 + replicates], index 0 the number itself
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import product

import numpy as np

from t2t_xfer.report.drawn import Drawn, change_over, mean_of
from t2t_xfer.report.draws import only, side_of
from t2t_xfer.report.grid import NONE, Grid
from t2t_xfer.report.resampled import Resampled
from t2t_xfer.report.selection import Axes, Cells, Names, NotTestedError, Place
from t2t_xfer.study.results import Result

Pair = tuple[str, str]
SHOWN = 3
"""So many unfinished cells are named."""


@dataclass(frozen=True, eq=False)
class Part:
    """One number that a statement is about."""

    name: str
    drawn: Drawn | None
    """Points. None: no cell of it counts."""
    pairs: tuple[Pair, ...]
    """Intermediate and target: the mean is over these, for each model."""
    left_out: tuple[Pair, ...]
    """Pairs that do not count, or not on both sides of a difference."""


class Quantities:
    """Changes of one study, each computed once."""

    def __init__(self, axes: Axes, resampled: Resampled, observed: Sequence[Result]) -> None:
        self._axes = axes
        self._resampled = resampled
        self._observed = observed
        self._finished = {row.key[:5] for row in axes.grid.rows}
        self._change = cache(self._change_of)
        self._languages_of: dict[str, set[str]] = {}
        self._seeds: dict[tuple[str, str, str, str], set[int]] = {}
        for model, intermediate, target, language, seed in axes.planned:
            self._languages_of.setdefault(target, set()).add(language)
            at = (model, intermediate, target, language)
            self._seeds.setdefault(at, set()).add(seed)

    def change(self, cells: Cells) -> Part:
        """The mean change from no intermediate training.

        Raises:
            NotTestedError: a cell of it is not finished, or not in the study.
        """
        pairs = cells.pairs(self._axes.grid)
        return _part(cells.name, self._mean(cells, pairs), cells, pairs)

    def difference(self, first: Cells, second: Cells) -> Part:
        """The mean change of `first` minus that of `second`, over what counts on both sides.

        Raises:
            NotTestedError: as `change`.
        """
        one, two = _shared(first, second, self._axes.grid)
        left, right = self._mean(first, one), self._mean(second, two)
        drawn = None if left is None or right is None else left.minus(right)
        return _part(_versus(first.name, second.name), drawn, first, one)

    def best(self, options: Sequence[Cells]) -> Part:
        """The change of the best of several intermediates, chosen for each target and model.

        A choice that is judged by the scores it was made on is flattered by them. So it is made on
        one half of the examples and judged by the other, and the other way round; the number is
        the mean of the two.

        Args:
            options: the cells of each intermediate.

        Raises:
            NotTestedError: as `change`; or there are too few examples for two halves.
        """
        whole = options[0]
        found: list[Drawn] = []
        used: dict[Pair, None] = {}
        for model, target in product(whole.models, whole.targets):
            counted = [
                pair
                for each in options
                for pair in each.pairs(self._axes.grid)
                if pair[1] == target
            ]
            for pair in counted:
                self._change(model, *pair, whole.languages)  # all there, or it says what is not
                used[pair] = None
            for side in (0, 1) if counted else ():
                found.append(self._judged(side, model, counted, whole.languages))
        every = product((each.intermediates[0] for each in options), whole.targets)
        name = " / ".join([f"best of {len(options)}", *whole.name.split(" / ")[1:]])
        return Part(name, mean_of(found), tuple(used), tuple(p for p in every if p not in used))

    def _judged(self, side: int, model: str, pairs: Sequence[Pair], which: str | Names) -> Drawn:
        """On one half of the examples, the change of the pair that is best on the other half."""
        languages = self._languages(pairs[0][1], which)
        halves = [
            [change_over(half, model, *pair, languages) for pair in pairs]
            for half in (self._halves[side], self._halves[1 - side])
        ]
        judged = [each for each in halves[0] if each is not None]
        chosen = [each.values[0] for each in halves[1] if each is not None]
        if len(judged) != len(pairs) or len(chosen) != len(pairs):
            raise NotTestedError(
                f"{pairs[0][1]} has too few examples to choose on one half of them"
            )
        return judged[int(np.argmax(chosen))]

    @cached_property
    def _halves(self) -> tuple[Resampled, Resampled]:
        """The scores of either half of the examples."""
        return self._half(0), self._half(1)

    def _half(self, side: int) -> Resampled:
        kept = [only(each, lambda id: side_of(id) == side) for each in self._observed]
        there = [each for each in kept if each is not None]
        return Resampled(there, replicates=self._resampled.replicates, seed=1 + side)

    def _mean(self, cells: Cells, pairs: Sequence[Pair]) -> Drawn | None:
        places = product(cells.models, pairs)
        return mean_of(self._change(model, *pair, cells.languages) for model, pair in places)

    def _change_of(self, model: str, intermediate: str, target: str, which: str | Names) -> Drawn:
        languages = self._languages(target, which)
        self._check(model, intermediate, target, languages)
        drawn = change_over(self._resampled, model, intermediate, target, languages)
        assert drawn is not None  # finished, by `_check`
        return drawn

    def _languages(self, target: str, which: str | Names) -> Names:
        known = self._languages_of[target]
        if not self._axes.grid.of(target):
            raise NotTestedError(f"no cell of {target} is finished")
        source = self._axes.grid.source(target)
        wanted = {"others": known - {source}, "all": known, "source": known & {source}}
        found = wanted[which] if isinstance(which, str) else set(which)
        if not isinstance(which, str) and found - known:
            lacking = ", ".join(sorted(found - known))
            raise NotTestedError(f"the study does not test {target} in {lacking}")
        if not found:
            what = "its source language" if which == "source" else "a zero-shot language"
            raise NotTestedError(f"the study does not test {target} in {what}")
        return tuple(sorted(found))

    def _check(self, model: str, intermediate: str, target: str, languages: Names) -> None:
        open_cells: list[Place] = []
        for language in languages:
            after, before = (
                self._seeds.get((model, each, target, language), set())
                for each in (intermediate, NONE)
            )
            if not after or not before:
                name = NONE if after else intermediate
                raise NotTestedError(
                    f"the study leaves out {target} after {name} for {model} in {language}"
                )
            if after != before:
                raise NotTestedError(
                    f"{target} in {language} has other seeds after {intermediate} than after {NONE}"
                )
            open_cells += self._unfinished(model, (intermediate, NONE), target, language, after)
        if open_cells:
            shown = "; ".join(", ".join(map(str, place)) for place in open_cells[:SHOWN])
            more = f" and {len(open_cells) - SHOWN} more" if len(open_cells) > SHOWN else ""
            raise NotTestedError(f"not finished: {shown}{more}")

    def _unfinished(
        self, model: str, sides: Iterable[str], target: str, language: str, seeds: Iterable[int]
    ) -> list[Place]:
        places = [(model, side, target, language, seed) for side in sides for seed in sorted(seeds)]
        return [place for place in places if place not in self._finished]


def _part(name: str, drawn: Drawn | None, cells: Cells, pairs: Sequence[Pair]) -> Part:
    whole = product(cells.intermediates, cells.targets)
    return Part(name, drawn, tuple(pairs), tuple(pair for pair in whole if pair not in pairs))


def _shared(first: Cells, second: Cells, grid: Grid) -> tuple[list[Pair], list[Pair]]:
    """The pairs of each side that have their like on the other."""
    one, two = first.pairs(grid), second.pairs(grid)
    if (first.intermediates, first.targets) == (second.intermediates, second.targets):
        both = [pair for pair in one if pair in two]
        return both, both
    if first.targets == second.targets:
        # For every intermediate of either side.
        kept = _common(
            [{t for i, t in one if i == each} for each in first.intermediates]
            + [{t for i, t in two if i == each} for each in second.intermediates]
        )
        return [p for p in one if p[1] in kept], [p for p in two if p[1] in kept]
    if first.intermediates == second.intermediates:
        kept = _common(
            [{i for i, t in one if t == each} for each in first.targets]
            + [{i for i, t in two if t == each} for each in second.targets]
        )
        return [p for p in one if p[0] in kept], [p for p in two if p[0] in kept]
    return one, two


def _common(sets: Sequence[set[str]]) -> set[str]:
    return set.intersection(*sets)


def _versus(first: str, second: str) -> str:
    """`mnli / xnli` and `qqp / xnli` as `mnli minus qqp / xnli`."""
    one, two = first.split(" / "), second.split(" / ")
    if len(one) != len(two):
        return f"({first}) minus ({second})"
    both = [a if a == b else f"{a} minus {b}" for a, b in zip(one, two, strict=True)]
    return " / ".join(both)
