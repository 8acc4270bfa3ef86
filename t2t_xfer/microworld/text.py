"""Raw text of the world: sentences of one language, and documents for pretraining.

Rule: only events of the training split, and the same seed gives the same text everywhere. A
document is a sentence, the same said again, one that is true, open or false beside them, and the
verdict; or one event told three times; or a story with a question and its answer. It is told in one
language, or in two in turn (translations among them), or code-switched: in the order of one
language, whatever stands in it may be of any. What is said of the subject, and whether it is
denied, gives way as a whole: one language denies in the verb, another beside it. That nobody can
tell which language comes next is what aligns them, since words of one meaning are then predicted
together.

    text("de")  ->  ["Anna hat gestern einen Hund gesehen.", …]
    documents(0):   Anna hat Omar gesehen. Omar was seen by Anna. Anna hat niemand gesehen. False.
                    Anna 看见了 Omar. Omar was seen na Anna. Anna hat keinen Mann gesehen. Uongo.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

from t2t_xfer.microworld.entailment import LABELS, inferences
from t2t_xfer.microworld.grammar import Ask, Segment, Sentence, speaker
from t2t_xfer.microworld.lexicon import LANGUAGES, Token
from t2t_xfer.microworld.statements import statement
from t2t_xfer.microworld.stories import SLOTS, Story, stories
from t2t_xfer.microworld.world import PATTERNS, PLAIN, Event, Surface, sampler

NUM_LINES = 6000
"""Lines of `text`."""


def text(language: str) -> list[str] | None:
    """Distinct sentences for a tokenizer; None for a language that the world does not speak."""
    if language not in LANGUAGES:
        return None
    random, says = Random(f"microworld text {language}"), speaker(language)
    lines: dict[str, None] = {}
    while len(lines) < NUM_LINES:
        lines[says.sentence(*statement(random, sampler("train")))] = None
    return list(lines)


VERBAL = frozenset({"aux", "not", "verb", "aspect", "have", "distributive", "predicate"})
"""Constituents that tell together what is said of the subject."""
WHOLE = 0.5
"""Share of the other constituents that give way as a whole; in the others each word may."""
ALWAYS_WHOLE = ("place", "time")
CONJUNCTIONS = ("because", "but", "comma")


class _Other(NamedTuple):
    """One clause in another language."""

    language: str
    clause: Sentence


def switched(
    sentence: Sentence,
    language: str,
    translations: Mapping[str, Sentence],
    rate: float,
    random: Random,
) -> str:
    """The sentence as running text, mixed.

    Args:
        translations: the same sentence in other languages.
        rate: the share of what gives way.
    """
    mixed: Sentence = []
    for number, clause in enumerate(_clauses(sentence)):
        others = [
            _Other(code, _clauses(translation)[number])
            for code, translation in translations.items()
        ]
        mixed += _mixed(clause, language, others, rate, random)
    return " ".join(speaker(language).text(mixed).split())


def _clauses(sentence: Sentence) -> list[Sentence]:
    """One or two; the second begins with its conjunction."""
    for i, segment in enumerate(sentence):
        if segment.slot in CONJUNCTIONS:
            return [sentence[:i], sentence[i:]]
    return [sentence]


def _mixed(
    clause: Sentence, language: str, others: Sequence[_Other], rate: float, random: Random
) -> Iterator[Segment]:
    said: Sentence = []
    if random.random() < rate:
        teller, other = random.choice(others)
        said = _inserted([each for each in other if each.slot in VERBAL], teller, language)
    anchor = _anchor(clause)
    met: Counter[str] = Counter()
    for i, segment in enumerate(clause):
        if segment.slot in VERBAL:
            yield from [segment] if not said else said if i == anchor else []
            continue
        number = met[segment.slot]
        met[segment.slot] += 1
        same = [
            (code, alike[min(number, len(alike) - 1)])
            for code, other in others
            if (alike := [each for each in other if each.slot == segment.slot])
        ]
        if not same:
            yield segment
        elif segment.slot not in ALWAYS_WHOLE and random.random() >= WHOLE:
            yield _word_by_word(segment, language, same, rate, random)
        elif random.random() < rate:
            code, found = random.choice(same)
            yield from _inserted([found], code, language)
        else:
            yield segment


def _anchor(clause: Sentence) -> int:
    """Where what is said of the subject stands: at the verb or the predicate."""
    verbal = [i for i, segment in enumerate(clause) if segment.slot in VERBAL]
    main = [i for i in verbal if clause[i].slot in ("verb", "predicate")]
    return (main or verbal or [-1])[-1]


def _word_by_word(
    segment: Segment,
    language: str,
    same: Sequence[tuple[str, Segment]],
    rate: float,
    random: Random,
) -> Segment:
    """Each word that stands for the same concept, or has the same function, in another language."""
    tokens: list[Token] = []
    for token in segment.tokens:
        code, found = random.choice(same)
        alike = [each for each in found.tokens if _meaning(each) == _meaning(token)]
        if alike and random.random() < rate:
            (foreign,) = _inserted([Segment(segment.slot, (alike[0],))], code, language)
            tokens += foreign.tokens
        else:
            tokens.append(token)
    return Segment(segment.slot, tuple(tokens))


def _meaning(token: Token) -> str:
    return token.concept or token.role


def _inserted(segments: Sentence, origin: str, language: str) -> Sentence:
    """Words of another language as one; between words without spaces it has some."""
    if not segments:
        return []
    word = speaker(origin).text(segments)
    return [Segment("", (Token(word if speaker(language).spaces else f" {word} ", "X"),))]


@dataclass(frozen=True)
class DocumentShares:
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


class Meaning(NamedTuple):
    """A sentence before it has a language."""

    event: Event
    surface: Surface
    ask: Ask = ""


class TextDocument(NamedTuple):
    """Sentences before they have a language."""

    statements: tuple[Meaning, ...]
    verdict: str = ""
    """Of the last sentence, given those before: a name of a label."""
    answer: tuple[int, tuple[str, ...]] | None = None
    """After a question: the sentence that answers it, and the constituents that do."""


def documents(seed: int, mixture: DocumentShares = DocumentShares()) -> Iterator[str]:
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
    for document in _contents(seed, DocumentShares(), random):
        teller = speaker(random.choice(LANGUAGES))
        sentences = [teller.say(*statement) for statement in document.statements]
        if document.verdict:
            sentences.append(teller.remark("verdict", document.verdict))
        if teller.spaces:
            yield " ".join(map(teller.text, sentences))
        else:
            yield from (token.word for each in sentences for part in each for token in part.tokens)


def _contents(seed: int, mixture: DocumentShares, random: Random) -> Iterator[TextDocument]:
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
            yield TextDocument(tuple(Meaning(event, surface) for surface in ways))
        else:
            pair = next(pairs)
            again = source.surface(random, pair.premise, synonyms=True)
            told_so = (
                Meaning(pair.premise, pair.premise_surface),
                Meaning(pair.premise, again),
                Meaning(pair.hypothesis, pair.hypothesis_surface),
            )
            yield TextDocument(told_so, LABELS[pair.label])


def _story_document(story: Story) -> TextDocument:
    sentences = (Meaning(*pair) for pair in zip(story.events, story.surfaces, strict=True))
    question = Meaning(story.question, PLAIN, story.ask)
    return TextDocument((*sentences, question), answer=(story.answer, SLOTS[story.ask]))


def _answer(document: TextDocument, languages: Sequence[str]) -> str:
    assert document.answer is not None
    index, slots = document.answer
    teller = speaker(languages[index % 2])
    return teller.place_of(teller.say(*document.statements[index]), slots)[0]


def _told(
    statement: Meaning, language: str, languages: Sequence[str], rate: float, random: Random
) -> str:
    sentence = speaker(language).say(*statement)
    if not rate:
        return speaker(language).text(sentence)
    translations: dict[str, Sentence] = {
        code: speaker(code).say(*statement) for code in languages if code != language
    }
    return switched(sentence, language, translations, rate, random)
