"""Raw text of the world: monolingual, parallel and code-switched lines without an end.

Rule: only events of the training split, and the same seed gives the same lines everywhere. The
lines need not be distinct: a small world repeats itself.

    pretraining_lines(0, Mixture(monolingual=0.5, parallel=0.3, code_switched=0.2))
    Anna hat gestern einen Hund gesehen.                    monolingual, any of the languages
    Anna saw a dog. ||| Anna hat einen Hund gesehen.        parallel, English first
    Anna gördü a Hund yesterday.                            code-switched, from the gold lexicon
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from t2t_xfer.microworld.grammar import sentence
from t2t_xfer.microworld.grammar import text as running_text
from t2t_xfer.microworld.hub import statement
from t2t_xfer.microworld.lexicon import LANGUAGES, SECTIONS, Lexicon, load_lexicon
from t2t_xfer.microworld.world import load_world

SEPARATOR = " ||| "
"""Between the two sides of a parallel line."""


@dataclass(frozen=True)
class Mixture:
    """Shares of the kinds of lines; they need not sum to 1."""

    monolingual: float = 1.0
    parallel: float = 0.0
    code_switched: float = 0.0
    languages: tuple[str, ...] = LANGUAGES
    """Drawn with equal odds; a parallel line joins English and one of the others."""
    switch_rate: float = 0.4
    """Share of the content words of a code-switched line that are of another language."""


def pretraining_lines(seed: int, mixture: Mixture | None = None) -> Iterator[str]:
    """Endless lines in the given shares, in random order."""
    mixture = mixture or Mixture()
    random = Random(f"microworld pretraining {seed}")
    shares = (mixture.monolingual, mixture.parallel, mixture.code_switched)
    others = [language for language in mixture.languages if language != "en"]
    while True:
        kind = random.choices(("monolingual", "parallel", "switched"), shares)[0]
        if kind == "monolingual":
            yield _line(random, random.choice(mixture.languages))
        elif kind == "parallel":
            yield SEPARATOR.join(_pair(random, random.choice(others)))
        else:
            yield _switched(random, mixture)


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


def _line(random: Random, language: str) -> str:
    event, surface = statement(load_world(), random, "train")
    lexicon = load_lexicon(language)
    return running_text(lexicon, sentence(lexicon, event, surface))


def _pair(random: Random, language: str) -> tuple[str, str]:
    event, surface = statement(load_world(), random, "train")
    lexica = (load_lexicon("en"), load_lexicon(language))
    first, second = (running_text(each, sentence(each, event, surface)) for each in lexica)
    return first, second


def _switched(random: Random, mixture: Mixture) -> str:
    """A sentence with the word order of one language and some words of others."""
    event, surface = statement(load_world(), random, "train")
    matrix = load_lexicon(random.choice(mixture.languages))
    known = _concepts(matrix)
    words = []
    for word, _ in sentence(matrix, event, surface):
        other = load_lexicon(random.choice(mixture.languages))
        place = known.get(word)
        if place and random.random() < mixture.switch_rate:
            word = next(iter(other.words[place[0]][place[1]][0].values()))
        words.append(word)
    return " ".join(words)


def _concepts(lexicon: Lexicon) -> dict[str, tuple[str, str]]:
    return {
        form: (section, concept)
        for section in SECTIONS
        for concept, alternatives in lexicon.words[section].items()
        for forms in alternatives
        for form in forms.values()
    }
