"""Nearest neighbours in blocks are those of the full comparison, ties included."""

import numpy as np
import pytest

from t2t_xfer.retrieval.search import nearest


def naive(queries, pool, k):
    """Every cosine in float64, one pair at a time, sorted by cosine and then by index."""
    out = []
    for query in queries.astype(np.float64):
        cosines = []
        for row in pool.astype(np.float64):
            lengths = np.sqrt((query * query).sum()) * np.sqrt((row * row).sum())
            cosines.append((row * query).sum() / (lengths or 1))
        out.append(sorted(range(len(pool)), key=lambda i: (-cosines[i], i))[:k])
    return np.array(out)


def vectors(count, size, seed, spread=1.0):
    """Vectors around a common direction: real sentence vectors are close to each other."""
    rng = np.random.default_rng(seed)
    return (3.0 + spread * rng.standard_normal((count, size))).astype(np.float32)


@pytest.mark.parametrize("spread", [1.0, 0.01, 1e-4])
@pytest.mark.parametrize("memory_bytes", [1, 5_000, 2**28])
def test_blocks_equal_the_full_matrix(spread, memory_bytes):
    queries, pool = vectors(23, 48, 1, spread), vectors(57, 48, 2, spread)
    found = nearest(queries, pool, 5, memory_bytes)
    assert (found.indices == naive(queries, pool, 5)).all()
    assert (np.diff(found.cosines, axis=1) <= 0).all()


@pytest.mark.parametrize("memory_bytes", [1, 3_000, 2**28])
def test_of_equal_neighbours_the_first_comes_first(memory_bytes):
    pool = np.tile(vectors(3, 40, 5), (30, 1))
    found = nearest(pool[:3], pool, 4, memory_bytes)
    assert found.indices.tolist() == [[i, i + 3, i + 6, i + 9] for i in range(3)]


def test_a_pool_smaller_than_k_and_a_vector_of_zeros():
    pool = np.array([[0, 0], [1, 0]], np.float32)
    found = nearest(np.array([[2, 0], [0, 0]], np.float32), pool, 9)
    assert found.indices.tolist() == [[1, 0], [0, 1]]
    assert found.cosines.tolist() == [[1, 0], [0, 0]]


def test_the_memory_of_a_block_stays_within_the_budget():
    import tracemalloc

    queries, pool = vectors(400, 16, 1), vectors(4000, 16, 2)
    budget = 2**20
    tracemalloc.start()
    nearest(queries, pool, 3, budget)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # Beside the block: both sides normalised (with a temporary), and the answer.
    assert peak < budget + 3 * (queries.nbytes + pool.nbytes) + 400 * 3 * 16
    assert peak < 400 * 4000 * 4 / 3  # far from the full matrix


@pytest.mark.parametrize(
    ("queries", "pool", "k", "words"),
    [
        (np.ones((2, 3)), np.ones((2, 4)), 1, "shape"),
        (np.ones((2, 3)), np.ones((0, 3)), 1, "shape"),
        (np.ones((2, 3)), np.ones((2, 3)), 0, "at least 1"),
        (np.full((1, 2), np.nan), np.ones((2, 2)), 1, "not finite"),
    ],
)
def test_nonsense_is_refused(queries, pool, k, words):
    with pytest.raises(ValueError, match=words):
        nearest(queries.astype(np.float32), pool.astype(np.float32), k)
