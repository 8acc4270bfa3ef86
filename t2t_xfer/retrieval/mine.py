"""Mining pairs: which rows of two sides belong together, when most belong to none.

    margin(x, y) = cos(x, y) / ((mean cos of x's neighbours + mean cos of y's neighbours) / 2)

A sentence that is close to everything is close to its nearest ones for no reason of meaning; the
margin (Artetxe and Schwenk 2019, "ratio") sets that off. Each row proposes the neighbour with its
best margin, on both sides; the proposals are taken from the best on, each row once ("max"). As
XTREME mines BUCC, with 4 neighbours.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from t2t_xfer.retrieval.search import MEMORY_BYTES, Neighbours, nearest_both


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
    """Pairs of rows, with no threshold but 0.

    Args:
        left: shape (rows, hidden), at least one row, each sentence once.
        right: shape (others, hidden), likewise.
        neighbours: how many each margin is compared with; all, if a side is smaller.
        memory_bytes: see `search.nearest`.
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
