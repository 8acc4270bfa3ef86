"""The loss of each part of a mixture by itself, step by step.

A step's loss is the mean over all its examples. Whether raw text or one of the tasks has stopped
learning shows only in the losses of the parts; what has only one part needs none of this.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import torch

from t2t_xfer.architectures.rows import Row

if TYPE_CHECKING:
    from accelerate import Accelerator


class PartLosses:
    """Collects the losses of rows by the part that they belong to."""

    def __init__(self) -> None:
        self.steps: list[dict[str, float]] = []
        """Of every step, the mean loss of each part's examples; parts that it lacks are left
        out."""
        self._sums: dict[str, torch.Tensor] = {}
        self._weights: dict[str, float] = {}

    def start_step(self, parts: Iterable[str]) -> None:
        """Begins a step that has examples of these parts, in this process or in another.

        What a pass that failed has left is forgotten.
        """
        self._sums = {part: torch.zeros(()) for part in sorted(parts)}
        self._weights = dict.fromkeys(self._sums, 0.0)

    def add(self, rows: Sequence[Row], losses: torch.Tensor) -> None:
        """The rows of a micro-batch with their losses, of shape (rows,). Waits for no device."""
        losses = losses.detach()
        for part in {row.part for row in rows} - {""}:
            index = [i for i, row in enumerate(rows) if row.part == part]
            self._sums[part] = self._sums[part].to(losses.device) + losses[index].sum()
            self._weights[part] += sum(rows[i].weight for i in index)

    def end_step(self, accelerator: Accelerator | None = None) -> None:
        """Closes a step. `accelerator`: adds up what several processes have."""
        sums, weights = self._sums, self._weights
        if accelerator is not None and sums:
            found = torch.tensor([[float(sums[part]), weights[part]] for part in sums])
            summed: Any = accelerator.reduce(found.to(accelerator.device))
            both = dict(zip(sums, summed.tolist(), strict=True))
            self.steps.append({part: loss / weight for part, (loss, weight) in both.items()})
        else:
            self.steps.append({part: float(sums[part]) / weights[part] for part in sums})
