"""The seam between what is asked and what answers; and the engines without a model.

`oracle` sends every gold answer through text and parser, so its score is the ceiling that the
metric and the parser allow (some gold answers score 0 under XTREME's own rules). `majority` stands
beside every closed task: a model that is not above it has learnt nothing.
"""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence
from typing import Protocol, TypeAlias

from t2t_xfer.records import Decoding, Generation, Json, Prompted, Readout, Slots

Kept: TypeAlias = MutableMapping[str, Generation]
"""Generations by example id."""


class Engine(Protocol):
    """Reads answers for prompted examples. Engines know no tasks and no prompts."""

    name: str

    def answer(
        self,
        prompted: Sequence[Prompted],
        readout: Readout,
        decoding: Decoding = Decoding(),
        kept: Kept | None = None,
    ) -> list[Generation]:
        """One generation for each example, in the order given, with as many shots as fit.

        Args:
            decoding: counts for the readout `generate` alone.
            kept: generations by example id, which no two examples share then. Those that are
                there are not read again, and each new one is put there as soon as it is whole.
                Batches stay cut as if there were none.
        """

    def told(self, prompted: Sequence[Prompted], readout: Readout) -> dict[str, Json]:
        """What a record says of how these were read."""


class OracleEngine:
    """Answers with the gold target text."""

    name = "oracle"

    def answer(
        self,
        prompted: Sequence[Prompted],
        readout: Readout,
        decoding: Decoding = Decoding(),
        kept: Kept | None = None,
    ) -> list[Generation]:
        """The target texts, as if a model had written them."""
        return [Generation(p.id, Readout.generate, text=p.target) for p in prompted]

    def told(self, prompted: Sequence[Prompted], readout: Readout) -> dict[str, Json]:
        """Nothing."""
        return {}


class MajorityEngine:
    """Answers every question, and every word, with one option."""

    name = "majority"

    def __init__(self, options: Sequence[str], frequent: str) -> None:
        """`frequent` is the most frequent of the task's options in the English training data."""
        self._index = tuple(options).index(frequent)
        self._scores = tuple(0.0 if i == self._index else -1.0 for i in range(len(options)))

    def answer(
        self,
        prompted: Sequence[Prompted],
        readout: Readout,
        decoding: Decoding = Decoding(),
        kept: Kept | None = None,
    ) -> list[Generation]:
        """The same option everywhere."""
        return [
            Generation(p.id, Readout.slots, choices=(self._index,) * len(p.question.places))
            if isinstance(p.question, Slots)
            else Generation(p.id, Readout.slots, scores=self._scores)
            for p in prompted
        ]

    def told(self, prompted: Sequence[Prompted], readout: Readout) -> dict[str, Json]:
        """Nothing."""
        return {}
