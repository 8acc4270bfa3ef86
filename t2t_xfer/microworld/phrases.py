"""Noun phrases: a participant as words with their forms, articles, adjectives and owners.

Rule: one code path for every language; which form, which order and which article are the
lexicon's business. Phrases are few and made once.

    Phrases(load_lexicon("de")).noun_phrase(Thing("dog", "a", "big"), "accusative")
    einen/DET großen/ADJ Hund/NOUN
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise

from t2t_xfer.microworld.lexicon import Lexicon, Token, Tokens, tagged
from t2t_xfer.microworld.world import Thing, load_world

PLURAL = ("num", "all", "some")


class Phrases:
    """The noun phrases of one language."""

    def __init__(self, lexicon: Lexicon) -> None:
        self.lexicon = lexicon
        self.noun_phrase = lru_cache(None)(self._noun_phrase)
        self.place = lru_cache(None)(self._place)
        self.features = lru_cache(None)(self._features)

    def _features(self, thing: Thing) -> tuple[str, ...]:
        """Determiner, number, nature and gender, for whatever agrees with the thing."""
        world, lexicon = load_world(), self.lexicon
        if thing.kind in ("name", "pronoun"):
            gender = "f" if thing.concept in world.women else "m"
            return (thing.kind, "one", "person", lexicon.choose("person_gender") or gender)
        if thing.kind in ("city", "organisation"):
            gender = lexicon.choose("organisation_gender", thing.concept)
            return (thing.kind, "one", "thing", gender)
        root = world.root(thing.concept)
        number = "many" if thing.kind in PLURAL else "one"
        gender = lexicon.forms("nouns", thing.concept).get("gender", "")
        return (thing.kind, number, root if root in world.animate else "thing", gender)

    def _noun_phrase(
        self, thing: Thing, case: str, context: tuple[str, ...] = (), synonyms: bool = False
    ) -> Tokens:
        """The words for a participant in a case.

        Args:
            context: features of the clause, `negative` and `have` among them.
        """
        if thing.kind == "pronoun":
            return self.lexicon.function_word("pronoun", *self.features(thing))
        if thing.kind == "name":
            return self._name(thing, case)
        if thing.kind == "city":
            return _entity(self._city(thing.concept, case), "LOC")
        if thing.kind == "organisation":
            pattern = self.lexicon.phrase("organisations", thing.concept, case, "nominative")
            before, after = (tagged(words, "head") for words in pattern.split("%"))
            return _entity((*before, *self._city(thing.other, "nominative", "head"), *after), "ORG")
        return self._common(thing, case, context, synonyms)

    def _name(self, thing: Thing, case: str) -> Tokens:
        first = self.lexicon.forms("names", thing.concept)
        form = "one" if thing.other else case
        words = [
            Token(first.get(form, first["one"]), "PROPN", "first", f"names:{thing.concept}"),
        ]
        if thing.other:
            last = self.lexicon.forms("surnames", thing.other)
            surname = last.get(case, last["one"])
            words += self.lexicon.function_word("dot")
            words.append(Token(surname, "PROPN", "name", f"surnames:{thing.other}"))
        return _entity(tuple(words), "PER")

    def _city(self, city: str, case: str, role: str = "first") -> Tokens:
        words = self.lexicon.phrase("cities", city, case).split()
        concept = f"cities:{city}" if len(words) == 1 else ""
        return tuple(Token(word, "PROPN", role, concept) for word in words)

    def _common(self, thing: Thing, case: str, context: tuple[str, ...], synonyms: bool) -> Tokens:
        lexicon = self.lexicon
        kind = "not-a" if thing.kind == "a" and "negative" in context else thing.kind
        _, number, nature, gender = self.features(thing)
        features = (kind, case, number, gender, nature, *context)
        noun = lexicon.forms("nouns", thing.concept)
        form = noun.get(lexicon.choose("noun_form", *features) or "one", noun["one"])
        parts: dict[str, Tokens] = {kind: lexicon.function_word(kind, *features)}
        if kind == "num":
            numeral = load_world().numerals[thing.number]
            forms = lexicon.forms("numerals", numeral)
            word = forms[lexicon.choose("numeral_form", *features) or "word"]
            parts[kind] = (Token(word, "NUM", "num", f"numerals:{numeral}"),)
        if kind in lexicon.choose("classified").split():
            parts["classifier"] = (Token(noun["classifier"], "NOUN", "classifier"),)
        if kind == "of":
            parts["owner"] = self._name(Thing(thing.other, "name"), lexicon.choose("owner_case"))
        if thing.adjective:
            parts |= self.adjective(thing.adjective, thing.very, features, synonyms)
        prefix = lexicon.choose("noun_prefix", *features)
        parts["noun"] = (Token(prefix + form, "NOUN", "noun", f"nouns:{thing.concept}"),)
        order = lexicon.choose("noun_phrase").replace(" a ", " a not-a ", 1).split()
        slots = dict.fromkeys(order)
        tokens = tuple(token for slot in slots for token in parts.get(slot, ()))
        return _before_vowels(lexicon, tokens)

    def adjective(
        self, adjective: str, very: bool, features: tuple[str, ...], synonyms: bool = False
    ) -> dict[str, Tokens]:
        """The adjective with its degree and linker, by slot."""
        lexicon = self.lexicon
        forms = lexicon.forms("adjectives", adjective, synonyms)
        stem = forms.get(lexicon.choose("adjective_form", *features), next(iter(forms.values())))
        prefix, ending = (
            lexicon.choose(f"adjective_{part}", *features) for part in ("prefix", "ending")
        )
        word = Token(prefix + stem + ending, "ADJ", "adjective", f"adjectives:{adjective}")
        linked = very or forms.get("link", "-") != "-"
        return {
            "degree": lexicon.function_word("degree") if very else (),
            "adjective": (word,),
            "linker": lexicon.function_word("linker") if linked else (),
        }

    def predicate(
        self, adjective: str, context: tuple[str, ...], features: tuple[str, ...]
    ) -> Tokens:
        """The adjective after `is`."""
        forms = self.lexicon.forms("adjectives", adjective)
        features = ("predicate", *context, *features, forms.get("predicate", ""))
        parts = self.adjective(adjective, False, features)
        parts |= {slot: self.lexicon.function_word(slot, *features) for slot in ("before", "after")}
        order = self.lexicon.choose("predicate").split()
        return tuple(token for slot in order for token in parts[slot])

    def _place(self, place: str) -> Tokens:
        """`garden`, `city:berlin` or `bank:berlin`, with its adposition or case."""
        head, _, city = place.partition(":")
        if not city:
            return tagged(self.lexicon.phrase("places", place), "place")
        thing = Thing(city, "city") if head == "city" else Thing(head, "organisation", other=city)
        case = self.lexicon.choose("place_case") or "nominative"
        before, after = self.lexicon.phrase("places_in", head).split("%")
        phrase = self.noun_phrase(thing, case)
        return (*tagged(before, "place"), *phrase, *tagged(after, "place"))


def _entity(tokens: Tokens, kind: str) -> Tokens:
    """Marked as one named entity, its last word as the name; an article is no part of it."""
    start, last = int(tokens[0].tag == "DET"), len(tokens) - 1
    return tuple(
        token._replace(
            role="the" if i < start else "name" if i == last else token.role,
            entity="O" if i < start else f"B-{kind}" if i == start else f"I-{kind}",
        )
        for i, token in enumerate(tokens)
    )


def _before_vowels(lexicon: Lexicon, tokens: Tokens) -> Tokens:
    """`a owl` -> `an owl`: by letter, which is right for every word of the lexicon."""
    if "before_vowel" not in lexicon.grammar:
        return tokens
    result = list(tokens)
    for i, (token, following) in enumerate(pairwise(tokens)):
        if following.word[0] in "aeiou":
            word = lexicon.choose("before_vowel", token.word) or token.word
            result[i] = token._replace(word=word)
    return tuple(result)
