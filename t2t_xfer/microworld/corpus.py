"""Text for pretraining: short documents whose sentences agree, in one language or in several.

Rule: only events of the training split, and the same seed gives the same documents everywhere.
Whatever a document says after its first sentence is true if the first one is, or at least open, as
in any honest text: so the text itself shows what follows from what. A document is told in one
language, or in two in turn (translations among them), or code-switched: a word gives way to the
one that stands for the same concept, or has the same function, in a translation of its sentence.

    Anna hat gestern eine Rose gefunden. Anna found a flower.        two languages
    Anna gestern bir Rose buldu. Anna hat bir Blume gefunden.        code-switched
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

from t2t_xfer.microworld.entailment import inferences
from t2t_xfer.microworld.grammar import Ask, Sentence, speaker
from t2t_xfer.microworld.lexicon import LANGUAGES, Token
from t2t_xfer.microworld.logic import CONTRADICTION
from t2t_xfer.microworld.sampling import PATTERNS, sampler
from t2t_xfer.microworld.stories import SLOTS, Story, stories
from t2t_xfer.microworld.world import PLAIN, Event, Surface


@dataclass(frozen=True)
class Mixture:
    """Shares of the kinds of documents; they need not sum to 1."""

    one_language: float = 0.25
    two_languages: float = 0.25
    switched: float = 0.5
    languages: tuple[str, ...] = LANGUAGES
    """Drawn with equal odds."""
    switch_rate: float = 0.5
    """Share of the words that give way, of those that can."""


class Statement(NamedTuple):
    """A sentence before it has a language."""

    event: Event
    surface: Surface
    ask: Ask = ""


class Document(NamedTuple):
    """Sentences before they have a language."""

    statements: tuple[Statement, ...]
    answer: tuple[int, tuple[str, ...]] | None = None
    """After a question: the sentence that answers it, and the constituents that do."""


def documents(seed: int, mixture: Mixture = Mixture()) -> Iterator[str]:
    """Endless documents in the given shares, in random order."""
    random = Random(f"microworld documents {seed}")
    shares = (mixture.one_language, mixture.two_languages, mixture.switched)
    contents = _contents(seed, random)
    while True:
        kind = random.choices(("one", "two", "switched"), shares)[0]
        first, second = random.sample(mixture.languages, 2)
        languages = [first, second] if kind == "two" else [first, first]
        document = next(contents)
        if kind == "two" and document.answer is None and random.random() < 0.5:
            document = Document(document.statements[:1] * 2)  # a translation
        rate = mixture.switch_rate if kind == "switched" else 0.0
        sentences = [
            _told(statement, languages[i % 2], mixture.languages, rate, random)
            for i, statement in enumerate(document.statements)
        ]
        if document.answer is not None:
            sentences.append(_answer(document, languages))
        yield " ".join(sentences)


def _contents(seed: int, random: Random) -> Iterator[Document]:
    """A fact and what it allows, one thing in two ways, a story with a question."""
    pairs = inferences(f"microworld documents {seed}", "train")
    told = stories(f"microworld documents {seed}", "train")
    source = sampler("train")
    while True:
        kind = random.choices(("pair", "twice", "story"), (5, 3, 3))[0]
        if kind == "twice":
            event = source.event(random, random.choice(PATTERNS))
            surfaces = [source.surface(random, event, synonyms=True) for _ in range(2)]
            yield Document(tuple(Statement(event, surface) for surface in surfaces))
        elif kind == "story":
            yield _story_document(next(told))
        elif (pair := next(pairs)).label != CONTRADICTION:
            yield Document(
                (
                    Statement(pair.premise, pair.premise_surface),
                    Statement(pair.hypothesis, pair.hypothesis_surface),
                )
            )


def _story_document(story: Story) -> Document:
    sentences = (Statement(*pair) for pair in zip(story.events, story.surfaces, strict=True))
    question = Statement(story.question, PLAIN, story.ask)
    return Document((*sentences, question), (story.answer, SLOTS[story.ask]))


def _answer(document: Document, languages: Sequence[str]) -> str:
    assert document.answer is not None
    index, slots = document.answer
    teller = speaker(languages[index % 2])
    return teller.place_of(teller.say(*document.statements[index]), slots)[0]


def _told(
    statement: Statement, language: str, languages: Sequence[str], rate: float, random: Random
) -> str:
    teller = speaker(language)
    sentence = teller.say(*statement)
    if not rate:
        return teller.text(sentence)
    translations = [speaker(code).say(*statement) for code in languages if code != language]
    return _switched(sentence, language, translations, rate, random)


def _switched(
    sentence: Sentence, language: str, translations: Sequence[Sentence], rate: float, random: Random
) -> str:
    """The sentence with some words of its translations, each of any language.

    That nobody can tell which language comes next is what aligns them: words of one meaning are
    then predicted together.
    """
    known = [_by_meaning(translation) for translation in translations]
    met: Counter[str] = Counter()
    teller = speaker(language)
    mixed: Sentence = []
    for segment in sentence:
        tokens = []
        for token in segment.tokens:
            word, meaning = token.word, _meaning(token)
            if random.random() < rate:
                words = random.choice(known).get(meaning, [])
                if met[meaning] < len(words):
                    word = words[met[meaning]]
                    # Where no spaces stand between words, foreign ones still have them.
                    word = word if teller.spaces else f" {word} "
            met[meaning] += 1
            tokens.append(token._replace(word=word))
        mixed.append(segment._replace(tokens=tuple(tokens)))
    return " ".join(teller.text(mixed).split())


def _by_meaning(sentence: Sentence) -> dict[str, list[str]]:
    """The words for each meaning, in order."""
    found: dict[str, list[str]] = defaultdict(list)
    for segment in sentence:
        for token in segment.tokens:
            found[_meaning(token)].append(token.word)
    return found


def _meaning(token: Token) -> str:
    return token.concept or token.role
