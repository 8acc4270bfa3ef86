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
from t2t_xfer.errors import DataError, SpecError, nearest, quoted
from t2t_xfer.records import (
    Example,
    Generation,
    Gold,
    Prediction,
    Prompted,
    Readout,
    Slots,
    Status,
    Value,
)
from t2t_xfer.specs.prompt import ResolvedPrompt
from t2t_xfer.specs.tag_scheme import bio_follows, made_legal, num_illegal
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


NO_TAG = "_"
"""What Universal Dependencies writes where a word has no tag. A sentence with such a word is left
out: neither a model nor a metric could make anything of it."""
MANY_OPENED = 0.1
"""Share of a split's spans that may not begin with `I-X` under BIO. PAN-X has up to 0.053
(Japanese), and none in most languages; IOB1 has nearly 1."""
LEAST_OPENED = 3
"""Fewer such spans are a slip in a small set."""


class TagReader:
    """Finds the tags that a row's tag column stands for.

    Args:
        tags: the task's tags.
        open_set: the tags are those of the training split, so that others may occur in the rest.
            They stay as they are: gold that no model can predict.
        scheme: see `TaskSpec.tag_scheme`. The tags that are read are BIO then, whatever stands in
            the data: what is trained and what is scored are made of the same gold.
    """

    def __init__(
        self, tags: tuple[str, ...], *, open_set: bool = False, scheme: str | None = None
    ) -> None:
        self._tags, self._open, self._scheme = tags, open_set, scheme
        self.num_spans = self.num_opened = 0
        """Under a scheme: spans, and how many of them begin with `I-X`."""
        self._known = frozenset(tags)
        self.unknown: Counter[str] = Counter()
        """How many words had each tag that is not in `tags` (`open_set`)."""

    def read(self, value: Value, num_words: int, where: str) -> tuple[str, ...]:
        """One tag a word, from names or from indices into the task's `tags`; none if a word has
        no tag (`NO_TAG`).

        Raises:
            DataError: not a list, not as long as the words, or an unknown tag.
        """
        if not isinstance(value, tuple):
            raise DataError(f"{where}: expected a list of tags, found {quoted(value)}.")
        if len(value) != num_words:
            raise DataError(f"{where}: {len(value)} tags for {num_words} words.")
        if NO_TAG in value and NO_TAG not in self._known:
            return ()
        return tuple([self._tag(tag, position, where) for position, tag in enumerate(value)])

    def made_legal(self, gold: Gold) -> tuple[str, ...]:
        """The tags as BIO, counted; as they are without a scheme."""
        tags = tuple(map(str, gold))
        if self._scheme is None:
            return tags
        legal = made_legal(tags)
        self.num_spans += sum(tag.startswith("B-") for tag in legal)
        self.num_opened += num_illegal(tags)
        return legal

    def check_scheme(self, where: str) -> None:
        """Refuses tags that are not what the task says they are.

        Raises:
            DataError: many of the spans that `made_legal` has seen do not begin with `B-X`.
        """
        many = max(LEAST_OPENED, MANY_OPENED * self.num_spans)
        if self._scheme != "bio" or self.num_opened < many:
            return
        raise DataError(
            f"{where}: {self.num_opened:,} of {self.num_spans:,} spans begin with an `I-…` that"
            " goes on with nothing, which is not `tag_scheme: bio`. Is it IOB1, as in the original"
            " CoNLL files? Then write `tag_scheme: iob1`, and it is read as BIO. Or do the data's"
            " numbers stand for the tags in another order than `tags` has them"
            f" ({', '.join(self._tags)})?"
        )

    def _tag(self, tag: Value, position: int, where: str) -> str:
        if isinstance(tag, str) and tag in self._known:
            return tag
        if self._open:
            return self._unknown(tag, position, where)
        if type(tag) is int and 0 <= tag < len(self._tags):
            return self._tags[tag]
        hint = nearest(tag, self._tags) if isinstance(tag, str) else ""
        raise DataError(
            f"{where}: {quoted(tag)} (word {position}) is no tag of this task.{hint} Expected"
            " a name of "
            f"{', '.join(self._tags)}, or an index from 0 to {len(self._tags) - 1}."
        )

    def _unknown(self, tag: Value, position: int, where: str) -> str:
        text = read_open_tag(tag, position, where)
        self.unknown[text] += 1
        return text


def read_open_tag(tag: Value, position: int, where: str) -> str:
    """A tag of a task that takes its tags from its data.

    Raises:
        DataError: it is no text, or has white space.
    """
    if isinstance(tag, str) and len(tag.split()) == 1:
        return tag
    raise DataError(
        f"{where}: {quoted(tag)} (word {position}) is no tag. Where the tags come from the data"
        " (`tags_from`), each is a text without white space."
    )


def read_words(value: Value, where: str) -> tuple[str, ...]:
    """The words of a tagging example, exactly as the data has them; inner spaces stay.

    Raises:
        DataError: not a list of texts, or a blank word. No token could carry its tag. A lone
            zero-width character, as PAN-X has for Chinese and Tamil, is not blank.
    """
    if not isinstance(value, tuple):
        raise DataError(f"{where}: expected a list of words, found {quoted(value)}.")
    words: list[str] = []
    for position, word in enumerate(value):
        if not isinstance(word, str) or not word or word.isspace():
            raise DataError(
                f"{where}: word {position} is {quoted(word)}; expected text that is not blank."
            )
        words.append(word)
    return tuple(words)
