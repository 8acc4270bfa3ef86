"""Mining: margins by hand, one partner each, and the same pairs as a naive full matrix."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from t2t_xfer.retrieval import mine
from t2t_xfer.specs.data import MiningSpec
from t2t_xfer.stages.pairs import mined_partners

Vectors = NDArray[np.float32]


def naive(left: Vectors, right: Vectors, k: int) -> list[tuple[int, int, float]]:
    """Margin mining as the papers say it, cell by cell over the whole matrix."""
    x = left.astype(np.float64) / np.linalg.norm(left.astype(np.float64), axis=1)[:, None]
    y = right.astype(np.float64) / np.linalg.norm(right.astype(np.float64), axis=1)[:, None]
    cosines = x @ y.T
    near_x = [sorted(range(len(y)), key=lambda j: (-row[j], j))[:k] for row in cosines]
    near_y = [sorted(range(len(x)), key=lambda i: (-row[i], i))[:k] for row in cosines.T]
    mean_x = [np.mean([cosines[i, j] for j in near]) for i, near in enumerate(near_x)]
    mean_y = [np.mean([cosines[i, j] for i in near]) for j, near in enumerate(near_y)]

    def margin(i: int, j: int) -> float:
        return float(cosines[i, j] / ((mean_x[i] + mean_y[j]) / 2))

    proposals = {(i, max(near, key=lambda j: margin(i, j))) for i, near in enumerate(near_x)}
    proposals |= {(max(near, key=lambda i: margin(i, j)), j) for j, near in enumerate(near_y)}
    pairs: list[tuple[int, int, float]] = []
    for i, j in sorted(proposals, key=lambda pair: -margin(*pair)):
        if all(i != a and j != b for a, b, _ in pairs) and margin(i, j) > 0:
            pairs.append((i, j, margin(i, j)))
    return pairs


def pools(num_pairs: int, alone: int, seed: int, noise: float) -> tuple[Vectors, Vectors]:
    """Pairs in the same order at the start of each side, then rows that belong to nothing."""
    rng = np.random.default_rng(seed)
    common = 2 * rng.standard_normal(24)  # real sentence vectors point in similar directions
    pairs = rng.standard_normal((num_pairs, 24))
    sides = []
    for _ in range(2):
        near = pairs + noise * rng.standard_normal(pairs.shape)
        rest = rng.standard_normal((alone, 24))
        sides.append((common + np.concatenate([near, rest])).astype(np.float32))
    return sides[0], sides[1]


@pytest.mark.parametrize("noise", [0.2, 0.8])
@pytest.mark.parametrize("memory_bytes", [1, 2**28])
def test_the_pairs_are_those_of_the_full_matrix(noise: float, memory_bytes: int) -> None:
    left, right = pools(20, 37, 5, noise)
    found = mine(left, right, 4, memory_bytes)
    expected = naive(left, right, 4)
    assert list(zip(found.left.tolist(), found.right.tolist(), strict=True)) == [
        (i, j) for i, j, _ in expected
    ]
    assert found.margins == pytest.approx([margin for _, _, margin in expected], abs=1e-6)


def test_a_margin_by_hand() -> None:
    # Unit vectors at 0, 60 degrees against one at 0 and one at 60: cosines [[1, .5], [.5, 1]].
    # With both neighbours every mean is .75, so the pairs have 1 / .75.
    half = np.sqrt(3) / 2
    side = np.array([[1, 0], [0.5, half]], np.float32)
    found = mine(side, side, 4)
    assert found.left.tolist() == found.right.tolist() == [0, 1]
    assert found.margins == pytest.approx([4 / 3, 4 / 3], abs=1e-6)


def test_a_row_that_is_near_everything_loses_to_a_rarer_one() -> None:
    """By cosine alone, row 0 would take the hub (column 0)."""
    left = np.array([[1, 0.1, 0], [1, -0.1, 0.1], [1, 0, -0.2]], np.float32)
    right = np.array([[1, 0, 0], [0.8, 0.6, 0]], np.float32)
    nearest = (left @ right.T / np.linalg.norm(right, axis=1)).argmax(1)
    assert nearest.tolist() == [0, 0, 0]
    found = mine(left, right, 2)
    assert dict(zip(found.left.tolist(), found.right.tolist(), strict=True))[0] == 1


def test_each_row_is_mined_once_at_most() -> None:
    left, right = pools(5, 60, 1, 0.5)
    found = mine(left, right[:9], 4)
    assert len(found.left) == len(set(found.left.tolist())) == len(set(found.right.tolist())) <= 9
    assert (np.diff(found.margins) <= 0).all()


def test_of_equal_margins_the_lower_rows_are_mined() -> None:
    same = np.ones((3, 4), np.float32)
    found = mine(same, same, 2)
    assert (found.left[0], found.right[0]) == (0, 0)
    assert found.margins.tolist() == [1.0] * len(found.left)


def test_rows_without_any_neighbour_are_not_mined() -> None:
    # Opposite directions: a quotient of two negative numbers would look like a match.
    left, right = np.array([[1, 0]], np.float32), np.array([[-1, 0]], np.float32)
    assert len(mine(left, right, 4).left) == 0


def test_a_repeated_sentence_takes_part_and_is_then_dropped() -> None:
    foreign = {"f1": "a", "f2": "b", "f3": "a"}
    english = {"e1": "A", "e2": "B", "e3": "C", "e4": "C"}
    # Different sentences: a b against A B C. a and A mean the same, b and C do.
    vectors = np.eye(3, dtype=np.float32)
    found = mined_partners(foreign, english, vectors[[0, 2]], vectors, MiningSpec(**POOLS))
    # a~A: two foreign ids say "a". b~C: two English ids say "C", and B is not taken instead.
    assert found == {}


POOLS = {"test": {"foreign": "f", "english": "e"}, "neighbours": 2}


def test_the_partner_comes_with_its_margin() -> None:
    vectors = np.eye(3, dtype=np.float32)[:2]
    found = mined_partners(
        {"f1": "a", "f2": "b"}, {"e1": "B", "e2": "A"}, vectors, vectors[::-1], MiningSpec(**POOLS)
    )
    assert found == {"f1": ("e2", 2.0), "f2": ("e1", 2.0)}  # 1 / ((.5 + .5) / 2)
