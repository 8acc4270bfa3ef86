"""What a step is: N examples, a function of (seed, step), the same for every architecture.

Each example weighs 1, whatever the length of its answer or of its tokens, because the study
compares architectures and nothing else may differ between them. The token budget only cuts a step
into micro-batches.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple

from torch.utils.data import Dataset

from t2t_xfer.architectures.rows import Row, token_budget_batches


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


@lru_cache(maxsize=4)
def epoch_order(num_examples: int, seed: int, epoch: int) -> tuple[int, ...]:
    """The examples in the order of one epoch: a new shuffle for every (seed, epoch)."""
    order = list(range(num_examples))
    random.Random(f"order:{seed}:{epoch}").shuffle(order)
    return tuple(order)


def example_order(num_examples: int, seed: int, start: int, count: int) -> list[int]:
    """The examples at `[start, start + count)` of an endless stream of shuffled epochs."""
    return [
        epoch_order(num_examples, seed, i // num_examples)[i % num_examples]
        for i in range(start, start + count)
    ]


class StepDataset(Dataset[Step]):
    """Steps by number, so that resuming at a step needs no history.

    Rows are made when a step is asked for: a stage starts at once whatever the size of its data.
    """

    def __init__(
        self,
        num_examples: int,
        rows_of: Callable[[int, int], list[Row]],
        *,
        per_step: int,
        total_steps: int,
        seed: int,
        micro_batch_tokens: int,
    ) -> None:
        """`rows_of(example, epoch)` gives the training rows of one example."""
        self.num_examples = num_examples
        self.rows_of = rows_of
        self.per_step = per_step
        self.total_steps = total_steps
        self.seed = seed
        self.micro_batch_tokens = micro_batch_tokens

    def __len__(self) -> int:
        return self.total_steps

    def __getitem__(self, step: int) -> Step:
        start = step * self.per_step
        chosen = example_order(self.num_examples, self.seed, start, self.per_step)
        rows: list[Row] = []
        for offset, example in enumerate(chosen):
            rows += self.rows_of(example, (start + offset) // self.num_examples)
        batches = token_budget_batches([row.num_tokens for row in rows], self.micro_batch_tokens)
        return Step(
            [[rows[i] for i in batch] for batch in batches],
            len(chosen),
            tuple(dict.fromkeys(row.id for row in rows)),
        )


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
