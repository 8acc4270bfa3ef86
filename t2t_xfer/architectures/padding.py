"""Padding of rows and the attention masks of rows with blocks."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from t2t_xfer.architectures.candidates import CHUNK, WINDOW, Candidates


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


def candidate_masks(
    blocks: Sequence[Sequence[int]], candidates: Candidates
) -> torch.Tensor | dict[str, torch.Tensor]:
    """`block_mask` as a model's layers need it: one for all, or one for each kind of layer.

    What a layer sees no farther than is counted in positions, which in a block go on from the
    context, so a candidate's tokens see as much of it as they would alone.
    """
    whole = block_mask(blocks)
    if candidates.window is None and candidates.chunk is None:
        return whole
    positions = block_positions(blocks)[:, None]
    query, key = positions[..., :, None], positions[..., None, :]
    masks = dict.fromkeys(candidates.kinds, whole)
    windowed = whole
    if candidates.window is not None:
        masks[WINDOW] = windowed = _own(whole, query - key >= candidates.window)
    if candidates.chunk is not None:
        masks[CHUNK] = _own(whole, query // candidates.chunk != key // candidates.chunk)
    return masks if candidates.kinds else windowed


def _own(mask: torch.Tensor, hidden: torch.Tensor) -> torch.Tensor:
    """More is hidden, but a token always sees itself: padding sees nothing else."""
    itself = torch.eye(mask.shape[-1], dtype=torch.bool)
    return mask.masked_fill(hidden & ~itself, HIDDEN)


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
