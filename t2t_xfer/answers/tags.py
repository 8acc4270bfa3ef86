"""Answers with one tag for each word: parts of speech, named entities.

Every word of the input is a slot with a name (`words[0]`, ...), so a tag can never slip to its
neighbour. As text the answer is position-locked, for the same reason:

    words ("New York", "sleeps"), gold (PROPN, VERB) -> target "0:PROPN 1:VERB"

The number of tags is always the number of words. Slots that a generated text leaves open get the
task's default tag, and the prediction says so. Where the tags come from the training split
(`tags_from`), gold of other splits may hold a tag that is no option: it stands in the target text,
but nothing can be read as it, so its word counts as wrong.

Of tags with a scheme the best tag of each word is read, as XTREME does. Under `tag_reading: legal`
every prediction is legal: the best legal sequence, which one pass logs beside (`Generation.legal`),
and in any other text an `I-X` that goes on with nothing becomes `B-X`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from t2t_xfer.answers.base import Wording, most_frequent
from t2t_xfer.errors import SpecError
from t2t_xfer.records import (
    Example,
    Generation,
    Gold,
    Prediction,
    Prompted,
    Readout,
    Slots,
    Status,
)
from t2t_xfer.specs.prompt import ResolvedPrompt
from t2t_xfer.specs.tag_scheme import bio_follows, made_legal
from t2t_xfer.specs.task import TaskSpec

WORDS = "words"
"""The template field that holds the words, and the name of their regions."""
POSITION = re.compile(r"(?<!\S)(\d{1,6})\s*:\s*(?!\d+\s*:)(\S+)")
"""`12:NOUN`, also with spaces around the colon; `3: 4:VERB` leaves word 3 open."""


def locked(tags: Iterable[tuple[int, str]]) -> str:
    """Tags as text, each with the position of its word.

    >>> locked([(0, "PROPN"), (1, "VERB")])
    '0:PROPN 1:VERB'
    """
    return " ".join(f"{position}:{tag}" for position, tag in tags)


class TagsFormat:
    """The `tags` answers of one task.

    Raises:
        SpecError: a tag holds white space, the prompt lacks the words, or may shorten them
            (which would take slots away).
    """

    name = "tags"
    asks = Slots
    closed = True
    words: tuple[str, ...] = ()
    shuffles = False

    def __init__(self, task: TaskSpec, prompt: ResolvedPrompt) -> None:
        _check(task)
        self._default = task.default_tag
        self._shortenable = task.shortenable
        self._wording = Wording(task, prompt, required=(WORDS,))
        self._index = {tag: i for i, tag in enumerate(task.tags)}
        self._open = task.tags_from is not None
        folded = Counter(tag.casefold() for tag in task.tags)
        self._read = {t.casefold(): t for t in task.tags if folded[t.casefold()] == 1}
        self._read |= {tag: tag for tag in task.tags}
        self._scheme = task.tag_scheme is not None
        self._held = task.tag_reading == "legal"
        self.options = task.tags
        self._follows = bio_follows(task.tags) if self._scheme else ()

    def render(self, example: Example, epoch: int | None = None) -> Prompted:
        """Input text with a slot for each word and, if the answer is known, the tags."""
        words = example.fields[WORDS]
        assert isinstance(words, tuple), f"{example.id}: words are {words!r}, not a list"
        assert words, f"{example.id}: no words; reading the data should have refused it"
        slots = tuple(f"{WORDS}[{i}]" for i in range(len(words)))
        rendered = self._wording.render(example, slots)
        tags = () if example.gold is None else self._checked(example.gold)
        if tags and len(tags) != len(words):
            raise ValueError(f"{example.id}: {len(tags)} tags for {len(words)} words")
        return Prompted(
            id=example.id,
            language=example.language,
            input=rendered.text,
            target=locked(enumerate(tags)),
            question=Slots(slots, self.options, self._follows, self._held),
            regions=rendered.regions,
            slot_targets=tags,
            shortenable=self._shortenable,
            wording=self._wording.text,
        )

    def parse(self, generation: Generation, prompted: Prompted) -> Prediction:
        """One tag for each slot of the example, or no answer at all.

        Raises:
            ValueError: not one choice for each slot, a choice that is no option, or a readout
                that tags do not have: bugs of ours.
        """
        if generation.readout is Readout.slots:
            choices = (generation.legal if self._held else ()) or generation.choices
            tags = self._chosen(choices, _count(prompted))
            return Prediction(generation.id, self._legal_sequence(tags), Status.scored)
        if generation.readout is not Readout.generate or generation.text is None:
            raise ValueError(f"tags cannot be read from {generation}")
        return self._parse_text(generation.text, prompted)

    def reading(self, readout: Readout) -> str:
        """Of tags with a scheme, whether each is the best of its word or the sequence is legal:
        chosen at once, or each tag after those before it."""
        if not self._scheme:
            return ""
        if not self._held:
            return "bio:tag-by-tag"
        return "bio:best-sequence" if readout is Readout.slots else "bio:legal-tag-by-tag"

    def constant(self, golds: Iterable[Gold]) -> str:
        """The most frequent tag over all words, of those that may stand anywhere."""
        tags = (t for gold in golds for t in self._checked(gold))
        if self._scheme:
            tags = (tag for tag in tags if not tag.startswith("I-"))
        return most_frequent(self.options, tags)

    def _legal_sequence(self, tags: tuple[str, ...]) -> tuple[str, ...]:
        return made_legal(tags) if self._held else tags

    def _chosen(self, choices: tuple[int, ...], slots: int) -> tuple[str, ...]:
        if len(choices) != slots:
            raise ValueError(f"{len(choices)} choices for {slots} slots")
        if not all(0 <= choice < len(self.options) for choice in choices):
            raise ValueError(f"choices {choices} for {len(self.options)} tags")
        return tuple(self.options[choice] for choice in choices)

    def _parse_text(self, text: str, prompted: Prompted) -> Prediction:
        written = [(int(i), self._known(tag)) for i, tag in POSITION.findall(text)]
        times = Counter(i for i, _ in written)
        # A position that was written twice says nothing, and neither does an unknown tag.
        known = {i: tag for i, tag in written if tag is not None and times[i] == 1}
        tags = [known.get(i, self._default) for i in range(_count(prompted))]
        filled = tuple(tag for tag in tags if tag is not None)
        read = sum(i < len(tags) for i in known)
        if not read or len(filled) < len(tags):
            return Prediction(prompted.id, None, Status.invalid)
        legal = self._legal_sequence(filled)
        whole = read == len(tags) and legal == filled
        return Prediction(prompted.id, legal, Status.exact if whole else Status.partial)

    def _known(self, text: str) -> str | None:
        """The tag, whatever its case if no other tag differs by case alone."""
        for form in (text, text.rstrip(",;")):
            for key in (form, form.casefold()):
                if key in self._read:
                    return self._read[key]
        return None

    def _checked(self, gold: Gold) -> tuple[str, ...]:
        known = isinstance(gold, tuple) and all(tag in self._index or self._open for tag in gold)
        if not known:
            raise ValueError(f"{gold!r} is not made of the tags {self.options}")
        return tuple(str(tag) for tag in gold)


def _count(prompted: Prompted) -> int:
    assert isinstance(prompted.question, Slots), f"{prompted.id}: tags are not asked for"
    return len(prompted.question.places)


def _check(task: TaskSpec) -> None:
    spaced = [tag for tag in task.tags if len(tag.split()) != 1]
    if spaced:
        raise SpecError(
            f"task {task.task!r}: tag {spaced[0]!r} holds white space, but tags are written"
            " between spaces. Rename it."
        )
    if WORDS in task.shortenable:
        raise SpecError(
            f"task {task.task!r}: {WORDS!r} may not be shortened, because every word has a tag."
        )
