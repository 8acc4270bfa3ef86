"""The seam between what is asked and what answers; and the engines without a model.

`oracle` sends every gold answer through text and parser, so its score is the ceiling that the
metric and the parser allow (some gold answers score 0 under XTREME's own rules). `majority` stands
beside every closed task: a model that is not above it has learnt nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from t2t_xfer.records import Decoding, Generation, Prompted, Readout, Slots


class Engine(Protocol):
    """Reads answers for prompted examples. Engines know no tasks and no prompts."""

    name: str

    def answer(
        self, prompted: Sequence[Prompted], readout: Readout, decoding: Decoding = Decoding()
    ) -> list[Generation]:
        """One generation for each example, in the order given.

        Args:
            decoding: counts for the readout `generate` alone.
        """


class OracleEngine:
    """Answers with the gold target text."""

    name = "oracle"

    def answer(
        self, prompted: Sequence[Prompted], readout: Readout, decoding: Decoding = Decoding()
    ) -> list[Generation]:
        """The target texts, as if a model had written them."""
        return [Generation(p.id, Readout.generate, text=p.target) for p in prompted]


class MajorityEngine:
    """Answers every question, and every word, with one option."""

    name = "majority"

    def __init__(self, options: Sequence[str], frequent: str) -> None:
        """`frequent` is the most frequent of the task's options in the English training data."""
        self._index = tuple(options).index(frequent)
        self._scores = tuple(0.0 if i == self._index else -1.0 for i in range(len(options)))

    def answer(
        self, prompted: Sequence[Prompted], readout: Readout, decoding: Decoding = Decoding()
    ) -> list[Generation]:
        """The same option everywhere."""
        return [
            Generation(p.id, Readout.slots, choices=(self._index,) * len(p.question.places))
            if isinstance(p.question, Slots)
            else Generation(p.id, Readout.slots, scores=self._scores)
            for p in prompted
        ]
