"""What a step is: N examples, a function of (seed, step), the same for every architecture.

Each example weighs 1, whatever the length of its answer or of its tokens, because the study
compares architectures and nothing else may differ between them. The token budget only cuts a step
into micro-batches, and several processes only share them:

    rows by length  9 8 7 5 4 2        two processes, budget 16
    process 0       [9] [7 4]
    process 1       [8 5] [2]          each takes every other row, so that both have as much to do
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple, TypeAlias

from torch.utils.data import Dataset

from t2t_xfer.architectures.rows import Row, row_batches
from t2t_xfer.training.mixture import Stream, StreamPlace

RowsOf: TypeAlias = Callable[[StreamPlace], list[Row]]
"""The training rows of what stands at one place of the stream."""

PASS_COST = {"cpu": 40, "cuda": 1024}
"""What a forward and backward pass takes however short it is, in tokens that could be computed in
that time; so a step is cut into more micro-batches, with less padding, than the budget asks for.
On a CPU, 45 were measured with a model of 0.4 M parameters; with one of 25 M, 40 and 96 took the
same time (docs/decisions/013-cheap-micro-batches.md). On a GPU a guess, from launches of kernels of
10 to 30 ms at 50,000 tokens a second: not measured."""


class Step(NamedTuple):
    """One optimizer step: what all processes know of it."""

    rows: list[Row]
    num_examples: int
    ids: tuple[str, ...]
    micro_batch_tokens: int
    """The budget that it is cut by."""
    pass_cost: int = PASS_COST["cpu"]
    """Tokens that one more micro-batch costs as much as."""

    def shares(self, num_processes: int = 1) -> list[list[list[Row]]]:
        """The micro-batches of each process, as many for one as for another.

        FSDP's processes meet in every pass, so one that is done earlier goes on with its shortest
        row, which then weighs nothing.
        """
        order = sorted(range(len(self.rows)), key=lambda i: _by_kind_and_length(self.rows[i]))
        shares = []
        for process in range(num_processes):
            own = [self.rows[i] for i in sorted(order[process::num_processes])]
            batches = row_batches(own, self.micro_batch_tokens, self.pass_cost)
            shares.append([[own[i] for i in batch] for batch in batches])
        most = max(len(share) for share in shares)
        shortest = min(self.rows, key=lambda row: row.num_tokens)
        idle = [replace(shortest, weight=0.0)]
        return [[*share, *[idle] * (most - len(share))] for share in shares]

    @property
    def num_tokens(self) -> int:
        """Without padding."""
        return sum(row.num_tokens for row in self.rows)

    @property
    def is_in_single_rows(self) -> bool:
        """Whether no smaller budget would cut it further."""
        return all(len(batch) == 1 for batch in self.shares()[0])


def _by_kind_and_length(row: Row) -> tuple[int, int]:
    return row.kind, -row.padded_length


def padded_tokens(batches: Sequence[Sequence[Row]]) -> int:
    """Tokens that these micro-batches compute, padding included."""
    return sum(
        max(len(side) for side in sides) * len(sides)
        for batch in batches
        for rows in [[each for row in batch for each in row.sequences]]
        for sides in ([r.input_ids for r in rows], [r.decoder_ids for r in rows])
    )


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
        device: str = "cpu",
    ) -> None:
        """`rows_of(place)` gives the training rows of one example; `device`: its kind."""
        self.mixture = mixture
        self.rows_of = rows_of
        self.per_step = per_step
        self.total_steps = total_steps
        self.micro_batch_tokens = micro_batch_tokens
        self.pass_cost = PASS_COST.get(device, PASS_COST["cuda"])

    def __len__(self) -> int:
        return self.total_steps

    def __getitem__(self, step: int) -> Step:
        chosen = self.mixture.places(step * self.per_step, self.per_step)
        rows = [row for place in chosen for row in self._rows_at(place)]
        ids = tuple(dict.fromkeys(row.id for row in rows))
        return Step(rows, len(chosen), ids, self.micro_batch_tokens, self.pass_cost)

    def _rows_at(self, place: StreamPlace) -> list[Row]:
        part = self.mixture.name_of(place)
        rows = self.rows_of(place)
        return [replace(row, part=part) for row in rows] if part else rows


def padding_share(tokens: int, padded: int) -> float:
    """Share of padding in all that is computed, 0 to 1."""
    return 1 - tokens / padded if padded else 0.0
