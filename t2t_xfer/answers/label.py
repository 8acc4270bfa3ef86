"""Answers out of a few named labels: entailment, paraphrase, sentiment.

The gold answer is the label's *name*; the text is the label's *word* (the verbalizer). The names
carry the meaning, so that a prompt may change the words and a data set may number its classes the
other way round without an answer changing its meaning.

    gold entailment -> target "yes" -> "Yes." or the best score for "yes" -> entailment
"""

from __future__ import annotations

from collections.abc import Iterable

from t2t_xfer.answers.base import Wording, best_option, most_frequent
from t2t_xfer.answers.parsing import TextParser
from t2t_xfer.answers.ranks import Ranks
from t2t_xfer.errors import SpecError
from t2t_xfer.records import (
    Closed,
    Example,
    Generation,
    Gold,
    Prediction,
    Prompted,
    Readout,
    Status,
)
from t2t_xfer.specs.prompt import ResolvedPrompt
from t2t_xfer.specs.task import TaskSpec


class LabelFormat:
    """The `label` answers of one task.

    Raises:
        SpecError: two labels have words that only case or punctuation tells apart.
    """

    name = "label"
    asks = Closed
    closed = True
    shuffles = False

    def __init__(self, task: TaskSpec, prompt: ResolvedPrompt) -> None:
        self._labels = tuple(task.labels)
        self._words = {label: prompt.words[label] for label in self._labels}
        self._shortenable = task.shortenable
        self._ranks = Ranks(task.rank, cloze=False)
        self._wording = Wording(task, prompt)
        try:
            self._parser = TextParser(self._words, prompt.synonyms)
        except SpecError as e:
            raise SpecError(f"task {task.task!r}: {e}") from e
        self.options = tuple(self._words.values())
        self.words = self.options
        self._question = Closed(self.options)

    def render(self, example: Example, epoch: int | None = None) -> Prompted:
        """Input text and, if the answer is known, the label's word."""
        rendered = self._wording.render(example)
        return Prompted(
            id=example.id,
            language=example.language,
            input=rendered.text,
            target="" if example.gold is None else self._word(example.gold),
            question=self._question,
            regions=rendered.regions,
            shortenable=self._shortenable,
            wording=self._wording.text,
        )

    def parse(self, generation: Generation, prompted: Prompted) -> Prediction:
        """The best label by score, or the label that the text names."""
        if generation.readout is not Readout.generate:
            best = best_option(self._ranks.scores(generation, self.options), self.options)
            return Prediction(generation.id, self._labels[best], Status.scored)
        if generation.text is None:
            raise ValueError(f"generation {generation.id!r} has no text to parse")
        parsed = self._parser.parse(generation.text, prompted.language)
        return Prediction(generation.id, parsed.value, parsed.status)

    def reading(self, readout: Readout) -> str:
        """How ranked labels are compared, if not by their sums."""
        return self._ranks.signature if readout is Readout.rank else ""

    def constant(self, golds: Iterable[Gold]) -> str:
        """The word of the most frequent label."""
        return most_frequent(self.options, map(self._word, golds))

    def _word(self, gold: Gold) -> str:
        if not isinstance(gold, str) or gold not in self._words:
            raise ValueError(f"{gold!r} is none of the labels {self._labels}")
        return self._words[gold]
