"""Which cells the words of a claim mean in a study: `all`, `average`, `rest` and names, resolved.

The rule: what a study does not have is said, never left out in silence; a same-data or
translate-train pair has no part in a claim, and is named as left out.

    sides(where, evidence, claims.targets)      # [Cells(models=("xlmr",), ...), ...]: one a part
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, product
from typing import TypeAlias

from t2t_xfer.report.grid import NONE, Grid
from t2t_xfer.specs.claims import ALL, ALONE, AVERAGE, REST, Difference, Side, Where

Place: TypeAlias = tuple[str, str, str, str, int]
"""Model, intermediate, target, language and seed."""
Names: TypeAlias = tuple[str, ...]


class NotTestedError(Exception):
    """A study cannot test a statement; the message says what is missing."""


@dataclass(frozen=True)
class Axes:
    """What a study was planned to hold, finished or not."""

    grid: Grid
    """Of the finished cells."""
    planned: frozenset[Place]
    architectures: Mapping[str, str]
    """Of every planned model."""

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


def sides(where: Where, axes: Axes, targets: Names | None) -> list[Cells]:
    """The parts of a `change` or `best`.

    Raises:
        NotTestedError: the study lacks something that is named.
    """
    return [_cells(where, chosen) for chosen in _products(where, axes, targets, {})]


def both_sides(
    difference: Difference, axes: Axes, targets: Names | None
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
    before = _groups(difference.first, axes, targets, {})
    taken = {axis: tuple(chain(*(names for _, names in each))) for axis, each in before.items()}
    moved = {"model" if key == "architecture" else key for key in stated}
    after = _groups(second, axes, targets, taken)
    for left in _product(before):
        fixed = {key: [left[key]] if key not in moved else groups for key, groups in after.items()}
        for right in _product(fixed):
            pair = _cells(difference.first, left), _cells(second, right)
            found.append(pair)
    return found


_Group: TypeAlias = tuple[str, Names]
"""A name for people, and what is averaged over."""


def _groups(
    side: Side, axes: Axes, targets: Names | None, taken: Mapping[str, Names]
) -> dict[str, list[_Group]]:
    asked = side.intermediate or ()
    return {
        "intermediate": _intermediates(asked, axes, taken.get("intermediate", ())),
        "target": _targets(side.target or (), axes, targets, taken.get("target", ())),
        "model": _models(side, axes),
    }


def _products(
    side: Side, axes: Axes, targets: Names | None, taken: Mapping[str, Names]
) -> list[dict[str, _Group]]:
    return _product(_groups(side, axes, targets, taken))


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


def _intermediates(asked: Names, axes: Axes, taken: Names) -> list[_Group]:
    known = tuple(name for name in axes.names(1) if name != NONE)
    usable = tuple(name for name in known if _usable(name, axes))
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


def _usable(intermediate: str, axes: Axes) -> bool:
    """Whether some pair of it counts at all: translated intermediates have none."""
    targets = axes.names(2)
    return any(axes.grid.counts(intermediate, target) for target in targets)


def _targets(asked: Names, axes: Axes, of_file: Names | None, taken: Names) -> list[_Group]:
    known = axes.names(2)
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


def _models(side: Side, axes: Axes) -> list[_Group]:
    known = axes.names(0)
    if side.architecture is not None:
        there = dict.fromkeys(axes.architectures[model] for model in known)
        asked: Sequence[str] = [*there] if side.architecture == (ALL,) else side.architecture
        lacking = [name for name in asked if name not in there]
        if lacking:
            raise NotTestedError(f"the study has no model of the architecture {_list(lacking)}")
        of = {name: tuple(m for m in known if axes.architectures[m] == name) for name in asked}
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
