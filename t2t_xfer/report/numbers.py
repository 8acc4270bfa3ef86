"""The numbers of a study as one labelled array: `[model, intermediate, target, language, draw]`.

Draw 0 is what was measured; the others are the same place under redrawn examples and seeds. One
draw is one choice of clusters for a whole target, whatever the model, the intermediate, the
language and the seed: so every mean, change, contrast, gap and claim is a selection of places and a
mean or a difference over it, and is paired by that alone. Means are unweighted, first over seeds,
then over languages, then over pairs; what is missing stays missing.

    grid = Grid(results.finished, redrawn=redraw(results.finished))
    grid.mean("mt5", "mnli", "paws_x")                      # 71.2, over all its languages
    grid.changes.over("mt5", "mnli", "paws_x", ["de"])      # a `Drawn`: .value, .interval(), .p

Places are kept in one row each, since every target has languages of its own and a running study has
holes (docs/decisions/023-labelled-array.md).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from statistics import fmean
from typing import Literal, Protocol, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from t2t_xfer.report.draws import SeedDraws, redrawn_scores
from t2t_xfer.report.intervals import (
    STILL,
    Interval,
    cohens_h,
    even_errors,
    interval,
    p_value,
    unseen_rate,
)
from t2t_xfer.study.results import Floats, Result

NONE = "none"
ALL = "all"
"""As a language: the mean over all languages of a target, the source language included."""
EMBED = "embed"

Place: TypeAlias = tuple[str, str, str, str]
"""Model, intermediate, target and language."""
Which: TypeAlias = Literal["all", "source", "others"]
"""Languages of a target: all, the source language, or the zero-shot ones."""


@dataclass(frozen=True, eq=False)
class Drawn:
    """Numbers under the same draws, with what they rest on; of one number, arrays without axes.

    A cell in which no example differs, as between two runs that give one constant answer, is
    redrawn as exactly itself every time; what it leaves open goes along as `unseen`, into every
    mean and difference that it is part of.
    """

    values: Floats
    """`[..., 1 + redrawings]`, index 0 measured."""
    n: NDArray[np.int64]
    """Examples (clusters) of the smallest cell in it."""
    seeds: NDArray[np.int64]
    """The fewest seeds of a cell in it."""
    most_seeds: NDArray[np.int64]
    effect: Floats
    """Cohen's h of a change."""
    unseen: Floats
    """In points: so far the number may be off because of the parts that no redrawing moves."""

    def __getitem__(self, where: int | Sequence[int]) -> Drawn:
        return Drawn(*(getattr(self, each.name)[where] for each in fields(self)))

    def mean(self) -> Drawn:
        """Over the first axis."""
        return Drawn(
            self.values.mean(axis=0),
            self.n.min(axis=0),
            self.seeds.min(axis=0),
            self.most_seeds.max(axis=0),
            self.effect.mean(axis=0),
            self.unseen.mean(axis=0),
        )

    def minus(self, other: Drawn) -> Drawn:
        """The difference of two numbers."""
        values = self.values - other.values
        n = np.minimum(self.n, other.n)
        # Added, as in the mean: nothing says that such cells would not err together.
        unseen = self.unseen + other.unseen
        # Two that moved alike are no more certain than one that did not move.
        alike = np.ptp(values, axis=-1) < STILL
        return Drawn(
            values,
            n,
            np.minimum(self.seeds, other.seeds),
            np.maximum(self.most_seeds, other.most_seeds),
            self.effect - other.effect,
            np.where(alike, np.maximum(unseen, unseen_rate(n)), unseen),
        )

    @property
    def value(self) -> float:
        """The number itself."""
        return float(self.values[0])

    def spread(self) -> Floats:
        """The redrawn numbers, with what no redrawing shows as a normal error of its own.

        The 95 % interval of that error is `unseen` to either side.
        """
        if not self.unseen:
            return self.values
        found = self.values.copy()
        found[1:] += self.unseen * even_errors(len(found) - 1)
        return found

    def interval(self, lowest: float = -100.0) -> Interval:
        """The interval, within what is possible, and never without width.

        Where no redrawing differs, no example did: n examples then leave open a rate of up to
        1 - 0.05^(1/n), about 3/n (the rule of three; Hanley & Lippman-Hand 1983).
        """
        found = interval(self.spread())
        return Interval(found.value, max(lowest, found.low), min(100.0, found.high))

    @property
    def p(self) -> float:
        """The p-value of no difference, and never less than signs of n pairs could give."""
        found = p_value(self.spread(), normal=int(self.most_seeds) == 1)
        return max(found, min(1.0, 2.0 ** (1 - int(self.n))))


def stack(parts: Sequence[Drawn]) -> Drawn:
    """Numbers side by side on a new first axis."""
    names = [each.name for each in fields(Drawn)]
    return Drawn(*(np.stack([getattr(part, name) for part in parts]) for name in names))


def mean_of(parts: Iterable[Drawn | None]) -> Drawn | None:
    """The unweighted mean of those that are there; None if there is none."""
    there = [part for part in parts if part is not None]
    return stack(there).mean() if there else None


class Labelled:
    """The array `[place, draw]` with the label of every place."""

    def __init__(self, places: Mapping[Place, Drawn]) -> None:
        self._row = {place: row for row, place in enumerate(places)}
        self._drawn = stack([*places.values()]) if places else None

    def over(
        self, model: str, intermediate: str, target: str, languages: Iterable[str]
    ) -> Drawn | None:
        """The mean over those of the languages that are there; None if none is."""
        places = ((model, intermediate, target, language) for language in languages)
        rows = [self._row[place] for place in places if place in self._row]
        return self._drawn[rows].mean() if self._drawn is not None and rows else None


class Redrawn:
    """Every place of a study under the same draws.

    Targets are named as in the report: what is read in a second way is a target of its own
    (`by_readout`), on the same redrawn examples.
    """

    def __init__(
        self,
        cells: Mapping[Place, Mapping[int, Floats]],
        clusters: Mapping[tuple[str, str], int],
        seeds: SeedDraws | None = None,
    ) -> None:
        """See `redraw` and `measured`.

        Args:
            cells: the draws of each place by seed.
            clusters: examples by target and language.
            seeds: what redrawn seeds add; None: there are no redrawings.
        """
        self._cells, self._clusters, self._seeds = cells, clusters, seeds
        scores = {place: self._drawn(place, by_seed) for place, by_seed in cells.items()}
        changes = {
            place: self.paired(place, (place[0], NONE, *place[2:]))
            for place in cells
            if place[1] != NONE
        }
        self.scores = Labelled(scores)
        """Means over seeds, 0 to 100; redrawn ones may lie outside where there are several."""
        self.changes = Labelled({place: each for place, each in changes.items() if each})
        """Against `NONE` in points, over the seeds that both have."""

    @property
    def replicates(self) -> int:
        """How many redrawings there are beside the number itself."""
        draws = (values for by_seed in self._cells.values() for values in by_seed.values())
        return len(next(draws, np.zeros(1))) - 1

    def paired(self, after: Place, before: Place) -> Drawn | None:
        """The difference of two places over the seeds that both have; None if none is."""
        one, two = self._cells.get(after, {}), self._cells.get(before, {})
        if not one.keys() & two.keys():
            return None
        return self._drawn(after, one, two)

    def _drawn(
        self, place: Place, one: Mapping[int, Floats], two: Mapping[int, Floats] | None = None
    ) -> Drawn:
        """The number of a place, or its difference to another."""
        seeds = tuple(sorted(one if two is None else one.keys() & two.keys()))
        values, effect = self._mean(one, seeds), 0.0
        parts = [one[seed] for seed in seeds]
        if two is not None:
            before = self._mean(two, seeds)
            values, effect = values - before, cohens_h(values[0], before[0])
            parts = [one[seed] - two[seed] for seed in seeds]
        still = fmean(np.ptp(part) < STILL for part in parts)
        n, count = np.array(self._clusters[place[2:]]), np.array(len(seeds))
        return Drawn(values, n, count, count, np.array(effect), still * unseen_rate(n))

    def _mean(self, found: Mapping[int, Floats], seeds: tuple[int, ...]) -> Floats:
        values: Floats = np.mean([found[seed] for seed in seeds], axis=0)
        if self._seeds is not None:
            values[1:] += self._seeds.weights(seeds) @ np.array([found[seed][0] for seed in seeds])
        return values


def redraw(
    results: Sequence[Result],
    *,
    replicates: int = 1000,
    seed: int = 0,
    embedded: Collection[str] | None = None,
) -> Redrawn:
    """The numbers with their redrawings.

    Args:
        embedded: `read_twice` of the whole plan; None: of these numbers.
    """
    seeds = sorted({each.seed for each in results})
    weights = SeedDraws(seeds, replicates, np.random.default_rng([seed, len(seeds)]))
    draws = redrawn_scores(results, replicates, seed)
    return _redrawn(results, draws, read_twice(results) if embedded is None else embedded, weights)


def measured(results: Sequence[Result]) -> Redrawn:
    """The numbers alone, without redrawings: their examples need not be known."""
    return _redrawn(results, [np.array([each.score]) for each in results], ())


def _redrawn(
    results: Sequence[Result],
    draws: Sequence[Floats],
    embedded: Collection[str],
    seeds: SeedDraws | None = None,
) -> Redrawn:
    cells: dict[Place, dict[int, Floats]] = {}
    clusters: dict[tuple[str, str], int] = {}
    for each, values in zip(results, draws, strict=True):
        target, language = reported_target(each, embedded), each.language
        cells.setdefault((each.model, each.intermediate, target, language), {})[each.seed] = values
        clusters[target, language] = max(each.n, clusters.get((target, language), 0))
    return Redrawn(cells, clusters, seeds)


@dataclass(frozen=True)
class Planned:
    """A cell that a study is to have, finished or not."""

    model: str
    intermediate: str
    target: str
    language: str
    seed: int
    readout: str
    source_language: str
    same_data: bool | None = None
    translate_train: bool = False


class Grid:
    """The cells of one study. Orders are those of the rows; `none` and the source come first.

    Targets, languages and seeds are also those of which no cell is finished: a mean without them
    is not whole.
    """

    def __init__(
        self,
        rows: Sequence[Result],
        planned: Sequence[Planned] = (),
        redrawn: Redrawn | None = None,
    ) -> None:
        """A grid of numbers, of which not all that `redrawn` has need be among the rows.

        Args:
            planned: of the same grid; empty: every combination of what the rows name.
            redrawn: None: the numbers as they were measured, without redrawings.
        """
        self.rows = tuple(rows)
        self.redrawn = measured(rows) if redrawn is None else redrawn
        self.scores, self.changes = self.redrawn.scores, self.redrawn.changes
        every: Sequence[Result | Planned] = [*rows, *planned]
        self._planned: dict[tuple[str, str, str, str], set[int]] = {}
        for each in planned:
            place = (each.model, each.intermediate, each.target, each.language)
            self._planned.setdefault(place, set()).add(each.seed)
        # Without the readout: a grid has one number a place (see `by_readout`).
        self._cells = {row.key[:5]: row for row in rows}
        if len(self._cells) != len(rows):
            raise ValueError("two rows of one cell")
        self.models = _distinct(row.model for row in rows)
        self.intermediates = _first(NONE, _distinct(row.intermediate for row in rows))
        names = _distinct(cell.intermediate for cell in every)
        self.planned_intermediates = _first(NONE, names)
        self.targets = _distinct(cell.target for cell in every)
        self.seeds = tuple(sorted({cell.seed for cell in every}))
        self.architectures = {row.model: row.architecture for row in rows}
        self._source = {cell.target: cell.source_language for cell in every}
        self._same_data = {(cell.intermediate, cell.target) for cell in every if cell.same_data}
        self._translated = {
            (cell.intermediate, cell.target) for cell in every if cell.translate_train
        }
        spoken: dict[str, list[str]] = {}
        for cell in every:
            spoken.setdefault(cell.target, []).append(cell.language)
        self._languages = {
            target: _first(self._source[target], _distinct(codes))
            for target, codes in spoken.items()
        }

    def of(self, target: str) -> tuple[Result, ...]:
        """The rows of one target."""
        return tuple(row for row in self.rows if row.target == target)

    def source(self, target: str) -> str:
        """The language of the target's training data."""
        return self._source[target]

    def languages(self, target: str) -> tuple[str, ...]:
        """All languages of a target that any run has or is to have, the source language first."""
        return self._languages[target]

    def others(self, target: str) -> tuple[str, ...]:
        """The zero-shot languages of a target."""
        return tuple(code for code in self.languages(target) if code != self.source(target))

    def same_data(self, intermediate: str, target: str) -> bool:
        """The intermediate task is the target's own training data."""
        return (intermediate, target) in self._same_data

    def translated(self, intermediate: str, target: str) -> bool:
        """The training data are translations in part: translate-train, not zero-shot."""
        return (intermediate, target) in self._translated

    def counts(self, intermediate: str, target: str) -> bool:
        """Whether the change from `none` speaks of zero-shot transfer between two tasks."""
        return not (
            self.same_data(intermediate, target)
            or self.translated(intermediate, target)
            or self.translated(NONE, target)
        )

    def collapsed(self, model: str, intermediate: str, target: str) -> tuple[str, ...]:
        """The languages in which a run gave one constant answer with some seed.

        All of them where the score is the majority baseline's in every language and seed: that is
        no accident of one cell.
        """
        there = {
            code: self._at(model, intermediate, target, code) for code in self._languages[target]
        }
        rows = [row for by_seed in there.values() for row in by_seed.values()]
        if rows and all(_is(row.score, row.majority) for row in rows):
            return tuple(code for code, by_seed in there.items() if by_seed)
        return self.constant(model, intermediate, target)

    def constant(self, model: str, intermediate: str, target: str) -> tuple[str, ...]:
        """The languages in which all answers were one, with some seed."""
        return tuple(
            code
            for code in self._languages[target]
            if any(row.constant for row in self._at(model, intermediate, target, code).values())
        )

    def complete(
        self, model: str, intermediate: str, target: str, languages: Sequence[str] | None = None
    ) -> bool:
        """Whether every one of the languages (default: all of the target) is there with every
        seed of the study."""
        return not self._missing_in(model, intermediate, target, languages)

    def mean(
        self, model: str, intermediate: str, target: str, languages: Sequence[str] | None = None
    ) -> float | None:
        """Mean score over those of the languages that are there (default: all), 0 to 100."""
        codes = self.languages(target) if languages is None else languages
        found = self.scores.over(model, intermediate, target, codes)
        return None if found is None else found.value

    def change(
        self, model: str, intermediate: str, target: str, languages: Sequence[str] | None = None
    ) -> float | None:
        """Mean change against `none` in points, over the languages and seeds that both have."""
        codes = self.languages(target) if languages is None else languages
        found = self.changes.over(model, intermediate, target, codes)
        return None if found is None else found.value

    def pairs(self, model: str) -> tuple[tuple[str, str], ...]:
        """The (intermediate, target) pairs whose change counts: neither same-data pairs nor
        translate-train."""
        return tuple(
            (intermediate, target)
            for intermediate in self.intermediates
            for target in self.targets
            if intermediate != NONE
            and self.counts(intermediate, target)
            and self.change(model, intermediate, target) is not None
        )

    def planned_pairs(self, model: str) -> tuple[tuple[str, str], ...]:
        """The (intermediate, target) pairs that count and are to have a change, finished or not."""
        wanted = {place[:3] for place in self._planned} or {
            (model, intermediate, target)
            for intermediate in self.intermediates
            for target in self.targets
        }
        return tuple(
            (intermediate, target)
            for intermediate in self.planned_intermediates
            for target in self.targets
            if intermediate != NONE
            and self.counts(intermediate, target)
            and (model, intermediate, target) in wanted
        )

    def compared(self, model: str) -> frozenset[tuple[str, str, str, int]]:
        """The cells (intermediate, target, language, seed) behind `mean_change`."""
        return frozenset(
            (intermediate, target, language, seed)
            for intermediate, target in self.pairs(model)
            for language in self.languages(target)
            for seed in self._at(model, intermediate, target, language)
            if (model, NONE, target, language, seed) in self._cells
        )

    def mean_change(self, model: str, which: Which) -> float | None:
        """Mean change of a model over its `pairs`, each weighing the same, in points."""
        choose = {"all": self.languages, "source": self._only_source, "others": self.others}[which]
        found = mean_of(
            self.changes.over(model, *pair, choose(pair[1])) for pair in self.pairs(model)
        )
        return None if found is None else found.value

    def gap(self, model: str, intermediate: str, target: str) -> float | None:
        """Transfer gap in points: the source language minus the mean of the others."""
        place = (model, intermediate, target)
        found = self.source_minus(self.scores, *place, self.others(target))
        return None if found is None else found.value

    def source_minus(
        self,
        numbers: Labelled,
        model: str,
        intermediate: str,
        target: str,
        languages: Sequence[str],
    ) -> Drawn | None:
        """The number in the source language minus the mean over others; None without either."""
        source = numbers.over(model, intermediate, target, self._only_source(target))
        others = numbers.over(model, intermediate, target, languages)
        return None if source is None or others is None else source.minus(others)

    def invalid_rates(self, model: str, intermediate: str, target: str) -> dict[str, float]:
        """Share of invalid answers by language, a mean over seeds."""
        rates = {}
        for language in self.languages(target):
            found = self._at(model, intermediate, target, language)
            if found:
                rates[language] = fmean(row.invalid_rate for row in found.values())
        return rates

    def missing(self) -> list[tuple[str, str, str, str]]:
        """Model, intermediate, target and the languages (and seeds) without a cell."""
        found = []
        models = _distinct([*self.models, *(place[0] for place in self._planned)])
        for model in models:
            for intermediate in self.planned_intermediates:
                for target in self.targets:
                    what = self._missing_in(model, intermediate, target)
                    if what:
                        found.append((model, intermediate, target, what))
        return found

    def majority(self, target: str, language: str) -> float | None:
        """The majority baseline's score of a target in a language: it depends on data only."""
        rows = (row for row in self.of(target) if row.language == language)
        return next((row.majority for row in rows if row.majority is not None), None)

    def _missing_in(
        self, model: str, intermediate: str, target: str, languages: Sequence[str] | None = None
    ) -> str:
        parts = []
        for language in self.languages(target) if languages is None else languages:
            there = self._at(model, intermediate, target, language)
            wanted = self.seeds
            if self._planned:
                place = (model, intermediate, target, language)
                wanted = tuple(sorted(self._planned.get(place, ())))
            gone = [str(seed) for seed in wanted if seed not in there]
            if gone:
                parts.append(f"{language} (seed {', '.join(gone)})" if there else language)
        if len(parts) == len(self.languages(target)) and not any("(" in part for part in parts):
            return "all languages"
        return ", ".join(parts)

    def _only_source(self, target: str) -> tuple[str, ...]:
        return (self.source(target),)

    def _at(self, model: str, intermediate: str, target: str, language: str) -> dict[int, Result]:
        """The rows of one place, by seed."""
        keys = {seed: (model, intermediate, target, language, seed) for seed in self.seeds}
        return {seed: self._cells[key] for seed, key in keys.items() if key in self._cells}


class Placed(Protocol):
    """A cell, finished or not."""

    @property
    def target(self) -> str:
        """Its name."""
        ...

    @property
    def readout(self) -> str:
        """How answers are read."""
        ...


def read_twice(cells: Iterable[Placed]) -> frozenset[str]:
    """The targets that are read from embeddings, and once more in another way."""
    return frozenset(cell.target for cell in cells if cell.readout == EMBED)


def aside_name(cell: Placed) -> str:
    """The target of what is read in a second way."""
    return f"{cell.target}, {cell.readout}"


def reported_target(cell: Placed, embedded: Collection[str]) -> str:
    """The target as the report names it: what is read in a second way is one of its own."""
    again = cell.target in embedded and cell.readout != EMBED
    return aside_name(cell) if again else cell.target


_Cell = TypeVar("_Cell", Result, Planned)


def by_readout(
    cells: Sequence[_Cell], embedded: Collection[str] | None = None
) -> tuple[list[_Cell], list[_Cell]]:
    """The cells of the main tables, and those that read the same place once more.

    Pairs have a number from embeddings (`embed`), which is the one that the field compares, and
    one from a yes/no question (`rank`). The latter become a target of their own, `tatoeba, rank`.

    Args:
        embedded: `read_twice` of the whole plan; None: of these cells.
    """
    embedded = read_twice(cells) if embedded is None else embedded
    named = [(cell, reported_target(cell, embedded)) for cell in cells]
    return (
        [cell for cell, target in named if target == cell.target],
        [replace(cell, target=target) for cell, target in named if target != cell.target],
    )


def average(values: Iterable[float | None]) -> float | None:
    """Mean of the values that are there; None if there is none."""
    there = [value for value in values if value is not None]
    return fmean(there) if there else None


def _is(score: float, majority: float | None) -> bool:
    return majority is not None and abs(score - majority) < 1e-9


def _distinct(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))


def _first(head: str, values: tuple[str, ...]) -> tuple[str, ...]:
    return (head, *(value for value in values if value != head)) if head in values else values
