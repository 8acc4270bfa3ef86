"""The one pass over all products of two sides: for every row, where its largest products lie.

    left (M, hidden) x right (N, hidden), a tile at a time:

               right rows
             +----------------+
    left     | tile, float32  | --max over each group of 16 right rows--> best of left rows
    rows     +----------------+
                      | max over each group of 16 left rows
                      v
               best of right rows

A group is 16 rows of a block, `block / 16` apart, so that the maxima are of long runs of memory.
For every row only the groups with the largest maxima are kept. No product is kept.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

GROUP = 16
LONGEST_BLOCK = 8192
"""Rows of a block; larger tiles are not faster."""
MERGED = 512
"""Maxima that are put together before the largest are chosen: fewer are slow to choose from."""
_NUMBERS_AT_A_TIME = 2**18


class Side(NamedTuple):
    """Vectors with their lengths."""

    vectors: NDArray[np.float32]
    """Shape (rows, hidden)."""
    lengths: NDArray[np.float64]
    inverse: NDArray[np.float64]
    """1 / length; 0 for a vector of zeros, which so stays one."""

    @classmethod
    def of(cls, vectors: NDArray[np.float32]) -> Side:
        """The vectors with lengths in float64.

        Raises:
            ValueError: a vector is not finite.
        """
        lengths = np.empty(len(vectors), np.float64)
        step = max(1, _NUMBERS_AT_A_TIME // vectors.shape[1])
        for start in range(0, len(vectors), step):
            some = vectors[start : start + step].astype(np.float64)
            lengths[start : start + len(some)] = np.sqrt((some * some).sum(-1))
        if not np.isfinite(lengths).all():
            raise ValueError("a vector holds a value that is not finite")
        inverse = np.divide(1.0, lengths, out=np.zeros_like(lengths), where=lengths > 0)
        return cls(np.ascontiguousarray(vectors, np.float32), lengths, inverse)

    def __len__(self) -> int:
        return len(self.vectors)

    def unit(self, rows: slice) -> torch.Tensor:
        """Some rows at length 1, shape (rows, hidden)."""
        scale = torch.from_numpy(self.inverse[rows]).to(torch.float32)
        return torch.from_numpy(self.vectors[rows]) * scale[:, None]


class Best:
    """The groups of the other side with the largest maxima, for every row of one side."""

    def __init__(self, rows: int, keep: int, block: int) -> None:
        """`block`: rows of a block of the other side."""
        self.keep, self._block = keep, block
        self.maxima = torch.full((rows, keep), -torch.inf)
        """Largest first, shape (rows, keep)."""
        self._groups = torch.full((rows, keep), -1, dtype=torch.int32)

    def merge(self, rows: slice, maxima: torch.Tensor, first_group: int) -> None:
        """Takes in the maxima of some groups, shape (rows, groups)."""
        known = self._groups[rows]
        values, places = torch.cat([self.maxima[rows].to(maxima.device), maxima], 1).topk(
            self.keep, 1
        )
        values, places = values.cpu(), places.cpu()
        old = known.gather(1, places.clamp(max=self.keep - 1))
        new = (places - self.keep + first_group).to(torch.int32)
        self._groups[rows] = torch.where(places < self.keep, old, new)
        self.maxima[rows] = values

    def members(
        self, rows: NDArray[np.int64], groups: int, count: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The rows of the other side in the first best groups, shape (rows, groups * 16).

        Args:
            rows: whose.
            groups: of how many groups.
            count: rows of the other side; what lies behind them is no member.

        Returns:
            Indices (0 where there is none), and where there is one.
        """
        chosen = self._groups[torch.from_numpy(rows), :groups].to(torch.int64)
        apart = self._block // GROUP
        first = chosen // apart * self._block + chosen % apart
        members = (first[:, :, None] + apart * torch.arange(GROUP)).flatten(1)
        inside = (chosen >= 0).repeat_interleave(GROUP, 1) & (members < count)
        return torch.where(inside, members, 0), inside


def scan(
    left: Side,
    right: Side,
    keep_right: int,
    keep_left: int,
    memory_bytes: int,
    device: str | torch.device,
) -> tuple[Best, Best]:
    """The best groups of right rows for each left row, and the other way round.

    Args:
        left: the rows whose blocks change fastest.
        right: the other side.
        keep_right: groups of right rows to keep for each left row.
        keep_left: groups of left rows to keep for each right row; 0: that side is not asked for.
        memory_bytes: see `search.nearest`.
        device: where products are made.
    """
    hidden = left.vectors.shape[1]
    height, width, waits = _tile(len(left), len(right), hidden, memory_bytes)
    of_left = Best(len(left), keep_right, width)
    of_right = Best(len(right) if keep_left else 0, keep_left, height)
    tile = torch.empty((height, width), device=device)
    for first_right in range(0, len(right), width):
        columns = slice(first_right, min(first_right + width, len(right)))
        block = _block(right, columns, width, device)
        waiting: list[torch.Tensor] = []
        first_waiting = 0
        for first_left in range(0, len(left), height):
            rows = slice(first_left, min(first_left + height, len(left)))
            torch.mm(_block(left, rows, height, device), block.T, out=tile)
            # Nothing is smaller than what stands where there are no rows.
            tile[rows.stop - first_left :] = -torch.inf
            tile[:, columns.stop - first_right :] = -torch.inf
            maxima = tile.view(height, GROUP, width // GROUP).amax(1)
            of_left.merge(rows, maxima[: rows.stop - first_left], first_right // GROUP)
            if not keep_left:
                continue
            waiting.append(tile.view(GROUP, height // GROUP, width).amax(0))
            if len(waiting) * (height // GROUP) >= waits or rows.stop == len(left):
                maxima = torch.cat(waiting).T[: columns.stop - first_right].contiguous()
                of_right.merge(columns, maxima, first_waiting // GROUP)
                waiting, first_waiting = [], first_left + height
    return of_left, of_right


def _block(side: Side, rows: slice, size: int, device: str | torch.device) -> torch.Tensor:
    """Some rows at length 1, filled up with zeros."""
    missing = size - (rows.stop - rows.start)
    return torch.nn.functional.pad(side.unit(rows).to(device), (0, 0, 0, missing))


def _tile(num_left: int, num_right: int, hidden: int, memory_bytes: int) -> tuple[int, int, int]:
    """Rows and columns of a tile, multiples of 16, and how many maxima may wait to be merged.

    Of the budget a half is for the tile, a quarter for the two blocks of vectors, and a quarter
    for maxima, four times over while they are merged. Wide rather than high tiles.
    """

    def length(wanted: int, rows: int) -> int:
        most = max(
            GROUP, min(wanted, LONGEST_BLOCK, memory_bytes // (64 * hidden)) // GROUP * GROUP
        )
        blocks = -(-max(rows, 1) // most)  # of equal length, or the last one would be half empty
        return -(-rows // (blocks * GROUP)) * GROUP or GROUP

    cells = memory_bytes // 8
    width = length(int((4 * cells) ** 0.5), num_right)
    height = length(cells // width, num_left)
    return height, width, min(MERGED, memory_bytes // (64 * width))
