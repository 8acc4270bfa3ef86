"""Scores of every cell under the same redrawn examples and seeds: what all intervals are made of.

The rule: one redrawing is one choice of clusters for a whole target, whatever the model, the
intermediate, the language and the seed. So any difference or mean of cells is arithmetic on these
arrays, and is paired by that alone.

    resampled = Resampled(observed)
    change = resampled.change("mt5", "mnli", "xnli", "de")
    interval(change), p_value(change)
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import TypeAlias

import numpy as np

from t2t_xfer.metrics import METRICS
from t2t_xfer.report.draws import BATCH, Group, SeedDraws, draws, groups
from t2t_xfer.report.grid import NONE, by_readout
from t2t_xfer.report.intervals import STILL, Interval, adjust, interval, p_value
from t2t_xfer.study.results import Floats, Result

__all__ = ["Interval", "Place", "Resampled", "adjust", "interval", "p_value"]

Place: TypeAlias = tuple[str, str, str, str]
"""Model, intermediate, target and language."""


class Resampled:
    """Redrawn scores, as arrays `[1 + replicates]` whose index 0 is the score itself.

    Targets are named as in the report: what is read in a second way is a target of its own
    (`grid.by_readout`), on the same redrawn examples.
    """

    def __init__(
        self,
        observed: Sequence[Result],
        *,
        replicates: int = 1000,
        seed: int = 0,
        embedded: Collection[str] | None = None,
    ) -> None:
        """`embedded`: see `by_readout`."""
        self.replicates = replicates
        self._scores: dict[tuple[str, str, str, str], dict[int, Floats]] = {}
        self._means: dict[tuple[str, str, str, str, tuple[int, ...]], Floats] = {}
        self._clusters: dict[tuple[str, str], int] = {}
        seeds = sorted({each.seed for each in observed})
        rng = np.random.default_rng([seed, len(seeds)])
        self._seeds = SeedDraws(seeds, replicates, rng)
        names = _names(observed, embedded)
        for group in groups(observed):
            made = _redrawn(observed, group, replicates, group.generator(seed))
            for member, values in zip(group.members, made, strict=True):
                row, target = observed[member], names[member]
                place = (row.model, row.intermediate, target, row.language)
                self._scores.setdefault(place, {})[row.seed] = values
                self._clusters[target, row.language] = max(
                    row.n, self._clusters.get((target, row.language), 0)
                )

    def mean(
        self,
        model: str,
        intermediate: str,
        target: str,
        language: str,
        seeds: Sequence[int] | None = None,
    ) -> Floats | None:
        """The mean over seeds (default: all that are there), 0 to 100 at index 0.

        None: no such cell, or not with these seeds. Redrawn values may lie outside 0 to 100 where
        there are several seeds.
        """
        found = self._scores.get((model, intermediate, target, language), {})
        chosen = tuple(sorted(found if seeds is None else seeds))
        if not chosen or any(one not in found for one in chosen):
            return None
        place = (model, intermediate, target, language, chosen)
        if place not in self._means:
            values: Floats = np.mean([found[one] for one in chosen], axis=0)
            spread = np.array([found[one][0] for one in chosen])
            values[1:] += self._seeds.weights(chosen) @ spread
            values.setflags(write=False)  # everyone gets the same array
            self._means[place] = values
        return self._means[place]

    def seeds(self, model: str, intermediate: str, target: str, language: str) -> tuple[int, ...]:
        """The seeds of a place, in order."""
        return tuple(sorted(self._scores.get((model, intermediate, target, language), {})))

    def shared(self, model: str, intermediate: str, target: str, language: str) -> tuple[int, ...]:
        """The seeds that a place shares with no intermediate training."""
        before = self.seeds(model, NONE, target, language)
        after = self.seeds(model, intermediate, target, language)
        return tuple(seed for seed in after if seed in before)

    def change(self, model: str, intermediate: str, target: str, language: str) -> Floats | None:
        """Change against `none` in points, over the seeds that both have; None if none is."""
        shared = self.shared(model, intermediate, target, language)
        after = self.mean(model, intermediate, target, language, shared)
        before = self.mean(model, NONE, target, language, shared)
        return None if after is None or before is None else after - before

    def still(self, place: Place, against: Place | None = None) -> float:
        """The share of the seeds whose score is the same under every redrawing of the examples.

        Args:
            against: a place whose score is taken away, over the seeds of both.
        """
        found = self._scores.get(place, {})
        if against is None:
            parts = list(found.values())
        else:
            other = self._scores.get(against, {})
            parts = [values - other[seed] for seed, values in found.items() if seed in other]
        return sum(np.ptp(part) < STILL for part in parts) / len(parts) if parts else 0.0

    def clusters(self, target: str, language: str) -> int:
        """Examples of a target in a language; 0 where there is no cell."""
        return self._clusters.get((target, language), 0)


def _names(observed: Sequence[Result], embedded: Collection[str] | None) -> list[str]:
    """The targets as the report names them."""
    marked = [replace(each, signature=str(i)) for i, each in enumerate(observed)]
    main, beside = by_readout(marked, embedded)
    named = {int(row.signature): row.target for row in [*main, *beside]}
    return [named[i] for i in range(len(observed))]


def _redrawn(
    observed: Sequence[Result], group: Group, replicates: int, rng: np.random.Generator
) -> list[Floats]:
    """The redrawn scores of a group's cells, in the order of its members."""
    cells = [observed[member] for member in group.members]
    made = [np.empty(1 + replicates) for _ in cells]
    for cell, values in zip(cells, made, strict=True):
        values[0] = _score(cell, cell.statistics.sum(axis=0), np.array(float(len(cell.ids))))
    start = 1
    for times in draws(len(group.places), replicates, rng):
        end = start + len(times)
        for first, stacked in _stacks(cells, group):
            sums = times @ stacked
            for cell, values in zip(cells[first:], made[first:], strict=True):
                width = cell.statistics.shape[1] + 1
                if not sums.shape[1]:
                    break
                part, sums = sums[:, :width], sums[:, width:]
                values[start:end] = _score(cell, part[:, :-1], part[:, -1])
        start = end
    for cell, values in zip(cells, made, strict=True):
        _widen(values, len(cell.ids))
    return made


def _stacks(cells: Sequence[Result], group: Group) -> Iterator[tuple[int, Floats]]:
    """Several cells' statistics by cluster, side by side, each with a column of ones last.

    Gives the position of the first cell and `[clusters, columns]`.
    """
    where: dict[tuple[str, ...], np.ndarray] = {}
    num_clusters = len(group.places)
    first, parts, columns = 0, [], 0
    for i, cell in enumerate(cells):
        if cell.ids not in where:
            where[cell.ids] = np.array([group.places[id] for id in cell.ids])
        part = np.zeros((num_clusters, cell.statistics.shape[1] + 1))
        part[where[cell.ids], :-1] = cell.statistics
        part[where[cell.ids], -1] = 1
        parts.append(part)
        columns += part.shape[1]
        if columns * num_clusters >= BATCH or i == len(cells) - 1:
            yield first, np.concatenate(parts, axis=1)
            first, parts, columns = i + 1, [], 0


def _score(cell: Result, sums: Floats, n: Floats) -> Floats:
    """Scores; of a redrawing without any example of the cell, the observed one."""
    metric = METRICS[cell.metric]()
    found = metric.score(sums, n)
    if np.all(n):
        return found
    observed = metric.score(cell.statistics.sum(axis=0), np.array(float(len(cell.ids))))
    return np.where(n == 0, observed, found)


def _widen(values: Floats, n: int) -> None:
    """Redrawn sums vary by (n - 1) / n of what the data say: put back, it matters for small n."""
    if n > 1:
        values[1:] = values[0] + (values[1:] - values[0]) * np.sqrt(n / (n - 1))
