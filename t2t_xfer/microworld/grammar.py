"""An event as a sentence: phrases in order with their parts of speech, and as running text.

Rule: one code path for every language. Order, case, agreement, articles, classifiers and
auxiliaries come from the lexicon's parameters.

    speaker("de").say(Event("see", Thing("anna", "name"), Thing("dog", "a", "big")))
    Anna/PROPN hat/AUX einen/DET großen/ADJ Hund/NOUN gesehen/VERB ./PUNCT
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Literal, NamedTuple, TypeAlias

from t2t_xfer.microworld.lexicon import Token, Tokens, load_lexicon, tagged
from t2t_xfer.microworld.phrases import Phrases
from t2t_xfer.microworld.world import PLAIN, Event, Surface, load_world

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
