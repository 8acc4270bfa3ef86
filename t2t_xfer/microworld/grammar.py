"""An event as a sentence: phrases in order with their parts of speech, as running text, with tags.

Rule: one code path for every language. Form, order, case, agreement, articles, classifiers and
auxiliaries come from the lexicon's parameters. A supertag follows from the constituent that a word
stands in; a CCG parser that knows nothing else can put every sentence together again (it does so
in the tests).

    speaker("de").say(Event("see", Thing("anna", "name"), Thing("dog", "a", "big")))
    Anna/PROPN hat/AUX einen/DET großen/ADJ Hund/NOUN gesehen/VERB ./PUNCT

    Anna    saw               a      dog   in                    the    garden  .
    N       (S[dcl]\\NP)/NP    NP/N   N     ((S\\NP)\\(S\\NP))/NP   NP/N   N       .
"""

from __future__ import annotations

from functools import cache, lru_cache
from itertools import pairwise
from typing import Literal, NamedTuple, TypeAlias

from t2t_xfer.microworld.lexicon import Lexicon, Token, Tokens, load_lexicon, tagged
from t2t_xfer.microworld.world import PLAIN, Event, Surface, Thing, load_world

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


Ask: TypeAlias = Literal["", "who", "what", "where"]
STATES = ("be", "have")
"""Verbs with an order of words of their own."""
SLOT_NAMES = {"front": "time", "topic": "subject", "given": "object", "new": "object"}
"""What stands in a slot, where the slot says no more than its place."""


class Segment(NamedTuple):
    """One constituent in its place."""

    slot: str
    tokens: Tokens


Sentence: TypeAlias = list[Segment]


class Speaker:
    """Says events in one language."""

    def __init__(self, language: str) -> None:
        self.lexicon = load_lexicon(language)
        self.phrases = Phrases(self.lexicon)
        self.spaces = self.lexicon.spaces
        self._fixes = self._replacements()
        self._verb = lru_cache(None)(self._make_verb)
        self._word = lru_cache(None)(self.lexicon.function_word)
        self._order = cache(self.lexicon.order)
        self._choose = lru_cache(None)(self.lexicon.choose)
        self._predicate = lru_cache(None)(self.phrases.predicate)
        self._time = cache(lambda time: tagged(self.lexicon.phrase("times", time), "time"))

    def say(self, event: Event, surface: Surface = PLAIN, ask: Ask = "") -> Sentence:
        """The sentence, the first letter capital, with the final stop.

        Args:
            ask: make it a question for the agent, the patient or the place.
        """
        sentence = self._clause(
            event, surface, ask, ask or (event.verb if event.verb in STATES else "do")
        )
        if event.linked is not None:
            sentence += self._clause(event.linked, PLAIN, "", event.link)
        sentence.append(Segment("stop", self._word("question" if ask else "stop")))
        slot, tokens = sentence[0]
        first = tokens[0]
        sentence[0] = Segment(slot, (first._replace(word=self._capital(first.word)), *tokens[1:]))
        return sentence

    def text(self, sentence: Sentence) -> str:
        """Running text: contractions made, no space before the stop (or none at all)."""
        words = [token.word for segment in sentence for token in segment.tokens]
        if not self.spaces:
            return "".join(words)
        line = " ".join(words)
        for long, short in self._fixes:
            line = line.replace(long, short)
        return line

    def place_of(self, sentence: Sentence, slots: tuple[str, ...]) -> tuple[str, int]:
        """The text of the first segment in one of the slots, and where it starts."""
        at = next(i for i, segment in enumerate(sentence) if segment.slot in slots)
        before = self.text(sentence[:at])
        start = len(before) + (1 if before and self.spaces else 0)
        return self.text([sentence[at]]), start

    def sentence(self, event: Event, surface: Surface = PLAIN, ask: Ask = "") -> str:
        """The event as running text."""
        return self.text(self.say(event, surface, ask))

    def remark(self, name: str, *features: str) -> Sentence:
        """A function word as a sentence of its own."""
        first, *rest = self._word(name, *features)
        start = first._replace(word=self._capital(first.word))
        return [Segment(name, (start, *rest)), Segment("stop", self._word("stop"))]

    def _clause(self, event: Event, surface: Surface, ask: Ask, order: str) -> Sentence:
        voice = "asked" if ask in ("what", "where") else "active"
        voice = event.verb if event.verb in STATES else "passive" if surface.passive else voice
        denied = event.negative or (event.agent.kind == "no" and bool(self._choose("no_denies")))
        context = (voice, "negative" if denied else "positive")
        time = self._time(event.time) if event.time else ()
        parts = {
            **self._participants(event, surface, ask, context),
            **self._verb_group(event, surface, ask, context),
            "place": self.phrases.place(event.place) if event.place else (),
            "front" if surface.front else "time": time,
            **{slot: self._word(slot) for slot in ("because", "but", "comma")},
        }
        parts["first"] = time if surface.front else parts["subject"]
        parts["topic"] = parts["subject"] if surface.front else ()
        names = {**SLOT_NAMES, "first": "time" if surface.front else "subject"}
        return [
            Segment(names.get(slot, slot), tokens)
            for slot in self._order(order)
            if (tokens := parts.get(slot))
        ]

    def _participants(
        self, event: Event, surface: Surface, ask: Ask, context: tuple[str, str]
    ) -> dict[str, Tokens]:
        """Subject, object, agent of a passive and question word, under every slot they may take."""
        phrase, synonyms = self.phrases.noun_phrase, surface.synonyms
        voice, patient = context[0], event.patient
        subject = patient if surface.passive else event.agent
        assert subject is not None, "a passive has a patient"
        verb = self.lexicon.words["verbs"].get(event.verb, ({},))[0]
        affected = verb.get("object", "")
        parts: dict[str, Tokens] = {}
        if ask == "who":
            parts["subject"] = parts["ask"] = self._word(ask)
        else:
            owned = voice == "have" and "owned" in self._order("have")
            case = self._choose("owner_case") if owned else "nominative"
            parts["subject"] = parts["owned"] = phrase(subject, case, context, synonyms)
            parts["ask"] = self._word(ask, affected) if ask else ()
        if surface.passive:
            agent = phrase(event.agent, self._choose("by_case") or "nominative", (), synonyms)
            slots = {"by": self._word("by"), "agent": agent}
            order = self._choose("agent_phrase").split()
            parts["by"] = tuple(token for slot in order for token in slots[slot])
        elif patient is not None and ask != "what":
            case = self._choose("object_case", voice, patient.kind, affected) or "nominative"
            tokens = phrase(patient, case, context, synonyms)
            parts["object"] = parts["new" if patient.kind in ("a", "num") else "given"] = tokens
        return parts

    def _verb_group(
        self, event: Event, surface: Surface, ask: Ask, context: tuple[str, str]
    ) -> dict[str, Tokens]:
        """The verb and whatever agrees with it or with its subject."""
        patient, passive = event.patient, surface.passive
        subject = patient if passive and patient else event.agent
        features = self.phrases.features(subject)
        if ask == "who":
            features = ("name", "one", "person", self._choose("person_gender") or "m")
        section = "acts" if event.verb in load_world().acts else "verbs"
        is_state = event.verb in STATES
        forms = {} if is_state else self.lexicon.forms(section, event.verb, surface.synonyms)
        shown = patient is not None and ask != "what" and not (passive or is_state)
        nature = _object_nature(self.phrases.features(patient)) if shown and patient else ""
        agreement = forms.get("noun_gender", "") if passive else ""
        agreement = agreement or self._choose("agreement", *features)
        marks = (*context, nature, forms.get("auxiliary", ""), agreement, *features)
        words = {slot: self._word(slot, *marks) for slot in ("have", "aux", "aspect", "not")}
        words["verb"] = (
            words["have"] if is_state else self._verb(section, event.verb, surface.synonyms, marks)
        )
        words["distributive"] = self._word("distributive", *features)
        if event.verb == "be":
            words["predicate"] = self._predicate(event.quality, context, features[1:])
        silent = patient is not None and patient.kind == "a" and not passive
        if context[1] == "positive" or (silent and self._choose("negative_replaces_not")):
            del words["not"]
        return words

    def _make_verb(self, section: str, verb: str, synonyms: bool, marks: tuple[str, ...]) -> Tokens:
        forms = self.lexicon.forms(section, verb, synonyms)
        form = forms.get(self._choose("verb_form", *marks), next(iter(forms.values())))
        *before, last = (self._choose("verb_prefix", *marks) + form).split("_")
        return (
            *(Token(word, "NOUN", "verb") for word in before),
            Token(last, "VERB", "verb", f"{section}:{verb}"),
        )

    def _capital(self, word: str) -> str:
        special = self.lexicon.choose("capitals", word[0])
        return (special or word[0].upper()) + word[1:]

    def _replacements(self) -> list[tuple[str, str]]:
        fixes = [(f" {mark}", mark) for mark in (".", "?", ",", "؟", "،", "'s ")]
        for long, short in self.lexicon.contractions.items():
            fixes.append((f"{long} ", f"{short} "))
            fixes.append((f"{self._capital(long)} ", f"{self._capital(short)} "))
        return fixes


def _object_nature(features: tuple[str, ...]) -> str:
    """What a verb that agrees with its object must know of it."""
    _, number, nature, _ = features
    if nature == "thing":
        return "object-thing"
    return "object-animate" if number == "one" else "object-animates"


@cache
def speaker(language: str) -> Speaker:
    """The speaker of a language, shared by all who ask."""
    return Speaker(language)


# fmt: off
TAGS = (
    "ADJ", "ADP", "ADV", "AUX", "CCONJ", "DET", "INTJ", "NOUN", "NUM", "PART", "PRON", "PROPN",
    "PUNCT", "SCONJ", "SYM", "VERB", "X",
)
# fmt: on
"""The order of `pos_tags` in google/xtreme."""

ENTITIES = ("O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC")
"""The order of `ner_tags` in google/xtreme."""

VP = "(S\\NP)\\(S\\NP)"
"""Of adverbials."""


def words(sentence: Sentence) -> Tokens:
    """The tokens without their constituents."""
    return tuple(token for segment in sentence for token in segment.tokens)


def english(section: str, word: str) -> str:
    """A category or tag, or nothing, from `lexicon/en.yaml`."""
    return load_lexicon("en").phrase(section, word)


def penn(token: Token) -> str:
    """The Penn Treebank's tag, in the main."""
    return english("penn", token.word) or english("penn", token.tag)


def supertags(sentence: Sentence) -> tuple[str, ...]:
    """One CCG category a word, for a statement in English."""
    return tuple(tag for i in range(len(sentence)) for tag in _categories(sentence, i))


def _categories(sentence: Sentence, at: int) -> list[str]:
    slot, tokens = sentence[at]
    if slot in ("subject", "object"):
        return _nominal(tokens)
    if slot in ("verb", "have"):
        return [_verb(sentence, at)]
    if slot == "aux":
        return [f"(S[dcl]\\NP)/(S[{english('takes', tokens[0].word)}]\\NP)"]
    if slot in ("by", "place"):
        return [f"({VP})/NP", *_nominal(tokens[1:])]
    if slot == "time":
        return _time(tokens, "S/S" if at == 0 else VP)
    return [english("constituents", slot)] * len(tokens)


def _nominal(tokens: Tokens) -> list[str]:
    following = [token.tag for token in tokens[1:]] + [""]
    return [
        "N/N" if token.tag == after == "PROPN" else english("nominal", token.tag)
        for token, after in zip(tokens, following, strict=True)
    ]


def _verb(sentence: Sentence, at: int) -> str:
    before = sentence[at - 2 if sentence[at - 1].slot == "not" else at - 1]
    form = english("takes", before.tokens[0].word) if before.slot == "aux" else "dcl"
    has_object = at + 1 < len(sentence) and sentence[at + 1].slot == "object"
    return f"(S[{form}]\\NP)/NP" if has_object else f"S[{form}]\\NP"


def _time(tokens: Tokens, category: str) -> list[str]:
    if len(tokens) == 1:
        return [category]
    return [f"({category})/NP" if tokens[0].tag == "ADP" else f"({category})/N", "N"]
