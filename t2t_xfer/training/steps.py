"""What a step is: N examples, a function of (seed, step), the same for every architecture.

Each example weighs 1, whatever the length of its answer or of its tokens, because the study
compares architectures and nothing else may differ between them. The token budget only cuts a step
into micro-batches.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple, TypeAlias

from torch.utils.data import Dataset

from t2t_xfer.architectures.rows import Row, row_batches
from t2t_xfer.training.mixture import Place, Stream

RowsOf: TypeAlias = Callable[[Place], list[Row]]
"""The training rows of what stands at one place of the stream."""


class Step(NamedTuple):
    """One optimizer step."""

    micro_batches: list[list[Row]]
    num_examples: int
    ids: tuple[str, ...]


def num_steps(num_examples: int, per_step: int, epochs: float | None, steps: int | None) -> int:
    """Optimizer steps of a stage; `steps` beats `epochs`. At least one."""
    if steps is not None:
        return steps
    return max(1, math.ceil(num_examples * (epochs or 0) / per_step))


class StepDataset(Dataset[Step]):
    """Steps by number, so that resuming at a step needs no history.

    Rows are made when a step is asked for: a stage starts at once whatever the size of its data.
    """

    def __init__(
        self,
        mixture: Stream,
        rows_of: RowsOf,
        *,
        per_step: int,
        total_steps: int,
        micro_batch_tokens: int,
    ) -> None:
        """`rows_of(place)` gives the training rows of one example."""
        self.mixture = mixture
        self.rows_of = rows_of
        self.per_step = per_step
        self.total_steps = total_steps
        self.micro_batch_tokens = micro_batch_tokens

    def __len__(self) -> int:
        return self.total_steps

    def __getitem__(self, step: int) -> Step:
        chosen = self.mixture.places(step * self.per_step, self.per_step)
        rows = [row for place in chosen for row in self._rows_at(place)]
        batches = row_batches(rows, self.micro_batch_tokens)
        return Step(
            [[rows[i] for i in batch] for batch in batches],
            len(chosen),
            tuple(dict.fromkeys(row.id for row in rows)),
        )

    def _rows_at(self, place: Place) -> list[Row]:
        part = self.mixture.name_of(place)
        rows = self.rows_of(place)
        return [replace(row, part=part) for row in rows] if part else rows


def padding_share(steps: Sequence[Step]) -> float:
    """Share of padded tokens among all tokens of these steps, 0 to 1."""
    tokens = padded = 0
    for step in steps:
        for batch in step.micro_batches:
            tokens += sum(row.num_tokens for row in batch)
            padded += sum(
                max(len(side) for side in sides) * len(sides)
                for sides in ([r.input_ids for r in batch], [r.decoder_ids for r in batch])
            )
    return 1 - tokens / padded if padded else 0.0
