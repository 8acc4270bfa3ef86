"""Words and typological parameters of one language, read from `lexicon/<language>.yaml`, and how
far two languages are apart by these parameters.

Rule: whatever a linguist may want to correct stands in the YAML file, nothing of it in code.
The layout of the files is explained in `lexicon/en.yaml`. A new language is a new file there.

    load_lexicon("tr").forms("nouns", "dog")  ->  {"one": "köpek", "accusative": "köpeği", …}
    distance("tr")                            # the share of FEATURES that differ from English
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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


Feature: TypeAlias = Callable[[Lexicon], str | bool]

SUBJECTS = ("first", "front", "subject", "topic")
OBJECTS = ("object", "given", "new")


def _order(lexicon: Lexicon, clause: str, earlier: tuple[str, ...], later: str) -> bool:
    """Whether the last of some slots stands before another in a clause."""
    slots = lexicon.order(clause)
    return max(slots.index(slot) for slot in earlier if slot in slots) < slots.index(later)


def _before_noun(lexicon: Lexicon, slot: str) -> bool:
    order = lexicon.choose("noun_phrase").split()
    return order.index(slot) < order.index("noun")


def _has(lexicon: Lexicon, *parameters: str) -> bool:
    return any(parameter in lexicon.grammar for parameter in parameters)


def _definite(lexicon: Lexicon) -> str:
    if "the" in lexicon.function_words:
        return "word"
    return "prefix" if lexicon.choose("noun_prefix", "the") else "none"


def _asks_in_place(lexicon: Lexicon) -> bool:
    return lexicon.order("where")[0] != "ask"


FEATURES: Mapping[str, Feature] = {
    "verb before object": lambda x: not _order(x, "do", OBJECTS, "verb"),
    "subject before verb": lambda x: _order(x, "do", SUBJECTS, "verb"),
    "place before verb": lambda x: _order(x, "do", ("place",), "verb"),
    "by before agent": lambda x: x.choose("agent_phrase").startswith("by"),
    "owner before noun": lambda x: _before_noun(x, "owner"),
    "adjective before noun": lambda x: _before_noun(x, "adjective"),
    "question word in place": _asks_in_place,
    "definite article": _definite,
    "indefinite article": lambda x: "a" in x.function_words,
    "case of objects": lambda x: _has(x, "object_case"),
    "plural after numerals": lambda x: x.choose("noun_form", "num") == "many",
    "classifiers": lambda x: _has(x, "classified"),
    "adjectives agree": lambda x: _has(x, "adjective_form", "adjective_ending"),
    "verbs agree": lambda x: _has(x, "agreement"),
    "denied by a word": lambda x: "not" in x.order("do"),
    "passive with an auxiliary": lambda x: bool(x.function_word("aux", "passive", "positive", "m")),
    "a word for is": lambda x: bool(x.function_word("aux", "be", "positive")),
    "spaces between words": lambda x: x.spaces,
}
"""Name of a feature -> what a language has."""


@cache
def features(language: str) -> Mapping[str, str | bool]:
    """What a language of the world has in each of `FEATURES`."""
    lexicon = load_lexicon(language)
    return {name: feature(lexicon) for name, feature in FEATURES.items()}


def distance(language: str, other: str = "en") -> float:
    """Share of `FEATURES` in which two languages of the world differ, 0 to 1."""
    one, two = features(language), features(other)
    return sum(one[name] != two[name] for name in FEATURES) / len(FEATURES)
