"""Answers out of a few named labels: entailment, paraphrase, sentiment.

The gold answer is the label's *name*; the text is the label's *word* (the verbalizer). The names
carry the meaning, so that a prompt may change the words and a data set may number its classes the
other way round without an answer changing its meaning.

    raw 0 -> gold entailment -> target "yes" -> "Yes." or the best score for "yes" -> entailment

In the data types count: the labels `0`, `"0"` and `false` are three different values. Only csv and
tsv, which hold nothing but text, are compared as text. `NO_GOLD` says what data sets write where
annotators did not agree (-1 and "-" in SNLI) or where the answer is hidden. A task whose labels
hold such a value keeps it as an answer. Any other unknown value is an error.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from t2t_xfer.answers.base import Wording, best_option, most_frequent
from t2t_xfer.answers.parsing import TextParser
from t2t_xfer.answers.ranks import Ranks
from t2t_xfer.errors import DataError, SpecError, nearest, quoted
from t2t_xfer.records import (
    Closed,
    Example,
    Generation,
    Gold,
    Prediction,
    Prompted,
    Readout,
    Status,
    Value,
)
from t2t_xfer.specs.prompt import ResolvedPrompt
from t2t_xfer.specs.task import LabelSpec, TaskSpec


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


NO_GOLD: tuple[Value, ...] = (-1, "", "-", None)
"""Raw values that mean: this row has no answer."""


class LabelReader:
    """Finds the label that a raw value stands for."""

    def __init__(self, labels: Mapping[str, LabelSpec], text_only: bool) -> None:
        self._text_only = text_only
        self._labels = labels
        self._names: dict[object, str] = {}
        for name, label in labels.items():
            self._add(name, label.value)
        self._no_gold = frozenset(map(self._key, NO_GOLD)) - self._names.keys()

    def read(self, value: Value, where: str) -> str | None:
        """The label's name; None if the row has no answer.

        Raises:
            DataError: the value is no label and not in `NO_GOLD`.
        """
        key = self._key(value)
        if key in self._no_gold:
            return None
        if key not in self._names:
            hint = nearest(value, self._texts) if isinstance(value, str) else ""
            raise DataError(
                f"{where}: {quoted(value)} is no label.{hint} Expected {self._expected()}."
                f"{self._of_another_type(value)}"
            )
        return self._names[key]

    @property
    def _texts(self) -> list[str]:
        return [each.value for each in self._labels.values() if isinstance(each.value, str)]

    def _add(self, name: str, value: Value) -> None:
        for key in self._keys_of_label(value):
            other = self._names.setdefault(key, name)
            if other != name:
                raise DataError(
                    f"the labels {other!r} and {name!r} have values that this data cannot tell "
                    f"apart ({quoted(value)})."
                )

    def _keys_of_label(self, value: Value) -> list[object]:
        if self._text_only and isinstance(value, bool):
            text = as_text(value)
            return [text, text.capitalize(), text.upper()]  # JSON's, Python's, a spreadsheet's
        return [self._key(value)]

    def _key(self, value: Value) -> object:
        """What two equal values share. `0 == False` in Python, hence the type."""
        if isinstance(value, tuple | Mapping):
            return ("not a label", repr(value))
        return as_text(value) if self._text_only else (type(value), value)

    def _of_another_type(self, value: Value) -> str:
        """What is said of a value that only its type keeps from being a label."""
        for label in self._labels.values():
            if _alike(value) == _alike(label.value):
                return (
                    f" The data has {_kind(value)} {quoted(value)} where the task's `value` is"
                    f" {_kind(label.value)} {label.value!r}: write both alike."
                )
        return ""

    def _expected(self) -> str:
        values = ", ".join(repr(label.value) for label in self._labels.values())
        return f"one of {values}" + ("" if self._text_only else " (types count)")


def as_text(value: Value) -> str:
    """A value as a table without types would show it: `true`, `3`, nothing for null."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _alike(value: Value) -> str:
    """What two values of different types look like in common: `1` of 1.0, "1" and "1.0"."""
    text = as_text(value).strip().casefold()
    return text[:-2] if re.fullmatch(r"-?\d+\.0", text) else text


def _kind(value: Value) -> str:
    kinds = {str: "the text", bool: "the truth value", int: "the whole number"}
    return kinds.get(type(value), "the decimal number")
