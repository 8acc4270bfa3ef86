"""How far a language of the world is from English, by what its lexicon says of its grammar.

The rule: words do not count, only what the typological parameters of `lexicon/<language>.yaml`
say. The features are of the kind that the World Atlas of Language Structures (wals.info) compares
languages by, as far as the world has them; all weigh the same. Families, scripts and the share of
words that look alike are no part of it.

    distance("de"), distance("tr")      # the share of FEATURES in which they differ from English
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import TypeAlias

from t2t_xfer.microworld.lexicon import Lexicon, load_lexicon

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
