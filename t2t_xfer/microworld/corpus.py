"""Text for pretraining: short documents whose sentences go together, in one language or in several.

Rule: only events of the training split, and the same seed gives the same documents everywhere. A
document is a sentence, the same said again, one that is true, open or false beside them, and the
verdict; or one event told three times; or a story with a question and its answer. It is told in one
language, or in two in turn (translations among them), or code-switched.

    Anna hat Omar gesehen. Omar was seen by Anna. Anna hat niemand gesehen. False.
    Anna 看见了 Omar. Omar was seen na Anna. Anna hat keinen Mann gesehen. Uongo.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

from t2t_xfer.microworld.entailment import inferences
from t2t_xfer.microworld.grammar import Ask, Sentence, speaker
from t2t_xfer.microworld.lexicon import LANGUAGES
from t2t_xfer.microworld.logic import LABELS
from t2t_xfer.microworld.sampling import PATTERNS, sampler
from t2t_xfer.microworld.stories import SLOTS, Story, stories
from t2t_xfer.microworld.switching import switched
from t2t_xfer.microworld.world import PLAIN, Event, Surface


@dataclass(frozen=True)
class Mixture:
    """Shares of the kinds of documents; they need not sum to 1."""

    one_language: float = 0.15
    two_languages: float = 0.2
    switched: float = 0.65
    judged: float = 6
    """A sentence, the same said again, another one and whether it follows."""
    retold: float = 1
    """One event, three times."""
    stories: float = 3
    """With a question and its answer."""
    languages: tuple[str, ...] = LANGUAGES
    """Drawn with equal odds."""
    switch_rate: float = 5 / 6
    """Share of what gives way in code-switched documents. With six languages and this rate each
    word is of any language with equal odds."""


class Statement(NamedTuple):
    """A sentence before it has a language."""

    event: Event
    surface: Surface
    ask: Ask = ""


class Document(NamedTuple):
    """Sentences before they have a language."""

    statements: tuple[Statement, ...]
    verdict: str = ""
    """Of the last sentence, given those before: a name of a label."""
    answer: tuple[int, tuple[str, ...]] | None = None
    """After a question: the sentence that answers it, and the constituents that do."""


def documents(seed: int, mixture: Mixture = Mixture()) -> Iterator[str]:
    """Endless documents in the given shares, in random order."""
    random = Random(f"microworld documents {seed}")
    tellings = (mixture.one_language, mixture.two_languages, mixture.switched)
    for document in _contents(seed, mixture, random):
        telling = random.choices(("one", "two", "switched"), tellings)[0]
        first, second = random.sample(mixture.languages, 2)
        languages = [first, second] if telling == "two" else [first, first]
        rate = mixture.switch_rate if telling == "switched" else 0.0
        sentences = [
            _told(statement, languages[i % 2], mixture.languages, rate, random)
            for i, statement in enumerate(document.statements)
        ]
        if document.answer is not None:
            sentences.append(_answer(document, languages))
        if document.verdict:
            language = random.choice(mixture.languages) if rate else languages[1]
            teller = speaker(language)
            sentences.append(teller.text(teller.remark("verdict", document.verdict)))
        yield " ".join(sentences)


def verdicts() -> tuple[str, ...]:
    """The words for "true", "open" and "false" in every language, as they stand in running text."""
    return tuple(
        (" " if teller.spaces else "") + teller.text(teller.remark("verdict", label))[:-1]
        for teller in map(speaker, LANGUAGES)
        for label in LABELS
    )


def words_apart(seed: int) -> Iterator[str]:
    """Endless documents, each in one language; of scripts without spaces, word by word.

    A tokenizer trained on them merges no further than a word.
    """
    random = Random(f"microworld words {seed}")
    for document in _contents(seed, Mixture(), random):
        teller = speaker(random.choice(LANGUAGES))
        sentences = [teller.say(*statement) for statement in document.statements]
        if document.verdict:
            sentences.append(teller.remark("verdict", document.verdict))
        if teller.spaces:
            yield " ".join(map(teller.text, sentences))
        else:
            yield from (token.word for each in sentences for part in each for token in part.tokens)


def _contents(seed: int, mixture: Mixture, random: Random) -> Iterator[Document]:
    pairs = inferences(f"microworld documents {seed}", "train")
    told = stories(f"microworld documents {seed}", "train")
    source = sampler("train")
    shares = (mixture.judged, mixture.retold, mixture.stories)
    while True:
        kind = random.choices(("judged", "retold", "story"), shares)[0]
        if kind == "story":
            yield _story_document(next(told))
        elif kind == "retold":
            event = source.event(random, random.choice(PATTERNS))
            ways = [source.surface(random, event, synonyms=True) for _ in range(3)]
            yield Document(tuple(Statement(event, surface) for surface in ways))
        else:
            pair = next(pairs)
            again = source.surface(random, pair.premise, synonyms=True)
            told_so = (
                Statement(pair.premise, pair.premise_surface),
                Statement(pair.premise, again),
                Statement(pair.hypothesis, pair.hypothesis_surface),
            )
            yield Document(told_so, LABELS[pair.label])


def _story_document(story: Story) -> Document:
    sentences = (Statement(*pair) for pair in zip(story.events, story.surfaces, strict=True))
    question = Statement(story.question, PLAIN, story.ask)
    return Document((*sentences, question), answer=(story.answer, SLOTS[story.ask]))


def _answer(document: Document, languages: Sequence[str]) -> str:
    assert document.answer is not None
    index, slots = document.answer
    teller = speaker(languages[index % 2])
    return teller.place_of(teller.say(*document.statements[index]), slots)[0]


def _told(
    statement: Statement, language: str, languages: Sequence[str], rate: float, random: Random
) -> str:
    sentence = speaker(language).say(*statement)
    if not rate:
        return speaker(language).text(sentence)
    translations: dict[str, Sentence] = {
        code: speaker(code).say(*statement) for code in languages if code != language
    }
    return switched(sentence, language, translations, rate, random)
