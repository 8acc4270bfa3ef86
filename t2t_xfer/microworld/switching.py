"""Code-switching: a sentence with constituents and words from its translations.

Rule: the order is that of one language; whatever stands in it may be of any. What is said of the
subject, and whether it is denied, gives way as a whole: one language denies in the verb, another
beside it. That nobody can tell which language comes next is what aligns them, since words of one
meaning are then predicted together.

    Anna found a rose in the garden.
    Anna hat gefunden 一朵 rose bahçede.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import NamedTuple

from t2t_xfer.microworld.grammar import Segment, Sentence, speaker
from t2t_xfer.microworld.lexicon import Token

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
