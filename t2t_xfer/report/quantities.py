"""The numbers that claims speak of: changes, their differences and the best of several, redrawn.

The rule: a number is a mean over exactly the cells that its words name, each pair of intermediate
and target weighing the same; a cell that is not finished makes it none at all.

    quantities = Quantities(axes, resampled)
    quantities.change(cells).drawn          # points: [1 + replicates], index 0 the number itself
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product

import numpy as np

from t2t_xfer.report.drawn import Drawn, change_over, mean_of
from t2t_xfer.report.grid import NONE, Grid
from t2t_xfer.report.resampled import Resampled
from t2t_xfer.report.selection import Axes, Cells, Names, NotTestedError, Place

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

    def __init__(self, axes: Axes, resampled: Resampled) -> None:
        self._axes = axes
        self._resampled = resampled
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

        The choice is made on the scores that it is judged by, which flatters it. How much, is seen
        where the truth is known: in each redrawing the best is chosen anew and compared with its
        own change in the data. That optimism is taken off the number, and its spread is the spread
        of the number (the optimism bootstrap: Efron and Tibshirani 1993, chapter 17).

        Args:
            options: the cells of each intermediate.

        Raises:
            NotTestedError: as `change`.
        """
        whole = options[0]
        grid = self._axes.grid
        found: list[Drawn] = []
        pairs: list[Pair] = []
        for model, target in product(whole.models, whole.targets):
            counted = [pair for each in options for pair in each.pairs(grid) if pair[1] == target]
            if counted:
                changes = [self._change(model, *pair, whole.languages) for pair in counted]
                found.append(_best_of(changes))
                pairs += counted
        everything = tuple(o.intermediates[0] for o in options)
        used = tuple(dict.fromkeys(pairs))
        left = tuple(p for p in product(everything, whole.targets) if p not in used)
        name = " / ".join([f"best of {len(options)}", *whole.name.split(" / ")[1:]])
        return Part(name, mean_of(found), used, left)

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
        if target not in self._axes.grid.targets:
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


def _best_of(options: Sequence[Drawn]) -> Drawn:
    """The best one's change without the optimism of the choice."""
    changes = np.stack([each.values for each in options])
    chosen = changes.argmax(axis=0)
    optimism = changes.max(axis=0) - changes[chosen, 0]
    corrected = changes[:, 0].max() - optimism
    corrected[0] = corrected[1:].mean()
    return Drawn(corrected, min(each.n for each in options), min(each.seeds for each in options))


def _versus(first: str, second: str) -> str:
    """`mnli / xnli` and `qqp / xnli` as `mnli minus qqp / xnli`."""
    one, two = first.split(" / "), second.split(" / ")
    if len(one) != len(two):
        return f"({first}) minus ({second})"
    both = [a if a == b else f"{a} minus {b}" for a, b in zip(one, two, strict=True)]
    return " / ".join(both)
