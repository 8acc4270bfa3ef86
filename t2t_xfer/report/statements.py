"""What a statement of a claims file means in a study: which cells, and the numbers made of them.

The rule: what a study does not have is said, never left out in silence; a same-data or
translate-train pair has no part in a claim, and is named as left out. A number is a mean over
exactly the cells that its words name, each pair of intermediate and target weighing the same; a
cell that is not finished makes it none at all.

    sides(where, evidence, claims.targets)      # [Cells(models=("xlmr",), ...), ...]: one a part
    Quantities(evidence).change(cells).drawn    # points; `.value` is the number itself
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import chain, product
from typing import TypeAlias

import numpy as np

from t2t_xfer.report.draws import only, side_of
from t2t_xfer.report.numbers import NONE, Drawn, Grid, Redrawn, mean_of, redraw
from t2t_xfer.specs.claims import ALL, ALONE, AVERAGE, REST, Difference, Side, Where
from t2t_xfer.study.results import Result

Seeded: TypeAlias = tuple[str, str, str, str, int]
"""Model, intermediate, target, language and seed."""
Names: TypeAlias = tuple[str, ...]
Pair: TypeAlias = tuple[str, str]
"""Intermediate and target."""
SHOWN = 3
"""So many unfinished cells are named."""


class NotTestedError(Exception):
    """A study cannot test a statement; the message says what is missing."""


@dataclass(frozen=True)
class Evidence:
    """What a study has to say, and what it was planned to hold, finished or not."""

    grid: Grid
    """Of the finished cells, redrawn."""
    finished: Sequence[Result]
    planned: frozenset[Seeded]
    architectures: Mapping[str, str]
    """Of every planned model."""
    synthetic: bool

    def names(self, position: int) -> Names:
        """The distinct names at a position of the planned places, sorted."""
        return tuple(sorted({str(place[position]) for place in self.planned}))


@dataclass(frozen=True)
class Cells:
    """The cells whose mean change is one number: every pair of every model weighs the same."""

    models: Names
    intermediates: Names
    targets: Names
    languages: str | Names
    """`others`, `all`, `source`, or codes."""
    translated: bool
    name: str
    """Of the part, in words."""

    def pairs(self, grid: Grid) -> list[tuple[str, str]]:
        """The pairs of intermediate and target that count."""
        return [
            (intermediate, target)
            for intermediate, target in product(self.intermediates, self.targets)
            if grid.counts(intermediate, target)
            or (self.translated and not grid.same_data(intermediate, target))
        ]


def sides(where: Where, evidence: Evidence, targets: Names | None) -> list[Cells]:
    """The parts of a `change` or `best`.

    Raises:
        NotTestedError: the study lacks something that is named.
    """
    return [_cells(where, chosen) for chosen in _products(where, evidence, targets, {})]


def both_sides(
    difference: Difference, evidence: Evidence, targets: Names | None
) -> list[tuple[Cells, Cells]]:
    """The parts of a `difference`. An axis that only `first` states is the same on both sides;
    one that `second` states has each of its values beside each of the first's.

    Raises:
        NotTestedError: the study lacks something that is named.
    """
    found = []
    stated = difference.second.model_dump(exclude_none=True)
    second = difference.first.model_copy(
        update={key: getattr(difference.second, key) for key in stated}
    )
    if "model" in stated or "architecture" in stated:
        other = "architecture" if "model" in stated else "model"
        second = second.model_copy(update={other: None})
    before = _groups(difference.first, evidence, targets, {})
    taken = {axis: tuple(chain(*(names for _, names in each))) for axis, each in before.items()}
    moved = {"model" if key == "architecture" else key for key in stated}
    after = _groups(second, evidence, targets, taken)
    for left in _product(before):
        fixed = {key: [left[key]] if key not in moved else groups for key, groups in after.items()}
        for right in _product(fixed):
            pair = _cells(difference.first, left), _cells(second, right)
            found.append(pair)
    return found


_Group: TypeAlias = tuple[str, Names]
"""A name for people, and what is averaged over."""


def _groups(
    side: Side, evidence: Evidence, targets: Names | None, taken: Mapping[str, Names]
) -> dict[str, list[_Group]]:
    asked = side.intermediate or ()
    return {
        "intermediate": _intermediates(asked, evidence, taken.get("intermediate", ())),
        "target": _targets(side.target or (), evidence, targets, taken.get("target", ())),
        "model": _models(side, evidence),
    }


def _products(
    side: Side, evidence: Evidence, targets: Names | None, taken: Mapping[str, Names]
) -> list[dict[str, _Group]]:
    return _product(_groups(side, evidence, targets, taken))


def _product(groups: Mapping[str, Sequence[_Group]]) -> list[dict[str, _Group]]:
    return [dict(zip(groups, values, strict=True)) for values in product(*groups.values())]


def _cells(side: Side, chosen: Mapping[str, _Group]) -> Cells:
    languages = side.languages or "others"
    words = [name for name, _ in chosen.values() if name]
    if languages != "others":
        words.append(languages if isinstance(languages, str) else ", ".join(languages))
    return Cells(
        models=chosen["model"][1],
        intermediates=chosen["intermediate"][1],
        targets=chosen["target"][1],
        languages=languages,
        translated=bool(side.translated),
        name=" / ".join(words),
    )


def _intermediates(asked: Names, evidence: Evidence, taken: Names) -> list[_Group]:
    known = tuple(name for name in evidence.names(1) if name != NONE)
    usable = tuple(name for name in known if _usable(name, evidence))
    alone = tuple(name for name in usable if "+" not in name)
    if asked == (AVERAGE,):
        return [("mean over intermediates", _some(alone, "an intermediate that is one task"))]
    if asked == (ALONE,):
        return [(name, (name,)) for name in _some(alone, "an intermediate that is one task")]
    if asked == (ALL,):
        return [(name, (name,)) for name in _some(usable, "an intermediate task beside none")]
    if asked == (REST,):
        rest = tuple(name for name in usable if name not in taken)
        return [(name, (name,)) for name in _some(rest, f"intermediates beside {_list(taken)}")]
    tasks = {frozenset(name.split("+")): name for name in known}
    lacking = [name for name in asked if frozenset(name.split("+")) not in tasks]
    if lacking:
        raise NotTestedError(f"the study does not have the intermediate {_list(lacking)}")
    found = [tasks[frozenset(name.split("+"))] for name in asked]
    return [(name, (name,)) for name in found]


def _usable(intermediate: str, evidence: Evidence) -> bool:
    """Whether some pair of it counts at all: translated intermediates have none."""
    targets = evidence.names(2)
    return any(evidence.grid.counts(intermediate, target) for target in targets)


def _targets(asked: Names, evidence: Evidence, of_file: Names | None, taken: Names) -> list[_Group]:
    known = evidence.names(2)
    whole = of_file or known
    if asked == (REST,):
        rest = tuple(name for name in whole if name not in taken)
        wanted = _some(rest, f"targets beside {_list(taken)}")
    else:
        wanted = whole if asked in ((ALL,), (AVERAGE,)) else asked
    lacking = [name for name in wanted if name not in known]
    if lacking:
        raise NotTestedError(f"the study does not have the target {_list(lacking)}")
    if asked == (AVERAGE,):
        return [("mean over targets", wanted)]
    return [(name, (name,)) for name in wanted]


def _models(side: Side, evidence: Evidence) -> list[_Group]:
    known = evidence.names(0)
    if side.architecture is not None:
        there = dict.fromkeys(evidence.architectures[model] for model in known)
        asked: Sequence[str] = [*there] if side.architecture == (ALL,) else side.architecture
        lacking = [name for name in asked if name not in there]
        if lacking:
            raise NotTestedError(f"the study has no model of the architecture {_list(lacking)}")
        of = {name: tuple(m for m in known if evidence.architectures[m] == name) for name in asked}
        return list(of.items())
    if side.model is None:
        return [("", known)]
    asked = known if side.model == (ALL,) else side.model
    lacking = [name for name in asked if name not in known]
    if lacking:
        raise NotTestedError(f"the study does not have the model {_list(lacking)}")
    return [(name, (name,)) for name in asked]


def _some(names: Names, what: str) -> Names:
    if not names:
        raise NotTestedError(f"the study does not have {what}")
    return names


def _list(names: Sequence[str]) -> str:
    return ", ".join(names)


@dataclass(frozen=True, eq=False)
class StatementPart:
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

    def __init__(self, evidence: Evidence) -> None:
        self.evidence, self._grid = evidence, evidence.grid
        self._finished = {row.key[:5] for row in evidence.grid.rows}
        self._change = cache(self._change_of)
        self._languages_of: dict[str, set[str]] = {}
        self._seeds: dict[tuple[str, str, str, str], set[int]] = {}
        for model, intermediate, target, language, seed in evidence.planned:
            self._languages_of.setdefault(target, set()).add(language)
            at = (model, intermediate, target, language)
            self._seeds.setdefault(at, set()).add(seed)

    def change(self, cells: Cells) -> StatementPart:
        """The mean change from no intermediate training.

        Raises:
            NotTestedError: a cell of it is not finished, or not in the study.
        """
        pairs = cells.pairs(self._grid)
        return _part(cells.name, self._mean(cells, pairs), cells, pairs)

    def difference(self, first: Cells, second: Cells) -> StatementPart:
        """The mean change of `first` minus that of `second`, over what counts on both sides.

        Raises:
            NotTestedError: as `change`.
        """
        one, two = _shared(first, second, self._grid)
        left, right = self._mean(first, one), self._mean(second, two)
        drawn = None if left is None or right is None else left.minus(right)
        return _part(_versus(first.name, second.name), drawn, first, one)

    def best(self, options: Sequence[Cells]) -> StatementPart:
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
                pair for each in options for pair in each.pairs(self._grid) if pair[1] == target
            ]
            for pair in counted:
                self._change(model, *pair, whole.languages)  # all there, or it says what is not
                used[pair] = None
            for side in (0, 1) if counted else ():
                found.append(self._judged(side, model, counted, whole.languages))
        every = product((each.intermediates[0] for each in options), whole.targets)
        name = " / ".join([f"best of {len(options)}", *whole.name.split(" / ")[1:]])
        return StatementPart(
            name, mean_of(found), tuple(used), tuple(p for p in every if p not in used)
        )

    def _judged(self, side: int, model: str, pairs: Sequence[Pair], which: str | Names) -> Drawn:
        """On one half of the examples, the change of the pair that is best on the other half."""
        languages = self._languages(pairs[0][1], which)
        halves = [
            [half.changes.over(model, *pair, languages) for pair in pairs]
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
    def _halves(self) -> tuple[Redrawn, Redrawn]:
        """The scores of either half of the examples."""
        return self._half(0), self._half(1)

    def _half(self, side: int) -> Redrawn:
        kept = [only(each, lambda id: side_of(id) == side) for each in self.evidence.finished]
        there = [each for each in kept if each is not None]
        return redraw(there, replicates=self._grid.redrawn.replicates, seed=1 + side)

    def _mean(self, cells: Cells, pairs: Sequence[Pair]) -> Drawn | None:
        places = product(cells.models, pairs)
        return mean_of(self._change(model, *pair, cells.languages) for model, pair in places)

    def _change_of(self, model: str, intermediate: str, target: str, which: str | Names) -> Drawn:
        languages = self._languages(target, which)
        self._check(model, intermediate, target, languages)
        drawn = self._grid.changes.over(model, intermediate, target, languages)
        assert drawn is not None  # finished, by `_check`
        return drawn

    def _languages(self, target: str, which: str | Names) -> Names:
        known = self._languages_of[target]
        if not self._grid.of(target):
            raise NotTestedError(f"no cell of {target} is finished")
        source = self._grid.source(target)
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
        open_cells: list[Seeded] = []
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
    ) -> list[Seeded]:
        places = [(model, side, target, language, seed) for side in sides for seed in sorted(seeds)]
        return [place for place in places if place not in self._finished]


def _part(name: str, drawn: Drawn | None, cells: Cells, pairs: Sequence[Pair]) -> StatementPart:
    whole = product(cells.intermediates, cells.targets)
    return StatementPart(
        name, drawn, tuple(pairs), tuple(pair for pair in whole if pair not in pairs)
    )


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
