"""Co-training: examples of raw text among the examples of tasks.

Rule: of the first n places of the stream, the whole part of n × rate is text, so every step has
its share; what is left are the places of the tasks' own stream, in the order that they have
without text. A text example is a function of (seed, its number), so a run that was cut off goes on
with the very next one.

    rate 1/4    mnli[0] mnli[1] mnli[2] text[0]  mnli[3] mnli[4] mnli[5] text[1]  …
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from random import Random

from t2t_xfer.architectures.base import Architecture
from t2t_xfer.architectures.rows import Row
from t2t_xfer.errors import DataError
from t2t_xfer.training.mixture import Mixture, Place
from t2t_xfer.training.objectives import text_row

TEXT = "text"
"""What the part is called among the tasks."""


class CoTrained:
    """The stream of a mixture with text in it."""

    def __init__(self, tasks: Mixture, rate: Fraction, task_name: str) -> None:
        """`rate`: share of the places that are text; `task_name`: of the task, if there is one."""
        self.tasks = tasks
        self.rate = rate
        names = [part.name for part in tasks.parts]
        self.names = (*(names if len(names) > 1 else [task_name]), TEXT)

    @property
    def epoch_length(self) -> int:
        """The fewest places in which every task has its whole quota, as without text."""
        # n - floor(n rate) = ceil(n (1 - rate)) reaches the quota once n (1 - rate) > quota - 1.
        return int((self.tasks.epoch_length - 1) / (1 - self.rate)) + 1

    def __getitem__(self, place: int) -> Place:
        before = self._texts_before(place)
        if self._texts_before(place + 1) > before:
            return Place(len(self.tasks.parts), before, 0)
        return self.tasks[place - before]

    def places(self, start: int, count: int) -> list[Place]:
        """The places `[start, start + count)`."""
        return [self[place] for place in range(start, start + count)]

    def name_of(self, place: Place) -> str:
        """The task at a place, or `text`."""
        return self.names[place.task]

    def first_of_each(self) -> list[Place]:
        """The first place of every task, and of text."""
        return [*self.tasks.first_of_each(), Place(len(self.tasks.parts), 0, 0)]

    def counts(self, num_examples: int) -> dict[str, int]:
        """How often each task and text come in the first so many places."""
        texts = self._texts_before(num_examples)
        counted = self.tasks.counts(num_examples - texts).values()
        return dict(zip(self.names, (*counted, texts), strict=True))

    def _texts_before(self, place: int) -> int:
        return place * self.rate.numerator // self.rate.denominator


class TextRows:
    """Raw text as training rows of an architecture.

    The languages take turns. A row begins with a document drawn at random; if it is longer than a
    row, it is a piece of it from a random place, else the documents that follow it fill the row,
    with an end token between them.
    """

    def __init__(
        self,
        documents: Mapping[str, Sequence[str]],
        architecture: Architecture,
        row_tokens: int,
        seed: int,
    ) -> None:
        """`row_tokens`: of a row with the architecture's own special tokens."""
        codec = architecture.codec
        self.documents = documents
        self.languages = [*documents]
        self.architecture = architecture
        self.room = row_tokens - len(codec.prefix) - len(codec.suffix)
        self.seed = seed

    def row(self, number: int) -> Row:
        """The text example of this number.

        Raises:
            DataError: all text of its language is less than two words.
        """
        language = self.languages[number % len(self.languages)]
        random = Random(f"text:{self.seed}:{number}")
        documents = self.documents[language]
        first = random.randrange(len(documents))
        ids = self._ids(documents, first, random)
        special = self.architecture.codec.special_tokens
        if sum(token not in special for token in ids) < 2:
            raise DataError(f"raw text {language!r}: there is too little text to learn from.")
        name = f"{TEXT}:{language}:{first}" if language else f"{TEXT}:{first}"
        return text_row(self.architecture, ids, random, id=f"{name}:{number}")

    def counts(self, num_texts: int) -> dict[str, int]:
        """How often each language comes in the first so many text examples."""
        whole, rest = divmod(num_texts, len(self.languages))
        return {code: whole + (i < rest) for i, code in enumerate(self.languages)}

    def _ids(self, documents: Sequence[str], first: int, random: Random) -> list[int]:
        ids = self._tokens(documents[first])
        if len(ids) > self.room:
            start = random.randrange(len(ids) - self.room + 1)
            return ids[start : start + self.room]
        end = self.architecture.codec.special("eos")
        for following in range(first + 1, first + len(documents)):
            if len(ids) >= self.room:
                break
            ids = [*ids, end, *self._tokens(documents[following % len(documents)])]
        return ids[: self.room]

    def _tokens(self, document: str) -> list[int]:
        return list(self.architecture.codec.text_ids(document))
