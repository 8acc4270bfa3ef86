"""Answers out of an example's own choices: the letter of the right one, its text (`cloze`), or yes
to the question about it (`separate`).

The gold answer is the letter's name in the order of the data. In training with letters the choices
change places from epoch to epoch, and the right letter with them, so that no letter is worth more
than another; at test time they stand as the data has them.

    gold B -> input "… A: dog B: cat C: fish answer:", target "B" -> "(B)", "B: cat", "cat" -> B
    gold B, cloze -> input "… answer:", candidates dog, cat, fish, target "cat" -> B
    gold B, separate -> inputs "… ending: dog right:" no, "… ending: cat right:" yes, … -> B
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from t2t_xfer.answers.base import Wording, best_option, most_frequent
from t2t_xfer.answers.parsing import INVALID, Parsed, TextParser, canonical
from t2t_xfer.answers.ranks import Ranks
from t2t_xfer.errors import SpecError
from t2t_xfer.records import (
    Closed,
    Cloze,
    Example,
    Generation,
    Gold,
    Prediction,
    Prompted,
    Question,
    Readout,
    Region,
    Separate,
    Status,
)
from t2t_xfer.specs.prompt import ResolvedPrompt
from t2t_xfer.specs.task import YES_NO, TaskSpec

CHOICES = "choices"
"""The template field that holds the texts of the choices."""
CHOICE = "choice"
"""The template field that holds the choice that is asked about (`separate`)."""
LETTERS = "letters"
"""The template field that holds their letters: `{{ letters[loop.index0] }}: {{ choice }}`."""
MARKED = re.compile(r"\W*(\w+)\s*[:.)\]]\s*(.*)", re.DOTALL)
"""`B: the text`, `(B) the text`."""
QUESTIONS: dict[str, type[Question]] = {"letters": Closed, "cloze": Cloze, "separate": Separate}
"""What is asked, by the task's `form`."""
BETWEEN = "\n\n"
"""Between the questions about separate choices, where people are shown them as one text."""


class ChoiceFormat:
    """The `choice` answers of one task.

    Raises:
        SpecError: the prompt lacks the choices, which must all stand bare in that of letters, or
            the one choice of separate questions; or two letters, or yes and no, have words that
            only case or punctuation tells apart.
    """

    closed = True

    def __init__(self, task: TaskSpec, prompt: ResolvedPrompt) -> None:
        self.cloze = task.cloze
        self.separate = task.form == "separate"
        self.name = {"letters": "choice"}.get(task.form, task.form)
        self.asks: type[Question] = QUESTIONS[task.form]
        self._letters = tuple(task.labels)
        self._shortenable = task.shortenable
        self._ranks = Ranks(task.rank, task.cloze)
        required = {"letters": (CHOICES,), "cloze": (), "separate": (CHOICE,)}
        self._wording = Wording(task, prompt, required[task.form])
        self.shuffles = not self.separate and CHOICES in self._wording.names
        words, synonyms = prompt.words, prompt.synonyms
        try:
            self._parser = TextParser(words, synonyms)
        except SpecError as e:
            raise SpecError(f"task {task.task!r}: {e}") from e
        self.verdicts: tuple[str, ...] = ()
        if self.separate:
            self.verdicts = tuple(words[word] for word in YES_NO)
            words = {letter: letter for letter in self._letters}
            self._parser = TextParser(words, {})
        self._texts = tuple(words[letter] for letter in self._letters)
        self.options = self._texts
        said = {"letters": self._texts, "cloze": (), "separate": self.verdicts}
        self.words: tuple[str, ...] = said[task.form]

    def render(self, example: Example, epoch: int | None = None) -> Prompted:
        """Input text and, if the answer is known, the letter or the text of the right choice.

        Of separate choices the questions, and the right letter, which no model is asked for.
        """
        if self.separate:
            return self._questions(example)
        choices = example.fields[CHOICES]
        assert isinstance(choices, tuple), f"{example.id}: choices are {choices!r}, not a list"
        order = self._order(example.id, epoch)
        texts = tuple(str(choices[i]) for i in order)
        fields = {**example.fields, CHOICES: texts, LETTERS: self._texts}
        shown = () if self.cloze else tuple(f"{CHOICES}[{i}]" for i in range(len(texts)))
        rendered = self._wording.render(example, shown, fields)
        target = ""
        if example.gold is not None:
            place = order.index(self._index(example.gold))
            target = texts[place] if self.cloze else self._texts[place]
        return Prompted(
            id=example.id,
            language=example.language,
            input=rendered.text,
            target=target,
            question=Cloze(texts) if self.cloze else Closed(self._texts),
            regions=rendered.regions,
            shortenable=self._shortenable_regions(len(texts)),
            wording=self._wording.text,
        )

    def _questions(self, example: Example) -> Prompted:
        """One question for each choice, in the order of the data."""
        fields = {key: value for key, value in example.fields.items() if key != CHOICES}
        choices = example.fields[CHOICES]
        assert isinstance(choices, tuple), f"{example.id}: choices are {choices!r}, not a list"
        yes, no = self.verdicts
        asked: list[Prompted] = []
        for letter, choice in zip(self._letters, choices, strict=True):
            rendered = self._wording.render(example, (), {**fields, CHOICE: str(choice)})
            target = "" if example.gold is None else yes if letter == example.gold else no
            asked.append(
                Prompted(
                    id=example.id,
                    language=example.language,
                    input=rendered.text,
                    target=target,
                    question=Closed(self.verdicts),
                    regions=rendered.regions,
                    shortenable=self._shortenable,
                    wording=self._wording.text,
                )
            )
        gold = "" if example.gold is None else self._letters[self._index(example.gold)]
        return replace(
            asked[0],
            input=BETWEEN.join(each.input for each in asked),
            target=gold,
            question=Separate(tuple(asked)),
            regions=_moved(asked),
        )

    def parse(self, generation: Generation, prompted: Prompted) -> Prediction:
        """The best choice by score, or the one that the text names."""
        if generation.readout is not Readout.generate:
            shown = prompted.question
            texts = shown.options if isinstance(shown, Cloze) else self._texts
            best = best_option(self._ranks.scores(generation, texts), self._texts)
            return Prediction(generation.id, self._letters[best], Status.scored)
        if generation.text is None:
            raise ValueError(f"generation {generation.id!r} has no text to parse")
        value, status = self._parse_text(generation.text, prompted)
        return Prediction(generation.id, value, status)

    def reading(self, readout: Readout) -> str:
        """How choices are compared: ranked, whose texts differ in length, or each by itself."""
        if self.separate and readout is Readout.slots:
            return f"log-odds:{'-'.join(self.verdicts)}"
        return self._ranks.signature if readout is Readout.rank else ""

    def constant(self, golds: Iterable[Gold]) -> str:
        """The most frequent letter."""
        return most_frequent(self._texts, (self._texts[self._index(gold)] for gold in golds))

    def _shortenable_regions(self, count: int) -> tuple[str, ...]:
        """`choices` stands for each of them."""
        each = tuple(f"{CHOICES}[{i}]" for i in range(count))
        return tuple(
            region
            for field in self._shortenable
            for region in (each if field == CHOICES else (field,))
        )

    def _order(self, id: str, epoch: int | None) -> list[int]:
        """Which choice of the data stands at each place."""
        order = list(range(len(self._letters)))
        if epoch is not None and self.shuffles:
            random.Random(f"choices:{id}:{epoch}").shuffle(order)
        return order

    def _index(self, gold: Gold) -> int:
        if gold not in self._letters:
            raise ValueError(f"{gold!r} is none of the letters {self._letters}")
        return self._letters.index(str(gold))

    def _parse_text(self, text: str, prompted: Prompted) -> Parsed:
        texts = [canonical(choice) for choice in _choices(prompted)]
        if self.separate:
            return self._letter(text, prompted.language)
        if self.cloze:
            return self._choice_named(canonical(text), texts, Status.exact)
        alone = self._letter(text, prompted.language)
        if alone.value is not None:
            return alone
        marked = MARKED.match(text)
        if marked is not None:
            letter = self._letter(marked[1], prompted.language).value
            if letter is not None:
                # Generation may have been cut off within the text; another text is a contradiction.
                begun = texts[self._letters.index(letter)].startswith(canonical(marked[2]))
                return Parsed(letter, Status.match) if begun else INVALID
        return self._choice_named(canonical(text), texts, Status.alias)

    def _letter(self, text: str, language: str) -> Parsed:
        """A letter that stands alone: inside a text it is an article as often as an answer."""
        parsed = self._parser.parse(text, language)
        return parsed if parsed.status in (Status.exact, Status.alias) else INVALID

    def _choice_named(self, text: str, texts: Sequence[str], status: Status) -> Parsed:
        """The one choice with this text; of two equal ones neither is meant."""
        if not text or texts.count(text) != 1:
            return INVALID
        return Parsed(self._letters[texts.index(text)], status)


def _choices(prompted: Prompted) -> tuple[str, ...]:
    """The texts of the choices as the model was shown them."""
    if isinstance(prompted.question, Cloze):
        return prompted.question.options
    shown = {r.field: prompted.input[r.start : r.end] for r in prompted.regions}
    count = sum(field.startswith(f"{CHOICES}[") for field in shown)
    return tuple(shown[f"{CHOICES}[{i}]"] for i in range(count))


def _moved(asked: Sequence[Prompted]) -> tuple[Region, ...]:
    """The regions of each question where all of them are one text."""
    found: list[Region] = []
    start = 0
    for i, each in enumerate(asked):
        for region in each.regions:
            field = f"{CHOICES}[{i}]" if region.field == CHOICE else region.field
            found.append(Region(field, region.start + start, region.end + start))
        start += len(each.input) + len(BETWEEN)
    return tuple(found)
