"""Finding sentences by their vectors: exact nearest neighbours, and which rows belong together.

The rule: the answer is that of the full matrix of cosines in float64, whatever the blocks; of
equally near neighbours the one with the lower index comes first. Knows numbers only: no models, no
tasks.

    nearest(english, german, k=5).indices[0]      # the five nearest German rows of English row 0
    german_of, english_of = nearest_both(english, german, k=4)
    mine(english, german).margins                 # pairs, the best first

How: blocks of float32 products are made once, and of each row of either side the `k + SPARE`
largest are kept. These are compared again in float64, each pair in the same order of additions, so
that equal vectors are equally near. Where what was left out lies within the rounding error of
float32, the whole pool is looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import isqrt
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

MEMORY_BYTES = 256 * 2**20
"""Budget for what a search allocates beside the vectors and its answer."""
SPARE = 8
"""Rows that are kept beyond `k`, so that few queries need the whole pool."""
LONGEST_BLOCK, SHORTEST_BLOCK = 4096, 16

Vectors = NDArray[np.float32]
"""Shape (rows, hidden)."""


class Neighbours(NamedTuple):
    """The nearest rows of the pool for each query, nearest first."""

    indices: NDArray[np.int64]
    """Shape (queries, k)."""
    cosines: NDArray[np.float64]
    """Shape (queries, k), -1 to 1."""


def nearest(
    queries: Vectors,
    pool: Vectors,
    k: int,
    memory_bytes: int = MEMORY_BYTES,
    device: str | torch.device = "cpu",
) -> Neighbours:
    """The `k` nearest rows of the pool for each query (all of them, if the pool is smaller).

    Args:
        queries: shape (queries, hidden).
        pool: shape (candidates, hidden), at least one.
        k: at least 1.
        memory_bytes: what blocks may take; the least are blocks of 16 x 16.
        device: where blocks of products are made.

    Raises:
        ValueError: shapes do not fit, or a vector is not finite.
    """
    ours, theirs = _sides(queries, pool, k)
    found = _Largest(ours, theirs, k)
    for rows, columns, tile in _tiles(ours, theirs, memory_bytes, device):
        found.merge(rows, columns, tile)
    return found.exactly(memory_bytes)


def nearest_both(
    left: Vectors,
    right: Vectors,
    k: int,
    memory_bytes: int = MEMORY_BYTES,
    device: str | torch.device = "cpu",
) -> tuple[Neighbours, Neighbours]:
    """The nearest right rows of each left row, and the nearest left rows of each right row.

    As two calls of `nearest`, but every product is made once.

    Raises:
        ValueError: as `nearest`; also if there are no left rows.
    """
    ours, theirs = _sides(left, right, k)
    if not len(left):
        raise ValueError("no rows to look for")
    found, back = _Largest(ours, theirs, k), _Largest(theirs, ours, k)
    for rows, columns, tile in _tiles(ours, theirs, memory_bytes, device):
        found.merge(rows, columns, tile)
        back.merge(columns, rows, tile.T.contiguous())  # rows of a turned view are slow to read
    return found.exactly(memory_bytes), back.exactly(memory_bytes)


class _Side(NamedTuple):
    """Vectors with their lengths."""

    vectors: Vectors
    lengths: NDArray[np.float64]

    @classmethod
    def of(cls, vectors: Vectors) -> _Side:
        lengths = np.empty(len(vectors), np.float64)
        for part in _slices(len(vectors), max(1, 2**18 // vectors.shape[1])):
            some = vectors[part].astype(np.float64)
            lengths[part] = np.sqrt((some * some).sum(-1))
        if not np.isfinite(lengths).all():
            raise ValueError("a vector holds a value that is not finite")
        return cls(np.ascontiguousarray(vectors, np.float32), lengths)

    def unit(self, rows: slice | NDArray[np.int64]) -> torch.Tensor:
        """Some rows at length 1; a vector of zeros stays one."""
        lengths = self.lengths[rows]
        scale = np.divide(1.0, lengths, out=np.zeros_like(lengths), where=lengths > 0)
        return torch.from_numpy(self.vectors[rows] * scale.astype(np.float32)[:, None])


def _sides(queries: Vectors, pool: Vectors, k: int) -> tuple[_Side, _Side]:
    if queries.ndim != 2 or pool.ndim != 2 or queries.shape[1] != pool.shape[1] or not len(pool):
        raise ValueError(f"queries of shape {queries.shape}, pool of shape {pool.shape}")
    if k < 1:
        raise ValueError(f"k is {k}, expected at least 1")
    return _Side.of(queries), _Side.of(pool)


def _tiles(
    left: _Side, right: _Side, memory_bytes: int, device: str | torch.device
) -> Iterator[tuple[slice, slice, torch.Tensor]]:
    """All products of two sides, a block of left rows by a block of right rows at a time.

    Of the budget, three eighths are for a tile, the one before it and the same turned round, a
    quarter for both blocks' vectors.
    """
    hidden = left.vectors.shape[1]
    length = min(isqrt(memory_bytes // 32), memory_bytes // (32 * hidden), LONGEST_BLOCK)
    length = max(length, SHORTEST_BLOCK)
    for columns in _slices(len(right.vectors), length):
        block = right.unit(columns).to(device).T
        for rows in _slices(len(left.vectors), length):
            yield rows, columns, left.unit(rows).to(device) @ block


class _Largest:
    """For each row of one side, which rows of the other have the largest products."""

    def __init__(self, side: _Side, pool: _Side, k: int) -> None:
        self.side, self.pool = side, pool
        self.k = min(k, len(pool.vectors))
        kept = min(self.k + SPARE, len(pool.vectors))
        self.products = torch.full((len(side.vectors), kept), -torch.inf)
        """Largest first."""
        self.indices = torch.zeros((len(side.vectors), kept), dtype=torch.int32)

    def merge(self, rows: slice, columns: slice, tile: torch.Tensor) -> None:
        """Takes in the products of some rows with some of the pool."""
        kept = self.products.shape[1]
        new, places = tile.topk(min(kept, tile.shape[1]), 1)
        indices = torch.cat([self.indices[rows], (places.cpu() + columns.start).int()], 1)
        best, places = torch.cat([self.products[rows], new.cpu()], 1).topk(kept, 1)
        self.products[rows], self.indices[rows] = best, indices.gather(1, places)

    def exactly(self, memory_bytes: int) -> Neighbours:
        """The nearest rows, by float64."""
        shape, kept = (len(self.side.vectors), self.k), self.products.shape[1]
        out = Neighbours(np.empty(shape, np.int64), np.empty(shape, np.float64))
        least = self.products[:, self.k - 1] - self._doubt
        step = max(1, memory_bytes // (40 * kept * self.side.vectors.shape[1]))
        for part in _slices(len(self.side.vectors), step):
            rows = np.arange(part.start, part.stop)
            open_to_doubt = int((self.products[part] >= least[part, None]).sum(1).max())
            near = self.indices[part, :open_to_doubt].numpy().astype(np.int64)
            cosines = self._cosines(rows, near)
            order = np.lexsort((near, -cosines), axis=1)[:, : self.k]
            out.indices[part] = np.take_along_axis(near, order, 1)
            out.cosines[part] = np.take_along_axis(cosines, order, 1)
        if kept < len(self.pool.vectors):
            unsure = np.flatnonzero((self.products[:, -1] >= least).numpy())
            for row, near, cosines in self._exhaustive(unsure, memory_bytes):
                out.indices[row], out.cosines[row] = near, cosines
        return out

    @property
    def _doubt(self) -> float:
        """Two float32 products of unit vectors in this order of size may be the other way round.

        Each is off by at most `hidden` roundings of its additions and a few of its factors.
        """
        return float((self.side.vectors.shape[1] + 8) * np.finfo(np.float32).eps)

    def _exhaustive(
        self, rows: NDArray[np.int64], memory_bytes: int
    ) -> Iterator[tuple[int, NDArray[np.int64], NDArray[np.float64]]]:
        """Some rows with their nearest, compared with every row of the pool."""
        whole = slice(0, len(self.pool.vectors))
        length = max(1, memory_bytes // (16 * len(self.pool.vectors)))
        step = max(SHORTEST_BLOCK, memory_bytes // (40 * self.side.vectors.shape[1]))
        for part in _slices(len(rows), length):
            some = self.side.unit(rows[part])
            products = torch.cat([some @ self.pool.unit(p).T for p in _slices(whole.stop, step)], 1)
            least = products.topk(self.k, 1).values[:, -1:] - self._doubt
            for row, candidates in zip(rows[part], (products >= least).numpy(), strict=True):
                near = np.flatnonzero(candidates)
                cosines = np.concatenate(
                    [self._cosines(row[None], near[None, p])[0] for p in _slices(len(near), step)]
                )
                first = np.lexsort((near, -cosines))[: self.k]
                yield int(row), near[first], cosines[first]

    def _cosines(self, rows: NDArray[np.int64], near: NDArray[np.int64]) -> NDArray[np.float64]:
        """Cosines in float64 of some rows with rows of the pool, `near` of shape (rows, any).

        Zero vectors are at cosine 0 from everything.
        """
        ours = self.side.vectors[rows].astype(np.float64)[:, None]
        products = (self.pool.vectors[near].astype(np.float64) * ours).sum(-1)
        lengths: NDArray[np.float64] = self.side.lengths[rows][:, None] * self.pool.lengths[near]
        cosines: NDArray[np.float64] = products / np.where(lengths == 0, 1, lengths)
        return cosines


def _slices(count: int, step: int) -> Iterator[slice]:
    return (slice(start, min(start + step, count)) for start in range(0, count, step))


class Mined(NamedTuple):
    """Pairs, the best margin first; every row of either side at most once."""

    left: NDArray[np.int64]
    """Rows of the left side, shape (pairs,)."""
    right: NDArray[np.int64]
    margins: NDArray[np.float64]
    """Above 0. About 1: no closer than the neighbours are."""


def mine(
    left: NDArray[np.float32],
    right: NDArray[np.float32],
    neighbours: int = 4,
    memory_bytes: int = MEMORY_BYTES,
    device: str | torch.device = "cpu",
) -> Mined:
    """Which rows of two sides belong together, when most belong to none; no threshold but 0.

        margin(x, y) = cos(x, y) / ((mean cos of x's neighbours + mean cos of y's neighbours) / 2)

    A sentence that is close to everything is close to its nearest ones for no reason of meaning;
    the margin (Artetxe and Schwenk 2019, "ratio") sets that off. Each row proposes the neighbour
    with its best margin, on both sides; the proposals are taken from the best on, each row once
    ("max"). As XTREME mines BUCC, with 4 neighbours.

    Args:
        left: shape (rows, hidden), at least one row, each sentence once.
        right: shape (others, hidden), likewise.
        neighbours: how many each margin is compared with; all, if a side is smaller.
        memory_bytes: see `nearest`.
        device: where products are made.
    """
    forward, backward = nearest_both(left, right, neighbours, memory_bytes, device)
    ours, theirs = forward.cosines.mean(1), backward.cosines.mean(1)
    proposed = np.concatenate(
        [_proposals(forward, ours, theirs), _proposals(backward, theirs, ours)[:, ::-1]]
    )
    pairs = np.unique(proposed, axis=0)
    cosines = _cosines_of(pairs, forward, backward)
    margins = _margins(cosines, ours[pairs[:, 0]], theirs[pairs[:, 1]])
    # `pairs` is sorted, so of equal margins the lower rows come first.
    order = np.argsort(-margins, kind="stable")
    taken = _one_to_one(pairs[order], margins[order], len(left), len(right))
    chosen = order[taken]
    return Mined(pairs[chosen, 0], pairs[chosen, 1], margins[chosen])


def _proposals(
    found: Neighbours, ours: NDArray[np.float64], theirs: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Each row with the neighbour of its best margin, shape (rows, 2); the nearest of equals."""
    margins = _margins(found.cosines, ours[:, None], theirs[found.indices])
    rows = np.arange(len(ours))
    return np.stack([rows, found.indices[rows, margins.argmax(1)]], 1)


def _margins(
    cosines: NDArray[np.float64], ours: NDArray[np.float64], theirs: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Ratio margins. 0, so never mined, where the neighbours are not on the same side at all."""
    means = (ours + theirs) / 2
    return np.divide(cosines, means, out=np.zeros_like(cosines), where=means > 0)


def _cosines_of(
    pairs: NDArray[np.int64], forward: Neighbours, backward: Neighbours
) -> NDArray[np.float64]:
    """Each pair stands among the neighbours of one of its rows at least."""
    out = np.full(len(pairs), np.nan)
    for found, rows, others in ((forward, 0, 1), (backward, 1, 0)):
        here = found.indices[pairs[:, rows]] == pairs[:, others, None]
        hit = here.any(1)
        at = here[hit].argmax(1)
        out[hit] = found.cosines[pairs[hit, rows], at]
    return out


def _one_to_one(
    pairs: NDArray[np.int64], margins: NDArray[np.float64], num_left: int, num_right: int
) -> NDArray[np.int64]:
    """Places of the pairs that are taken, from the best margin on."""
    seen_left, seen_right = bytearray(num_left), bytearray(num_right)
    taken = []
    for place, (left, right) in enumerate(pairs.tolist()):
        if margins[place] <= 0:
            break
        if not seen_left[left] and not seen_right[right]:
            seen_left[left] = seen_right[right] = 1
            taken.append(place)
    return np.array(taken, np.int64)
