"""Padding of rows and the attention masks of rows with blocks."""

from __future__ import annotations

from collections.abc import Sequence

import torch


def pad(sequences: Sequence[Sequence[int]], value: int, left: bool = False) -> torch.Tensor:
    """Ids, padded on the right unless `left`, shape (rows, longest)."""
    width = max(len(s) for s in sequences)
    out = torch.full((len(sequences), width), value, dtype=torch.long)
    for i, sequence in enumerate(sequences):
        start = width - len(sequence) if left else 0
        out[i, start : start + len(sequence)] = torch.tensor(sequence, dtype=torch.long)
    return out


def length_mask(sequences: Sequence[Sequence[int]], left: bool = False) -> torch.Tensor:
    """1 at tokens, 0 at padding, shape (rows, longest)."""
    return (pad([[1] * len(s) for s in sequences], 0, left)).long()


HIDDEN = torch.finfo(torch.bfloat16).min
"""What hides a token in an additive mask. Finite in float32 and in bfloat16."""


def block_mask(blocks: Sequence[Sequence[int]]) -> torch.Tensor:
    """Additive mask, shape (rows, 1, longest, longest): 0 where a token may look, else `HIDDEN`.

    A token sees itself and the earlier tokens of block 0 and of its own block. Padding sees only
    itself, so that no row of the softmax is empty.
    """
    ids = pad(blocks, -1)
    length = ids.shape[1]
    earlier = torch.ones(length, length, dtype=torch.bool).tril()
    key, query = ids[:, None, :], ids[:, :, None]
    allowed = earlier & ((key == query) | (key == 0)) & (query >= 0)
    allowed |= torch.eye(length, dtype=torch.bool)
    return torch.zeros(allowed.shape).masked_fill(~allowed, HIDDEN)[:, None]


def block_positions(blocks: Sequence[Sequence[int]]) -> torch.Tensor:
    """Position of each token: a block goes on counting where block 0 ended."""
    rows: list[list[int]] = []
    for row in blocks:
        shared = sum(1 for block in row if block == 0)
        counts: dict[int, int] = {0: 0}
        positions = []
        for block in row:
            position = counts.setdefault(block, shared)
            positions.append(position)
            counts[block] = position + 1
        rows.append(positions)
    return pad(rows, 0)
