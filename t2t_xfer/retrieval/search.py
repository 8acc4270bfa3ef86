"""Exact nearest neighbours by cosine, in blocks that stay within a memory budget.

The rule: the answer is that of the full matrix in float64, whatever the blocks; of equally near
neighbours the one with the lower index comes first. Both directions share one pass over the
products.

    nearest(english, german, k=5).indices[0]      # the five nearest German rows of English row 0
    german_of, english_of = nearest_both(english, german, k=4)

How: a block of float32 products is read once, for the largest of every 16 (`scan`). The few
groups with the largest ones hold the nearest rows; these are compared again in float64, each pair
in the same order of additions, so that equal vectors are equally near. Where what was left out
lies within the rounding error of float32, more groups are looked at, and then the whole pool.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from t2t_xfer.retrieval.scan import GROUP, Best, Side, scan

MEMORY_BYTES = 256 * 2**20
"""Budget for what a search allocates beside the vectors and its answer."""
SPARE = 8
"""Groups and rows that are kept beyond `k`, so that few queries need the whole pool."""
CACHE_BYTES = 2**24
"""What is compared again at a time: more would have to leave the processor's cache."""
BYTES_PER_CELL = 9
"""Of a row of products in `_exhaustive`: product, partition, comparison with the k-th."""

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
    left, right = _sides(queries, pool, k)
    found, _ = scan(left, right, _kept(k, right), 0, memory_bytes, device)
    return _refine(left, right, found, min(k, len(right)), memory_bytes)


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
    if not len(ours):
        raise ValueError("no rows to look for")
    found, back = scan(ours, theirs, _kept(k, theirs), _kept(k, ours), memory_bytes, device)
    forward = _refine(ours, theirs, found, min(k, len(theirs)), memory_bytes)
    return forward, _refine(theirs, ours, back, min(k, len(ours)), memory_bytes)


def _kept(k: int, pool: Side) -> int:
    """How many groups to keep for each row."""
    return min(k, len(pool)) + SPARE


def _sides(queries: Vectors, pool: Vectors, k: int) -> tuple[Side, Side]:
    if queries.ndim != 2 or pool.ndim != 2 or queries.shape[1] != pool.shape[1] or not len(pool):
        raise ValueError(f"queries of shape {queries.shape}, pool of shape {pool.shape}")
    if k < 1:
        raise ValueError(f"k is {k}, expected at least 1")
    return Side.of(queries), Side.of(pool)


def _doubt(hidden: int) -> float:
    """Two float32 products of unit vectors in this order of size may be the other way round.

    Each is off by at most `hidden` roundings of its additions and a few of its factors.
    """
    return (hidden + 8) * float(np.finfo(np.float32).eps)


def _refine(queries: Side, pool: Side, best: Best, k: int, memory_bytes: int) -> Neighbours:
    """From the best groups of each query to its nearest rows."""
    out = Neighbours(np.empty((len(queries), k), np.int64), np.empty((len(queries), k), np.float64))
    left = np.arange(len(queries))
    # There are no more than `k` groups with a row among the `k` nearest.
    for groups in (k, best.keep):
        members = groups * GROUP
        bytes_each = (4 * members + 24 * (k + SPARE)) * queries.vectors.shape[1] + 48 * members
        part_bytes = min(memory_bytes // 2, CACHE_BYTES)
        parts = _slices(len(left), max(1, part_bytes // bytes_each))
        unsure = [_compare(queries, left[part], pool, best, groups, out) for part in parts]
        left = np.concatenate([np.empty(0, np.int64), *unsure])
    for row, found, cosines in _exhaustive(queries, left, pool, k, memory_bytes):
        out.indices[row], out.cosines[row] = found, cosines
    return out


def _compare(
    queries: Side, rows: NDArray[np.int64], pool: Side, best: Best, groups: int, out: Neighbours
) -> NDArray[np.int64]:
    """Puts the nearest rows within the first `groups` groups into `out`; the rows in doubt."""
    k = out.indices.shape[1]
    members, inside = best.members(rows, groups, len(pool))
    products = _products(queries, rows, pool, members).masked_fill_(~inside, -torch.inf)
    top = products.topk(min(k + SPARE, products.shape[1]), 1)
    near, real = members.gather(1, top.indices).numpy(), inside.gather(1, top.indices).numpy()
    exact = np.where(real, _cosines(queries, rows, pool, near), -np.inf)
    order = np.lexsort((near, -exact), axis=1)[:, :k]
    out.indices[rows] = np.take_along_axis(near, order, 1)
    out.cosines[rows] = np.take_along_axis(exact, order, 1)
    least = top.values[:, k - 1] - _doubt(queries.vectors.shape[1])
    unsure = torch.zeros(len(rows), dtype=torch.bool)
    if top.values.shape[1] < products.shape[1]:
        unsure |= top.values[:, -1] >= least
    # What lies in no group that was looked at is no larger than this.
    at_most = best.maxima[torch.from_numpy(rows), min(groups, best.keep - 1)]
    in_doubt: NDArray[np.int64] = rows[(unsure | (at_most >= least)).numpy()]
    return in_doubt


def _products(
    queries: Side, rows: NDArray[np.int64], pool: Side, members: torch.Tensor
) -> torch.Tensor:
    """Cosines in float32 of queries with members of the pool, shape of `members`."""
    ours = torch.from_numpy(queries.vectors[rows] * _column(queries.inverse[rows]))
    theirs = torch.from_numpy(pool.vectors).index_select(0, members.flatten())
    products = torch.bmm(theirs.view(*members.shape, -1), ours[:, :, None])[:, :, 0]
    return products.mul_(torch.from_numpy(pool.inverse.astype(np.float32))[members])


def _column(values: NDArray[np.float64]) -> Vectors:
    column: Vectors = values.astype(np.float32)[:, None]
    return column


def _exhaustive(
    queries: Side, rows: NDArray[np.int64], pool: Side, k: int, memory_bytes: int
) -> Iterator[tuple[int, NDArray[np.int64], NDArray[np.float64]]]:
    """Each of some queries with its nearest rows, compared with every row of the pool."""
    doubt = _doubt(queries.vectors.shape[1])
    least_step = max(1, memory_bytes // (3 * 8 * queries.vectors.shape[1]))
    for part in _slices(len(rows), max(1, memory_bytes // (BYTES_PER_CELL * len(pool)))):
        some = rows[part]
        products = (queries.vectors[some] * _column(queries.inverse[some])) @ pool.vectors.T
        products *= pool.inverse.astype(np.float32)
        kth = np.partition(products, len(pool) - k, axis=1)[:, len(pool) - k]
        for place, row in enumerate(some):
            near = np.flatnonzero(products[place] >= kth[place] - doubt)
            one = some[place : place + 1]
            exact = np.concatenate(
                [
                    _cosines(queries, one, pool, near[None, of_near])[0]
                    for of_near in _slices(len(near), least_step)
                ]
            )
            first = np.lexsort((near, -exact))[:k]
            yield int(row), near[first], exact[first]


def _cosines(
    queries: Side, rows: NDArray[np.int64], pool: Side, near: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Cosines in float64 of some queries with rows of the pool, `near` of shape (queries, rows).

    Zero vectors are at cosine 0 from everything.
    """
    ours = queries.vectors[rows].astype(np.float64)[:, None]
    products = (pool.vectors[near].astype(np.float64) * ours).sum(-1)
    lengths: NDArray[np.float64] = queries.lengths[rows][:, None] * pool.lengths[near]
    cosines: NDArray[np.float64] = products / np.where(lengths == 0, 1, lengths)
    return cosines


def _slices(count: int, step: int) -> Iterator[slice]:
    return (slice(start, min(start + step, count)) for start in range(0, count, step))
