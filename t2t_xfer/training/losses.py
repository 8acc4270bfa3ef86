"""The loss of each part of a mixture by itself, step by step.

A step's loss is the mean over all its examples. Whether raw text or one of the tasks has stopped
learning shows only in the losses of the parts; what has only one part needs none of this.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from t2t_xfer.architectures.rows import Row


class PartLosses:
    """Collects the losses of rows by the part that they belong to."""

    def __init__(self) -> None:
        self.steps: list[dict[str, float]] = []
        """Of every step, the mean loss of each part's examples; parts that it lacks are left
        out."""
        self._sums: dict[str, torch.Tensor] = {}
        self._weights: dict[str, float] = {}

    def add(self, rows: Sequence[Row], losses: torch.Tensor) -> None:
        """The rows of a micro-batch with their losses, of shape (rows,). Waits for no device."""
        losses = losses.detach()
        for part in {row.part for row in rows} - {""}:
            index = [i for i, row in enumerate(rows) if row.part == part]
            self._sums[part] = self._sums.get(part, 0) + losses[index].sum()
            weight = sum(rows[i].weight for i in index)
            self._weights[part] = self._weights.get(part, 0.0) + weight

    def end_step(self) -> None:
        """Closes a step."""
        means = {part: float(self._sums[part]) / self._weights[part] for part in sorted(self._sums)}
        self.steps.append(means)
        self._sums, self._weights = {}, {}
