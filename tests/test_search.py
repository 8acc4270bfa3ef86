"""Nearest neighbours in blocks are those of the full comparison, ties included."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from t2t_xfer.retrieval import nearest, nearest_both


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


@pytest.mark.parametrize("spread", [1.0, 0.01, 1e-4])
@pytest.mark.parametrize("memory_bytes", [1, 5_000, 60_000, 2**28])
@pytest.mark.parametrize(("ours", "theirs"), [(23, 57), (130, 16), (1, 300), (300, 1)])
def test_both_directions_at_once_equal_the_full_matrix(spread, memory_bytes, ours, theirs):
    left, right = vectors(ours, 48, 1, spread), vectors(theirs, 48, 2, spread)
    forward, backward = nearest_both(left, right, 4, memory_bytes)
    assert (forward.indices == naive(left, right, 4)).all()
    assert (backward.indices == naive(right, left, 4)).all()
    assert (forward.cosines == nearest(left, right, 4).cosines).all()
    assert (backward.cosines == nearest(right, left, 4).cosines).all()


@pytest.mark.parametrize("memory_bytes", [1, 2**28])
def test_in_both_directions_the_first_of_equals_comes_first(memory_bytes):
    side = np.tile(vectors(7, 40, 5), (50, 1))
    forward, backward = nearest_both(side, side, 3, memory_bytes)
    expected = [[i % 7, i % 7 + 7, i % 7 + 14] for i in range(350)]
    assert forward.indices.tolist() == backward.indices.tolist() == expected
    # A pair has the same cosine from both sides, to the last bit.
    assert (forward.cosines == backward.cosines).all()


def test_more_near_ties_than_groups_are_kept():
    """Most of the pool lies within the rounding error of float32, spread over all groups."""
    rng = np.random.default_rng(3)
    query = vectors(5, 32, 4)
    pool = (query[0] * (1 + rng.random((3000, 1)))).astype(np.float32)  # one direction
    pool[::7] += 1e-6 * rng.standard_normal((len(pool[::7]), 32)).astype(np.float32)
    for memory_bytes in (1, 20_000, 2**28):
        found = nearest(query, pool, 5, memory_bytes)
        assert (found.indices == naive(query, pool, 5)).all()


def test_twenty_thousand_by_twenty_thousand():
    left, right = vectors(20_000, 32, 1), vectors(20_000, 32, 2)
    right[123], right[17_000] = left[7], 2 * left[7]
    forward, backward = nearest_both(left, right, 4, 64 * 2**20)
    assert forward.indices[7, :2].tolist() == [123, 17_000]
    some = np.array([0, 7, 9_999, 19_999])
    assert (forward.indices[some] == fast_naive(left[some], right, 4)).all()
    assert (backward.indices[some] == fast_naive(right[some], left, 4)).all()


def fast_naive(queries, pool, k):
    queries, pool = queries.astype(np.float64), pool.astype(np.float64)
    lengths = np.linalg.norm(queries, axis=1)[:, None] * np.linalg.norm(pool, axis=1)
    return np.argsort(-(queries @ pool.T) / lengths, axis=1, kind="stable")[:, :k]


MEMORY = """
import re
from pathlib import Path
import numpy as np, torch
from t2t_xfer.retrieval import nearest_both
torch.set_num_threads(1)
rng = np.random.default_rng(0)
left, right = (rng.standard_normal((12_000, 64), dtype=np.float32) for _ in range(2))
nearest_both(left[:50], right[:50], 4, 2**20)  # whatever libraries take on first use
def kib(key):
    return int(re.search(key + r":\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here
before = kib("VmRSS")
nearest_both(left, right, 4, 24 * 2**20)
print((kib("VmHWM") - before) / 1024)
"""


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs Linux's /proc")
def test_memory_stays_within_the_budget_where_the_full_matrix_would_take_far_more():
    done = subprocess.run(
        [sys.executable, "-c", MEMORY], capture_output=True, text=True, check=True, timeout=300
    )
    # MiB. The budget, and for each of 24,000 rows lengths, best groups and answer (250 bytes or
    # so). The full matrix would take 550 MiB in float32.
    assert 5 < float(done.stdout) < 24 + 10


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
    for search in (nearest, nearest_both):
        with pytest.raises(ValueError, match=words):
            search(queries.astype(np.float32), pool.astype(np.float32), k)
