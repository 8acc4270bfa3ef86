"""Exact nearest neighbours by cosine, in blocks that stay within a memory budget.

The rule: the answer is that of the full matrix in float64, whatever the blocks; of equally near
neighbours the one with the lower index comes first. A float32 product in blocks finds all that
can be among the nearest, and those few are compared again in float64, each pair in the same order
of additions, so that equal vectors are equally near.

    nearest(english, german, k=5).indices[0]      # the five nearest German rows of English row 0
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

MEMORY_BYTES = 256 * 2**20
"""Budget for what a search allocates beside the two normalised inputs."""
BYTES_PER_CELL = 9
"""A block's products, their partition, and the comparison with the k-th."""


class Neighbours(NamedTuple):
    """The nearest rows of the pool for each query, nearest first."""

    indices: NDArray[np.int64]
    """Shape (queries, k)."""
    cosines: NDArray[np.float64]
    """Shape (queries, k), -1 to 1."""


def nearest(
    queries: NDArray[np.float32],
    pool: NDArray[np.float32],
    k: int,
    memory_bytes: int = MEMORY_BYTES,
) -> Neighbours:
    """The `k` nearest rows of the pool for each query (all of them, if the pool is smaller).

    Args:
        queries: shape (queries, hidden).
        pool: shape (candidates, hidden), at least one.
        k: at least 1.
        memory_bytes: blocks are as many queries as fit, but at least one.

    Raises:
        ValueError: shapes do not fit, or a vector is not finite.
    """
    if queries.ndim != 2 or pool.ndim != 2 or queries.shape[1] != pool.shape[1] or not len(pool):
        raise ValueError(f"queries of shape {queries.shape}, pool of shape {pool.shape}")
    if k < 1:
        raise ValueError(f"k is {k}, expected at least 1")
    k = min(k, len(pool))
    unit_queries, unit_pool = _unit(queries), _unit(pool)
    # A float32 product of unit vectors is off by less than this, and so is the k-th one.
    doubt = 2 * queries.shape[1] * float(np.finfo(np.float32).eps)
    step = max(1, memory_bytes // (BYTES_PER_CELL * len(pool)))
    indices = np.empty((len(queries), k), np.int64)
    cosines = np.empty((len(queries), k), np.float64)
    for start in range(0, len(queries), step):
        products = unit_queries[start : start + step] @ unit_pool.T
        kth = np.partition(products, len(pool) - k, axis=1)[:, len(pool) - k]
        for row, least in enumerate(kth, start):
            near = np.flatnonzero(products[row - start] >= least - doubt)
            exact = _cosines(queries[row], pool, near, memory_bytes)
            first = np.lexsort((near, -exact))[:k]
            indices[row], cosines[row] = near[first], exact[first]
    return Neighbours(indices, cosines)


def _cosines(
    query: NDArray[np.float32],
    pool: NDArray[np.float32],
    near: NDArray[np.int64],
    memory_bytes: int,
) -> NDArray[np.float64]:
    """Cosines in float64 of a query with some rows of the pool."""
    one = query.astype(np.float64)
    length = np.sqrt((one * one).sum())
    step = max(1, memory_bytes // (3 * one.nbytes))
    parts = []
    for start in range(0, len(near), step):
        rows = pool[near[start : start + step]].astype(np.float64)
        lengths = length * np.sqrt((rows * rows).sum(-1))
        parts.append((rows * one).sum(-1) / np.where(lengths == 0, 1, lengths))
    return np.concatenate(parts)


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows of length 1; a row of zeros stays one, and is at cosine 0 from everything."""
    if not np.isfinite(vectors).all():
        raise ValueError("a vector holds a value that is not finite")
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.where(lengths == 0, 1, lengths)).astype(np.float32)
