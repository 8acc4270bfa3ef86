"""Rows as a grid: means over seeds and languages, and paired changes against no intermediate.

The rule: a change is taken only where both runs have a number (the same language and seed),
and what is missing stays None. Means are unweighted: first over seeds, then over languages.

    grid = Grid(rows)
    grid.mean("mt5", "mnli", "paws_x")            # 71.2, over all languages of paws_x
    grid.change("mt5", "mnli", "paws_x", ["de"])  # +1.4 against intermediate `none`
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from statistics import fmean
from typing import Literal, NamedTuple, Protocol, TypeAlias

from t2t_xfer.study.results import Result

NONE = "none"
ALL = "all"
"""As a language: the mean over all languages of a target, the source language included."""
EMBED = "embed"

Which: TypeAlias = Literal["all", "source", "others"]
"""Languages of a target: all, the source language, or the zero-shot ones."""


class Planned(NamedTuple):
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

    def __init__(self, rows: Sequence[Result], planned: Sequence[Planned] = ()) -> None:
        """`planned`: of the same grid; empty: every combination of what the rows name."""
        self.rows = tuple(rows)
        every: Sequence[Result | Planned] = [*rows, *planned]
        self._planned: dict[tuple[str, str, str, str], set[int]] = {}
        for each in planned:
            self._planned.setdefault(each[:4], set()).add(each.seed)
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
        means = []
        for language in self.languages(target) if languages is None else languages:
            rows = self._at(model, intermediate, target, language).values()
            means.append(average(row.score for row in rows))
        return average(means)

    def change(
        self, model: str, intermediate: str, target: str, languages: Sequence[str] | None = None
    ) -> float | None:
        """Mean change against `none` in points, over the languages and seeds that both have."""
        means = []
        for language in self.languages(target) if languages is None else languages:
            after = self._at(model, intermediate, target, language)
            before = self._at(model, NONE, target, language)
            shared = [seed for seed in after if seed in before]
            means.append(average(after[seed].score - before[seed].score for seed in shared))
        return average(means)

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
        return average(self.change(model, *pair, choose(pair[1])) for pair in self.pairs(model))

    def gap(self, model: str, intermediate: str, target: str) -> float | None:
        """Transfer gap in points: the source language minus the mean of the others."""
        source = self.mean(model, intermediate, target, self._only_source(target))
        others = self.mean(model, intermediate, target, self.others(target))
        return None if source is None or others is None else source - others

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


def by_readout(
    rows: Sequence[Result], embedded: Collection[str] | None = None
) -> tuple[list[Result], list[Result]]:
    """The rows of the main tables, and those that read the same place once more.

    Pairs have a number from embeddings (`embed`), which is the one that the field compares, and
    one from a yes/no question (`rank`). The latter become a target of their own, `tatoeba, rank`.

    Args:
        embedded: `read_twice` of the whole plan; None: of these rows.
    """
    embedded = read_twice(rows) if embedded is None else embedded
    main, beside = [], []
    for row in rows:
        if row.target in embedded and row.readout != EMBED:
            beside.append(replace(row, target=aside_name(row)))
        else:
            main.append(row)
    return main, beside


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
