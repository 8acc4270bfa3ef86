"""Raw text of the world: monolingual, parallel and code-switched lines without an end.

Rule: only events of the training split, and the same seed gives the same lines everywhere. The
lines need not be distinct: a small world repeats itself.

    pretraining_lines(0, Mixture(monolingual=0.5, parallel=0.3, code_switched=0.2))
    Anna hat gestern einen Hund gesehen.                    monolingual, any of the languages
    Anna saw a dog. ||| Anna hat einen Hund gesehen.        parallel, English first
    Anna gördü a Hund yesterday.                            code-switched, from the gold lexicon
    Anna saw a dog. David … . Anna saw the dog.             retold: a story, and a part of it again
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from t2t_xfer.microworld.grammar import speaker
from t2t_xfer.microworld.lexicon import LANGUAGES, Token, load_lexicon
from t2t_xfer.microworld.pairs import Statement, statement
from t2t_xfer.microworld.sampling import sampler
from t2t_xfer.microworld.stories import retell, stories
from t2t_xfer.microworld.tagging import words

SEPARATOR = " ||| "
"""Between the two sides of a parallel line."""

NUM_LINES = 6000
"""Lines of `text`."""


@dataclass(frozen=True)
class Mixture:
    """Shares of the kinds of lines; they need not sum to 1."""

    monolingual: float = 1.0
    parallel: float = 0.0
    code_switched: float = 0.0
    retold: float = 0.0
    """Stories with one sentence said again, so that a masked word of it stands further up. No
    question, no answer: it teaches to look things up, not the task."""
    languages: tuple[str, ...] = LANGUAGES
    """Drawn with equal odds; a parallel line joins English and one of the others."""
    switch_rate: float = 0.4
    """Share of the content words of a code-switched line that are of another language."""


MONOLINGUAL = Mixture()


def pretraining_lines(seed: int, mixture: Mixture = MONOLINGUAL) -> Iterator[str]:
    """Endless lines in the given shares, in random order."""
    random = Random(f"microworld pretraining {seed}")
    shares = (mixture.monolingual, mixture.parallel, mixture.code_switched, mixture.retold)
    told = stories(f"microworld retold {seed}", "train")
    others = [language for language in mixture.languages if language != "en"]
    while True:
        kind = random.choices(("monolingual", "parallel", "switched", "retold"), shares)[0]
        if kind == "monolingual":
            yield _line(random, random.choice(mixture.languages))
        elif kind == "parallel":
            yield SEPARATOR.join(_pair(random, random.choice(others)))
        elif kind == "switched":
            yield _switched(random, mixture)
        else:
            yield retell(random.choice(mixture.languages), next(told))


def monolingual_lines(language: str, seed: int) -> Iterator[str]:
    """Endless sentences of one language."""
    random = Random(f"microworld text {language} {seed}")
    while True:
        yield _line(random, language)


def parallel_pairs(language: str, seed: int) -> Iterator[tuple[str, str]]:
    """Endless pairs of an English sentence and its translation."""
    random = Random(f"microworld parallel {language} {seed}")
    while True:
        yield _pair(random, language)


def text(language: str) -> list[str] | None:
    """Distinct sentences for a tokenizer; None for a language that the world does not speak."""
    if language not in LANGUAGES:
        return None
    lines: dict[str, None] = {}
    for line in monolingual_lines(language, 0):
        lines[line] = None
        if len(lines) == NUM_LINES:
            break
    return list(lines)


def _drawn(random: Random) -> Statement:
    return statement(random, sampler("train"))


def _line(random: Random, language: str) -> str:
    return speaker(language).sentence(*_drawn(random))


def _pair(random: Random, language: str) -> tuple[str, str]:
    drawn = _drawn(random)
    return speaker("en").sentence(*drawn), speaker(language).sentence(*drawn)


def _switched(random: Random, mixture: Mixture) -> str:
    """A sentence with the grammar of one language and some words of others."""
    matrix = speaker(random.choice(mixture.languages))
    sentence = matrix.say(*_drawn(random))
    switched = [
        segment._replace(tokens=tuple(_switch(random, mixture, t) for t in segment.tokens))
        for segment in sentence
    ]
    line = matrix.text(switched)
    return line if matrix.spaces else " ".join(token.word for token in words(switched))


def _switch(random: Random, mixture: Mixture, token: Token) -> Token:
    if not token.concept or random.random() >= mixture.switch_rate:
        return token
    other = load_lexicon(random.choice(mixture.languages))
    section, _, concept = token.concept.partition(":")
    if section == "cities":
        return token._replace(word=other.phrase("cities", concept, "nominative"))
    forms = other.forms(section, concept)
    word = forms.get("one") or next(iter(forms.values()))
    return token._replace(word=word.replace("_", " "))
