"""The words and typological parameters of one language, read from `lexica/<language>.yaml`.

Rule: whatever a linguist may want to correct stands in the YAML file, nothing of it in code.
The layout of the files is explained in `lexica/en.yaml`.

    load_lexicon("tr").forms("nouns", "dog")  ->  {"one": "köpek", "accusative": "köpeği"}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TypeAlias

from ruamel.yaml import YAML

from t2t_xfer.microworld.world import HERE

Token: TypeAlias = tuple[str, str]
"""A word and its universal part of speech."""

Agreement: TypeAlias = "str | Mapping[str, Agreement]"
"""A form, or a choice of forms by a feature (case, gender, voice, …)."""

LANGUAGES: tuple[str, ...] = ("en", "de", "tr", "zh")
SECTIONS = ("names", "nouns", "verbs", "adjectives", "numerals")


@dataclass(frozen=True)
class Lexicon:
    """One language."""

    language: str
    words: Mapping[str, Mapping[str, tuple[Mapping[str, str], ...]]]
    """Section -> concept -> synonyms, each a mapping of form name to form."""
    phrases: Mapping[str, Mapping[str, tuple[Token, ...]]]
    """`times` and `places` -> concept -> tokens."""
    grammar: Mapping[str, Agreement]
    """The typological parameters."""
    spaces: bool
    """Whether running text has spaces between words."""

    def forms(self, section: str, concept: str, synonym: bool = False) -> Mapping[str, str]:
        """The forms of a word, or of its synonym where it has one."""
        alternatives = self.words[section][concept]
        return alternatives[-1 if synonym else 0]

    def choose(self, parameter: str, *features: str) -> str:
        """The form of a parameter for these features; empty where the language has none."""
        return choose(self.grammar.get(parameter, ""), features)

    def function_word(self, name: str, *features: str) -> tuple[Token, ...]:
        """The function word as a token; nothing where the language has none."""
        words = self.grammar["words"]
        assert not isinstance(words, str), "grammar.words is a mapping"
        return tagged(choose(words.get(name, ""), features))


def choose(table: Agreement, features: tuple[str, ...]) -> str:
    """Goes down the table by whichever feature it distinguishes at each level."""
    while not isinstance(table, str):
        table = next((table[feature] for feature in features if feature in table), "")
    return table


def tagged(phrase: str) -> tuple[Token, ...]:
    """`the/DET dog/NOUN` as tokens."""
    pairs = (word.rpartition("/") for word in phrase.split())
    return tuple((word, tag) for word, _, tag in pairs)


@cache
def load_lexicon(language: str) -> Lexicon:
    """Reads the language's file."""
    data = YAML(typ="safe", pure=True).load(HERE / "lexica" / f"{language}.yaml")
    grammar = dict(data["grammar"])
    return Lexicon(
        language=language,
        words={
            section: {
                concept: tuple(
                    dict(zip(data["columns"][section].split(), forms.split(), strict=False))
                    for forms in entry.split("|")
                )
                for concept, entry in data[section].items()
            }
            for section in SECTIONS
        },
        phrases={
            section: {concept: tagged(phrase) for concept, phrase in data[section].items()}
            for section in ("times", "places")
        },
        spaces=grammar.pop("spaces"),
        grammar=grammar,
    )
