"""What stops or mends a training that cannot go on as it is (losses that are not finite or that
explode, memory that is not enough), and the loss of each part of a mixture by itself.

The rule: a stop names the step, the examples and what to try. Less memory changes how a step is
cut, never which examples it holds. Whether raw text or one of the tasks has stopped learning shows
only in the losses of the parts; what has only one part needs none of this.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import torch

from t2t_xfer.architectures.rows import Row
from t2t_xfer.errors import TrainingError
from t2t_xfer.training.steps import Step

if TYPE_CHECKING:
    from accelerate import Accelerator


WINDOW = 10
"""Steps whose mean loss is looked at: one hard step is no explosion."""
EXPLODED = 5.0
"""Times the lowest mean of so many steps before."""
TO_TRY = "Try a lower learning_rate, more warmup, a lower max_grad_norm, or float32."


class LossGuard:
    """Watches the losses of the steps, one after another."""

    def __init__(self, vocabulary: int) -> None:
        """`vocabulary`: of the model. A uniform guess has the loss log(vocabulary)."""
        self.guessing = math.log(max(vocabulary, 2))
        self.recent: deque[float] = deque(maxlen=WINDOW)
        self.lowest = math.inf

    def check(self, number: int, loss: float, step: Step, losses: Sequence[torch.Tensor]) -> None:
        """Takes the loss of step `number`, counted from 1, with those of its rows.

        Raises:
            TrainingError: the loss is not finite, or the mean of the last ten steps is both five
                times the lowest before and worse than guessing.
        """
        if not math.isfinite(loss):
            raise TrainingError(
                f"the loss is {loss} at step {number}{_culprits(step, losses)}. {TO_TRY}"
            )
        before, mean = self.lowest, self._mean_with(loss)
        if mean is not None and mean > EXPLODED * before and mean > self.guessing:
            raise TrainingError(
                f"the loss has exploded at step {number}: {mean:.3g} in the mean of {WINDOW} steps,"
                f" after {before:.3g}; guessing gives {self.guessing:.3g}. The step holds the"
                f" examples {_listed(step.ids)}. {TO_TRY}"
            )

    def remember(self, losses: Sequence[float]) -> None:
        """Takes up the losses of a run that was cut off."""
        for loss in losses:
            self._mean_with(loss)

    def _mean_with(self, loss: float) -> float | None:
        """The mean of the last steps and this one, if there are as many."""
        self.recent.append(loss)
        if len(self.recent) < WINDOW:
            return None
        mean = sum(self.recent) / WINDOW
        self.lowest = min(self.lowest, mean)
        return mean

    def check_gradient(self, number: int, norm: float, step: Step) -> None:
        """Stops before weights become NaN.

        Raises:
            TrainingError: the norm of the gradient is not finite.
        """
        if not math.isfinite(norm):
            raise TrainingError(
                f"the gradient's norm is {norm} at step {number}, though the loss is finite. The"
                f" step holds the examples {_listed(step.ids)}. {TO_TRY}"
            )


def _culprits(step: Step, losses: Sequence[torch.Tensor]) -> str:
    """The examples whose own loss is not finite; of a step in several processes, all of it."""
    values = torch.cat([loss.detach().flatten() for loss in losses]).tolist() if losses else []
    rows = [row for batch in step.shares()[0] for row in batch]
    found = [
        row.id
        for row, value in zip(rows, values, strict=False)
        if len(rows) == len(values) and not math.isfinite(value)
    ]
    named = tuple(dict.fromkeys(found))
    if 0 < len(named) < len(step.ids):
        return f", from the examples {_listed(named)} among {len(step.ids)}"
    return f". The step holds the examples {_listed(step.ids)}"


def _listed(ids: Sequence[str]) -> str:
    shown = ", ".join(ids[:32])
    return f"{shown}, and {len(ids) - 32} more" if len(ids) > 32 else shown


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a device, or the allocator of a CPU, had no room."""
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or (
        isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
    )


def smaller(step: Step, number: int, num_processes: int) -> Step:
    """The same step in smaller micro-batches.

    Raises:
        TrainingError: it cannot be cut further; or several processes share it, of which the others
            are already waiting for this one's gradient.
    """
    if num_processes > 1:
        raise TrainingError(
            f"out of memory at step {number}, in one of {num_processes} processes. Set"
            f" micro_batch_tokens to {step.micro_batch_tokens // 2} (now"
            f" {step.micro_batch_tokens}); the examples of a step stay the same."
        )
    if step.is_in_single_rows:
        longest: Row = max(step.rows, key=lambda row: row.num_tokens)
        raise TrainingError(
            f"out of memory at step {number}, though each row is computed alone. The longest is of"
            f" the example {longest.id} and has {longest.num_tokens} tokens. Try a lower"
            " max_input_tokens, gradient_checkpointing, autocast: bfloat16, or adapter: lora;"
            " `train --dry-run` tells what takes the room."
        )
    return step._replace(micro_batch_tokens=max(1, step.micro_batch_tokens // 2))


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
