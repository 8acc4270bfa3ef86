"""Which example stands where in the stream of a training: one task, or a mixture of several.

The rule: the stream is a function of (sizes, rates, seed), and any place in it can be computed
without what came before. So a run that was cut off goes on with the very next example.

The stream is made of epochs. In each, every task has its quota of places (T5's rates, Raffel et
al. 2020, arXiv 1910.10683, §3.5.2) at random places of the epoch, so that tasks never take fixed
turns. Within a task, examples come in shuffled passes of its own: with `proportional` rates and
no cap, an epoch of the mixture is exactly one pass over every task.

    mixture = Mixture((Part("mnli", 392_702), Part("squad_v1", 87_599)), "equal", seed=0)
    mixture[0]      # StreamPlace(task=1, example=5311, epoch=0)
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal, NamedTuple, Protocol, TypeAlias

import numpy as np

Rate: TypeAlias = Literal["proportional", "equal", "temperature"]


class Part(NamedTuple):
    """One task of a mixture."""

    name: str
    size: int
    """Training examples."""


class StreamPlace(NamedTuple):
    """What stands at one place of the stream."""

    task: int
    """Index of the part."""
    example: int
    """Index in the part's own examples."""
    epoch: int
    """The pass over the part's own examples that this is in."""


class Stream(Protocol):
    """What the training loop asks of a stream of examples."""

    @property
    def epoch_length(self) -> int:
        """Places of an epoch."""

    def places(self, start: int, count: int) -> list[StreamPlace]:
        """The places `[start, start + count)`."""

    def name_of(self, place: StreamPlace) -> str:
        """The task at a place; empty where there is only one."""


def quotas(
    sizes: Sequence[int], rate: Rate, cap: int | None = None, temperature: float = 1.0
) -> list[int]:
    """How many examples of each task an epoch of the mixture has.

    An epoch is as long as all tasks together, each counted up to `cap`.

    Args:
        rate: `proportional` to the sizes (up to `cap`: T5's examples-proportional mixing with its
            artificial limit K); `equal`; or `temperature`: proportional to the size (up to `cap`)
            to the power 1 / temperature (mBERT, mT5: temperature > 1 lifts small tasks).

    Raises:
        ValueError: a task has no examples, or the temperature is not positive.
    """
    if not sizes or min(sizes) < 1 or temperature <= 0:
        raise ValueError(f"sizes {list(sizes)} and temperature {temperature} must be positive")
    capped = [min(size, cap) if cap else size for size in sizes]
    power = {"proportional": 1.0, "equal": 0.0, "temperature": 1 / temperature}[rate]
    weights = [float(size) ** power for size in capped]
    total = sum(capped)
    exact = [total * weight / sum(weights) for weight in weights]
    found = [max(1, int(share)) for share in exact]
    # The places left over go to the largest remainders; of equal ones, to the first.
    by_remainder = sorted(range(len(found)), key=lambda i: (found[i] - exact[i], i))
    for i in by_remainder[: max(0, total - sum(found))]:
        found[i] += 1
    return found


class Mixture:
    """The endless stream of a training."""

    def __init__(
        self,
        parts: Sequence[Part],
        rate: Rate = "proportional",
        *,
        cap: int | None = None,
        temperature: float = 1.0,
        seed: int,
    ) -> None:
        """See `quotas`."""
        self.parts = tuple(parts)
        self.seed = seed
        self.quotas = quotas([part.size for part in parts], rate, cap, temperature)
        self.epoch_length = sum(self.quotas)
        self._turns = lru_cache(maxsize=2)(self._make_turns)

    @classmethod
    def of_one(cls, size: int, seed: int) -> Mixture:
        """The stream of a single task."""
        return cls([Part("", size)], seed=seed)

    def __getitem__(self, place: int) -> StreamPlace:
        epoch, offset = divmod(place, self.epoch_length)
        if len(self.parts) == 1:
            task, before = 0, offset
        else:
            turns, earlier = self._turns(epoch)
            task, before = int(turns[offset]), int(earlier[offset])
        part = self.parts[task]
        passed, index = divmod(epoch * self.quotas[task] + before, part.size)
        key = "" if len(self.parts) == 1 else f"{part.name}:"
        return StreamPlace(task, epoch_order(part.size, self.seed, passed, key)[index], passed)

    def places(self, start: int, count: int) -> list[StreamPlace]:
        """The places `[start, start + count)`."""
        return [self[place] for place in range(start, start + count)]

    def name_of(self, place: StreamPlace) -> str:
        """The task at a place; empty where there is only one."""
        return self.parts[place.task].name

    def first_of_each(self) -> list[StreamPlace]:
        """The first place of every task."""
        found: dict[int, StreamPlace] = {}
        for i in range(self.epoch_length):
            place = self[i]
            found.setdefault(place.task, place)
            if len(found) == len(self.parts):
                break
        return [*found.values()]

    def counts(self, num_examples: int) -> dict[str, int]:
        """How often each task comes in the first so many places."""
        epochs, rest = divmod(num_examples, self.epoch_length)
        found = [epochs * quota for quota in self.quotas]
        for place in self.places(epochs * self.epoch_length, rest):
            found[place.task] += 1
        return {part.name: n for part, n in zip(self.parts, found, strict=True)}

    def _make_turns(self, epoch: int) -> tuple[np.ndarray, np.ndarray]:
        """Of each place of an epoch, its task, and how many places of that task come before."""
        turns = np.repeat(np.arange(len(self.quotas), dtype=np.int32), self.quotas)
        random_numbers = np.random.default_rng([self.seed, epoch, *map(ord, "turns")])
        random_numbers.shuffle(turns)
        earlier = np.zeros(len(turns), dtype=np.int64)
        for task, quota in enumerate(self.quotas):
            earlier[turns == task] = np.arange(quota)
        return turns, earlier


@lru_cache(maxsize=16)
def epoch_order(num_examples: int, seed: int, epoch: int, key: str = "") -> tuple[int, ...]:
    """The examples in the order of one pass: a new shuffle for every (seed, epoch)."""
    order = list(range(num_examples))
    random.Random(f"order:{key}{seed}:{epoch}").shuffle(order)
    return tuple(order)
