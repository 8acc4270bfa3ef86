"""Redrawn examples and redrawn seeds: the random numbers behind every interval of a report.

The rule: they depend on the target's name and its examples alone, never on a model's answers. So
all cells of a target are scored on the same redrawn examples, and differences are paired.

    for group in groups(observed): draws(len(group.places), 1000, rng)     # [redrawings, clusters]
    SeedDraws((0, 1, 2), 1000, rng).weights((0, 2))                        # [redrawings, 2]
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from zlib import crc32

import numpy as np

from t2t_xfer.metrics import METRICS
from t2t_xfer.study.results import Examples, Floats, Result


def only(cell: Result, keep: Callable[[str], bool]) -> Result | None:
    """The cell with the examples whose id is kept, its score left as it was; None without any."""
    kept = [i for i, id in enumerate(cell.ids) if keep(id)]
    if not kept:
        return None
    chosen = Examples(
        tuple(cell.ids[i] for i in kept),
        cell.statistics[kept],
        tuple(cell.statuses[i] for i in kept),
        cell.removed_tokens[kept],
    )
    return replace(cell, n=len(kept), chosen=chosen)


def side_of(id: str) -> int:
    """0 or 1: by chance, and the same for an example in every language, model and run."""
    return crc32(f"half {id}".encode()) & 1


BATCH = 4_000_000
"""Numbers drawn at once: 32 MB."""


@dataclass(frozen=True)
class Group:
    """Cells of one target whose languages share examples, directly or through another language."""

    target: str
    members: tuple[int, ...]
    """Positions of the cells among the observed ones."""
    places: dict[str, int]
    """Example id -> its cluster, from 0."""

    def generator(self, seed: int) -> np.random.Generator:
        """A stream of its own, the same whatever else was observed."""
        first = next(iter(self.places), "")
        return np.random.default_rng([seed, crc32(f"{self.target}\n{first}".encode())])


def groups(observed: Sequence[Result]) -> list[Group]:
    """Cells by target and shared examples.

    Languages that share no example are groups of their own, so that each keeps its number of
    examples in every redrawing.
    """
    by_target: dict[str, dict[tuple[str, ...], list[int]]] = {}
    for member, each in enumerate(observed):
        by_target.setdefault(each.target, {}).setdefault(each.ids, []).append(member)
    found: list[Group] = []
    for target, by_ids in by_target.items():
        for joined in _joined(list(by_ids)):
            places = {id: i for i, id in enumerate(dict.fromkeys(x for ids in joined for x in ids))}
            cells = sorted(member for ids in joined for member in by_ids[ids])
            found.append(Group(target, tuple(cells), places))
    return found


def _joined(sets: Sequence[tuple[str, ...]]) -> list[list[tuple[str, ...]]]:
    """The sets of ids, those together that share one, directly or through others."""
    parent = list(range(len(sets)))

    def root(i: int) -> int:
        while parent[i] != i:
            i = parent[i]
        return i

    owner: dict[str, int] = {}
    for i, ids in enumerate(sets):
        for one in {root(owner.setdefault(id, i)) for id in ids}:
            parent[max(one, root(i))] = min(one, root(i))
    joined: dict[int, list[tuple[str, ...]]] = {}
    for i, ids in enumerate(sets):
        joined.setdefault(root(i), []).append(ids)
    return list(joined.values())


def draws(clusters: int, replicates: int, rng: np.random.Generator) -> Iterator[Floats]:
    """How often each cluster is drawn, `[some redrawings, clusters]` at a time.

    As many clusters as there are, with replacement.
    """
    size = max(1, BATCH // clusters)
    for start in range(0, replicates, size):
        count = min(size, replicates - start)
        drawn = rng.integers(0, clusters, size=(count, clusters))
        drawn += np.arange(count)[:, None] * clusters
        times = np.bincount(drawn.ravel(), minlength=count * clusters)
        yield times.reshape(count, clusters).astype(np.float64)


def redrawn_scores(results: Sequence[Result], replicates: int, seed: int) -> list[Floats]:
    """Of every number its draws `[1 + replicates]`, index 0 the score itself."""
    made: dict[int, Floats] = {}
    for group in groups(results):
        cells = [results[member] for member in group.members]
        drawn = _redrawn(cells, group, replicates, group.generator(seed))
        made.update(zip(group.members, drawn, strict=True))
    return [made[i] for i in range(len(results))]


def _redrawn(
    cells: Sequence[Result], group: Group, replicates: int, rng: np.random.Generator
) -> list[Floats]:
    """The redrawn scores of a group's cells."""
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
        n = len(cell.ids)
        if n > 1:  # redrawn sums vary by (n - 1) / n of what the data say: it matters for small n
            values[1:] = values[0] + (values[1:] - values[0]) * np.sqrt(n / (n - 1))
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


class SeedDraws:
    """Weights on the seeds of a study that turn their spread into an interval.

    Redrawing two or three seeds with replacement under-covers badly. Instead a redrawing moves a
    mean over `m` seeds by `sum_s w_s x_s`, where `w = (z - mean z) / sqrt(m q)`, z is standard
    normal and q chi-squared with m - 1 degrees of freedom: for any numbers x that is
    `sd(x) / sqrt(m)` times a t variable with m - 1 degrees of freedom, as in the t interval of
    their mean. The same w serves all cells, so any difference or mean of cells over these seeds
    gets its own t interval, with what the cells have in common taken into account.
    """

    def __init__(self, seeds: Sequence[int], replicates: int, rng: np.random.Generator) -> None:
        self._column = {seed: i for i, seed in enumerate(seeds)}
        uniform = _spread_evenly(replicates, len(seeds) + 1, rng)
        self._radius = uniform[:, -1]
        self._normal = _normal(uniform[:, :-1])
        self._made: dict[tuple[int, ...], Floats] = {}

    def weights(self, seeds: tuple[int, ...]) -> Floats:
        """`[redrawings, seeds]`; 0 for a single seed, whose spread nobody knows."""
        if seeds not in self._made:
            self._made[seeds] = self._weights(seeds)
        return self._made[seeds]

    def _weights(self, seeds: tuple[int, ...]) -> Floats:
        normal = self._normal[:, [self._column[seed] for seed in seeds]]
        m = len(seeds)
        if m < 2:
            return np.zeros_like(normal)
        centred: Floats = normal - normal.mean(axis=1, keepdims=True)
        return centred / np.sqrt(m * _chi_squared(self._radius, m - 1))[:, None]


def _spread_evenly(rows: int, columns: int, rng: np.random.Generator) -> Floats:
    """Uniform numbers in (0, 1), one in each of `rows` equal parts of every column: the outer
    quantiles of heavy tails are then less a matter of luck (McKay et al. 1979)."""
    order = np.stack([rng.permutation(rows) for _ in range(columns)], axis=1)
    return (order + rng.uniform(0.01, 0.99, size=order.shape)) / rows


def _normal(uniform: Floats) -> Floats:
    from scipy.special import ndtri

    made: Floats = ndtri(uniform)
    return made


def _chi_squared(uniform: Floats, freedom: int) -> Floats:
    from scipy.special import gammaincinv

    made: Floats = 2 * gammaincinv(freedom / 2, uniform)
    return made
