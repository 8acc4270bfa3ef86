"""The words and typological parameters of one language, read from `lexicon/<language>.yaml`.

Rule: whatever a linguist may want to correct stands in the YAML file, nothing of it in code.
The layout of the files is explained in `lexicon/en.yaml`. A new language is a new file there and
its code in `LANGUAGES`.

    load_lexicon("tr").forms("nouns", "dog")  ->  {"one": "köpek", "accusative": "köpeği", …}
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple, TypeAlias

from t2t_xfer.microworld.world import HERE, load_yaml


class Token(NamedTuple):
    """One word of a sentence."""

    word: str
    tag: str
    """Universal part of speech."""
    role: str = ""
    """Its slot within the phrase: `noun`, `adjective`, `the`, `aux`, …"""
    concept: str = ""
    """`nouns:dog`, where the word is of the lexicon."""
    entity: str = "O"
    """`B-PER` and the like."""


Tokens: TypeAlias = tuple[Token, ...]
Agreement: TypeAlias = "str | Mapping[str, Agreement]"
"""A form, or a choice of forms by a feature (case, gender, voice, …)."""

SECTIONS = ("names", "surnames", "nouns", "verbs", "acts", "adjectives", "numerals")


def _languages() -> tuple[str, ...]:
    found = sorted(path.stem for path in (HERE / "lexicon").glob("*.yaml"))
    return ("en", *(code for code in found if code != "en"))


LANGUAGES: tuple[str, ...] = _languages()
"""Every language with a file, English first."""


@dataclass(frozen=True)
class Lexicon:
    """One language."""

    language: str
    words: Mapping[str, Mapping[str, tuple[Mapping[str, str], ...]]]
    """Section -> concept -> synonyms, each a mapping of form name to form."""
    data: Mapping[str, Mapping[str, Agreement]]
    """`times`, `places`, `cities`, `organisations`, `places_in` and such, as in the file."""
    grammar: Mapping[str, Agreement]
    """The typological parameters."""
    function_words: Mapping[str, Agreement]
    contractions: Mapping[str, str]
    """`in dem` to `im`."""
    spaces: bool
    """Whether running text has spaces between words."""

    def forms(self, section: str, concept: str, synonym: bool = False) -> Mapping[str, str]:
        """The forms of a word, or of its synonym where it has one."""
        alternatives = self.words[section][concept]
        return alternatives[-1 if synonym else 0]

    def choose(self, parameter: str, *features: str) -> str:
        """The form of a parameter for these features; empty where the language has none."""
        return choose(self.grammar.get(parameter, ""), features)

    def order(self, name: str) -> tuple[str, ...]:
        """The slots of a clause in order."""
        return tuple(self.choose("orders", name).split())

    def function_word(self, name: str, *features: str) -> Tokens:
        """The function word as tokens; nothing where the language has none."""
        return tagged(choose(self.function_words.get(name, ""), features), name)

    def phrase(self, section: str, concept: str, *features: str) -> str:
        """An entry of `data`."""
        return choose(self.data[section].get(concept, ""), features)


def choose(table: Agreement, features: tuple[str, ...]) -> str:
    """Goes down the table by whichever feature it distinguishes at each level, or `else`."""
    while not isinstance(table, str):
        found = next((feature for feature in features if feature in table), "else")
        table = table.get(found, "")
    return table


def tagged(phrase: str, role: str = "") -> Tokens:
    """`the/DET dog/NOUN` as tokens."""
    pairs = (word.rpartition("/") for word in phrase.split())
    return tuple(Token(word, tag, role) for word, _, tag in pairs)


@cache
def load_lexicon(language: str) -> Lexicon:
    """Reads the language's file."""
    data = load_yaml(f"lexicon/{language}.yaml")
    grammar, columns = data.pop("grammar"), data.pop("columns")
    words = {section: _entries(data.pop(section), columns[section].split()) for section in SECTIONS}
    return Lexicon(
        language=language,
        words=words,
        spaces=grammar.pop("spaces"),
        function_words=grammar.pop("words"),
        contractions=grammar.pop("contract", {}),
        data=data,
        grammar=grammar,
    )


def _entries(
    section: Mapping[str, str], columns: Sequence[str]
) -> dict[str, tuple[dict[str, str], ...]]:
    """Concept to its synonyms, each with its forms by name."""
    return {
        concept: tuple(
            dict(zip(columns, forms.split(), strict=False)) for forms in entry.split("|")
        )
        for concept, entry in section.items()
    }
