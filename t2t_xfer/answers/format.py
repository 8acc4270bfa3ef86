"""What an answer format is: the two directions between gold answers and text, in one object.

`render` and `parse` are inverses: whatever the gold answer, parsing the target text gives it back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Protocol

from t2t_xfer.errors import DataError
from t2t_xfer.records import Example, Generation, Gold, Options, Prediction, Prompted, Readout


class AnswerFormat(Protocol):
    """One kind of answer of one task."""

    @property
    def name(self) -> str:
        """What readouts are planned by: `label`, `choice`, `cloze`, `tags`, `pair`."""
        ...

    @property
    def options(self) -> Options:
        """The closed set of answers, in the order of the task's YAML."""
        ...

    @property
    def shuffles(self) -> bool:
        """Whether the text of an example is another in every epoch of training."""
        ...

    def render(self, example: Example, epoch: int | None = None) -> Prompted:
        """The example as text.

        Args:
            example: what to render.
            epoch: given in training only; what is shuffled is a function of the example's id and
                the epoch. None: the data's own order.

        Raises:
            SpecError: the prompt loses a region that the answer needs.
            DataError: the prompt names a field that the example lacks.
        """
        ...

    def parse(self, generation: Generation, prompted: Prompted) -> Prediction:
        """The answer that was read from the model. No text raises.

        Raises:
            ValueError: scores or choices do not fit the options or slots: a bug of ours.
        """
        ...

    def reading(self, readout: Readout) -> str:
        """How a score is made of what this readout gives, for the signature; mostly nothing."""
        ...

    def constant(self, golds: Iterable[Gold]) -> str:
        """The text of the most frequent option (for each slot): what the majority engine says."""
        ...


def most_frequent(options: Sequence[str], answers: Iterable[str]) -> str:
    """The most frequent answer; the first in the order of the options if several are.

    Raises:
        DataError: there are no answers to count.
    """
    counts = Counter(answers)
    if not counts:
        raise DataError("the majority baseline needs at least one example with a gold answer.")
    return max(options, key=lambda option: counts[option])


def best_option(scores: Sequence[float], options: Options) -> int:
    """Index of the highest score; the first one if several are equal.

    Raises:
        ValueError: not one score for each option, or a score is not a number.
    """
    if len(scores) != len(options.texts):
        raise ValueError(f"{len(scores)} scores for {len(options.texts)} options {options.texts}")
    if any(score != score for score in scores):
        raise ValueError(f"a score is NaN: {scores}")
    return max(range(len(scores)), key=scores.__getitem__)
