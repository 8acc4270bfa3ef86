"""Two studies, or two runs, side by side: the same examples answered twice, language by language.

The rule: a difference is taken over the examples and seeds that both have, under the same redrawn
examples; what is not the same measure of the same rows is refused, and said so.

    found = compare(("before", results.finished), ("after", others.finished))
    found.lines[0].interval     # second minus first, in points
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Literal, NamedTuple, TypeAlias

from t2t_xfer.report.draws import only
from t2t_xfer.report.findings import LEVEL
from t2t_xfer.report.intervals import Interval, adjust
from t2t_xfer.report.numbers import Drawn, Place, Redrawn, by_readout, mean_of, redraw
from t2t_xfer.study.results import Result

Side: TypeAlias = tuple[str, Sequence[Result]]
"""A name for a run, and its numbers."""


@dataclass(frozen=True)
class Compared:
    """One difference, second minus first."""

    model: str
    """`a`, or `a → b` where the two sides name it differently."""
    intermediate: str
    target: str
    language: str | None
    """None: the mean over the languages that are compared."""
    first: float
    second: float
    interval: Interval
    p: float
    adjusted: float
    """By Holm among the means, by Benjamini-Hochberg among the single languages."""
    n: int
    """Shared examples; of a mean, of its smallest language."""
    of: int
    """Examples of the larger side."""
    seeds: tuple[int, ...]
    languages: tuple[int, int] = (1, 1)
    """How many languages it is over, and in how many one of the sides has a score there."""

    @property
    def significant(self) -> bool:
        """Whether the difference is marked."""
        return self.adjusted < LEVEL


@dataclass(frozen=True)
class Comparison:
    """What two runs have in common, and what not."""

    first: str
    second: str
    lines: tuple[Compared, ...]
    refused: tuple[str, ...]
    """Cells that both have and that are not the same measure of the same rows."""
    alone: tuple[str, ...]
    """What only one side has."""


def compare(first: Side, second: Side, *, replicates: int = 1000) -> Comparison:
    """The differences of two runs, on the examples and seeds that both have.

    Models are matched by name; a single model on each side is matched whatever its name.
    """
    sides = (_places(first[1]), _places(second[1]))
    names = _matched(sides)
    pairs, alone = _paired(sides, names, (first[0], second[0]))
    kept: list[Result] = []
    compared: list[_Compared] = []
    refused: list[str] = []
    for one, two in pairs:
        whole = (sides[0][one], sides[1][two])
        why, found = _shared(*whole)
        if why:
            refused.append(f"{', '.join(one)}: {why}")
            continue
        of = max(len(each.ids) for side in whole for each in side.values())
        seeds = tuple(dict.fromkeys(each.seed for each in found))
        compared.append(_Compared(one, two, len(found[0].ids), of, seeds))
        kept += found
    redrawn = redraw(kept, replicates=replicates, embedded=())
    lines = _lines(compared, redrawn, _spoken(sides, names))
    return Comparison(first[0], second[0], tuple(lines), tuple(refused), tuple(alone))


class _Compared(NamedTuple):
    """Two places and what they share."""

    one: Place
    two: Place
    n: int
    of: int
    seeds: tuple[int, ...]


_Cells: TypeAlias = dict[int, Result]
"""The cells of a place by seed."""


def _places(finished: Sequence[Result]) -> dict[Place, _Cells]:
    """The cells by place; what is read in a second way is a target of its own."""
    found: dict[Place, _Cells] = {}
    for each in itertools.chain(*by_readout(finished)):
        place = (each.model, each.intermediate, each.target, each.language)
        found.setdefault(place, {})[each.seed] = each
    return found


def _matched(sides: tuple[dict[Place, _Cells], dict[Place, _Cells]]) -> dict[str, str]:
    """Models of the first side -> those of the second."""
    models = [list(dict.fromkeys(place[0] for place in side)) for side in sides]
    shared = {name: name for name in models[0] if name in models[1]}
    if not shared and len(models[0]) == len(models[1]) == 1:
        return {models[0][0]: models[1][0]}
    return shared


def _paired(
    sides: tuple[dict[Place, _Cells], dict[Place, _Cells]],
    names: Mapping[str, str],
    runs: tuple[str, str],
) -> tuple[list[tuple[Place, Place]], list[str]]:
    pairs = []
    partner: set[Place] = set()
    alone: dict[tuple[str, str, str, str], list[str]] = {}
    for place in sides[0]:
        model, *rest = place
        other = (names.get(model, ""), rest[0], rest[1], rest[2])
        if other in sides[1]:
            pairs.append((place, other))
            partner.add(other)
        else:
            alone.setdefault((runs[0], *place[:3]), []).append(place[3])
    for place in sides[1]:
        if place not in partner:
            alone.setdefault((runs[1], *place[:3]), []).append(place[3])
    told = [
        f"only in {run}: {model}, {intermediate}, {target} in {', '.join(languages)}"
        for (run, model, intermediate, target), languages in alone.items()
    ]
    return pairs, told


def _shared(one: _Cells, two: _Cells) -> tuple[str, list[Result]]:
    """Why two places cannot be compared; or their cells of the shared seeds and examples."""
    seeds = sorted(one.keys() & two.keys())
    if not seeds:
        return f"seeds {_several(one)} and {_several(two)}", []
    cells = [(one[seed], two[seed]) for seed in seeds]
    for left, right in cells:
        for what in ("metric", "signature"):
            values = getattr(left, what), getattr(right, what)
            if values[0] != values[1]:
                return f"other {what}s: {values[0]} and {values[1]}", []
        if left.rows != right.rows:
            return f"other test rows: {left.rows} and {right.rows}", []
    common = set.intersection(*(set(each.ids) for pair in cells for each in pair))
    kept = [
        only(
            replace(each, model=f"{side} {each.model}"),
            common.__contains__,
        )
        for pair in cells
        for side, each in enumerate(pair, start=1)
    ]
    found = [each for each in kept if each is not None]
    return ("", found) if found else ("no example in common", [])


def _spoken(
    sides: tuple[dict[Place, _Cells], dict[Place, _Cells]], names: Mapping[str, str]
) -> Mapping[tuple[str, str, str], int]:
    """Model (of the first side), intermediate and target -> languages on either side."""
    back = {second: first for first, second in names.items()}
    found: dict[tuple[str, str, str], set[str]] = {}
    for place in sides[0]:
        found.setdefault(place[:3], set()).add(place[3])
    for model, intermediate, target, language in sides[1]:
        found.setdefault((back.get(model, ""), intermediate, target), set()).add(language)
    return {group: len(codes) for group, codes in found.items()}


def _lines(
    compared: Sequence[_Compared],
    redrawn: Redrawn,
    spoken: Mapping[tuple[str, str, str], int],
) -> list[Compared]:
    """The means over languages, then the single languages."""
    single: list[Compared] = []
    means: list[Compared] = []
    for group in dict.fromkeys(each.one[:3] for each in compared):
        members = [each for each in compared if each.one[:3] == group]
        changes = [_difference(each, redrawn) for each in members]
        lines = [_line(*both, redrawn) for both in zip(members, changes, strict=True)]
        single += lines
        mean = mean_of(changes)
        if len(lines) > 1 and mean is not None:
            first, second = fmean(x.first for x in lines), fmean(x.second for x in lines)
            smallest = min(lines, key=lambda line: line.n)
            made = replace(lines[0], language=None, interval=mean.interval(), p=mean.p)
            made = replace(made, n=smallest.n, of=smallest.of, first=first, second=second)
            made = replace(made, languages=(len(lines), spoken[group]))
            means.append(made)
    return [*_adjusted(means, "holm"), *_adjusted(single, "bh")]


def _sides(compared: _Compared) -> tuple[Place, Place]:
    """The places among the redrawn ones, where each side's models have its number."""
    one, two = compared.one, compared.two
    return (f"1 {one[0]}", *one[1:]), (f"2 {two[0]}", *two[1:])


def _difference(compared: _Compared, redrawn: Redrawn) -> Drawn:
    one, two = _sides(compared)
    found = redrawn.paired(two, one)
    assert found is not None  # both are there, with the same seeds
    return found


def _line(compared: _Compared, difference: Drawn, redrawn: Redrawn) -> Compared:
    one, two = compared.one, compared.two
    scores = [redrawn.scores.over(*place[:3], place[3:]) for place in _sides(compared)]
    first, second = (0.0 if each is None else each.value for each in scores)
    return Compared(
        model=one[0] if one[0] == two[0] else f"{one[0]} → {two[0]}",
        intermediate=one[1],
        target=one[2],
        language=one[3],
        first=first,
        second=second,
        interval=difference.interval(),
        p=difference.p,
        adjusted=1.0,
        n=compared.n,
        of=compared.of,
        seeds=compared.seeds,
    )


def _adjusted(lines: Sequence[Compared], method: Literal["holm", "bh"]) -> list[Compared]:
    found = adjust([line.p for line in lines], method)
    return [replace(line, adjusted=p) for line, p in zip(lines, found, strict=True)]


def _several(values: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(values)))
