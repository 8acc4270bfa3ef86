"""The seam between what is asked and what answers; and the engines without a model.

`oracle` sends every gold answer through text and parser, so its score is the ceiling that the
metric and the parser allow (some gold answers score 0 under XTREME's own rules). `majority` stands
beside every closed task: a model that is not above it has learnt nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from t2t_xfer.records import Decoding, Generation, Options, Prompted, Readout


class Engine(Protocol):
    """Reads answers for prompted examples. Engines know no tasks and no prompts."""

    name: str

    def read(
        self,
        prompted: Sequence[Prompted],
        options: Options,
        readout: Readout,
        decoding: Decoding = Decoding(),
    ) -> list[Generation]:
        """One generation for each example, in the order given.

        Args:
            decoding: counts for the readout `generate` alone.
        """


class OracleEngine:
    """Answers with the gold target text."""

    name = "oracle"

    def read(
        self,
        prompted: Sequence[Prompted],
        options: Options,
        readout: Readout,
        decoding: Decoding = Decoding(),
    ) -> list[Generation]:
        """The target texts, as if a model had written them."""
        return [Generation(p.id, Readout.generate, text=p.target) for p in prompted]


class MajorityEngine:
    """Answers every question, and every word, with one option."""

    name = "majority"

    def __init__(self, answer: str) -> None:
        """`answer` is the text of the most frequent option of the English training data."""
        self.answer = answer

    def read(
        self,
        prompted: Sequence[Prompted],
        options: Options,
        readout: Readout,
        decoding: Decoding = Decoding(),
    ) -> list[Generation]:
        """The same option everywhere."""
        index = options.texts.index(self.answer)
        scores = tuple(0.0 if i == index else -1.0 for i in range(len(options.texts)))
        return [
            Generation(p.id, Readout.slots, choices=(index,) * len(p.slots))
            if p.slots
            else Generation(p.id, Readout.slots, scores=scores)
            for p in prompted
        ]
