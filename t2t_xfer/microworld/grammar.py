"""An event as a sentence: phrases in order with their parts of speech, and as running text.

Rule: one code path for every language. Order, case, agreement, articles, classifiers and
auxiliaries come from the lexicon's parameters.

    speaker("de").say(Event("see", Thing("anna", "name"), Thing("dog", "a", "big")))
    Anna/PROPN hat/AUX einen/DET großen/ADJ Hund/NOUN gesehen/VERB ./PUNCT
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Literal, NamedTuple, TypeAlias

from t2t_xfer.microworld.lexicon import Token, Tokens, load_lexicon
from t2t_xfer.microworld.phrases import load_phrases
from t2t_xfer.microworld.world import PLAIN, Event, Surface, Thing, load_world

Ask: TypeAlias = Literal["", "who", "what", "where"]


class Segment(NamedTuple):
    """One constituent in its place."""

    slot: str
    tokens: Tokens


Sentence: TypeAlias = list[Segment]


class Speaker:
    """Says events in one language."""

    def __init__(self, language: str) -> None:
        self.lexicon = load_lexicon(language)
        self.phrases = load_phrases(language)
        self.spaces = self.lexicon.spaces
        self._fixes = self._replacements()
        self._verb = lru_cache(None)(self._make_verb)
        self._word = lru_cache(None)(self.lexicon.function_word)
        self._order = cache(self.lexicon.order)
        self._choose = lru_cache(None)(self.lexicon.choose)
        self._predicate = lru_cache(None)(self.phrases.predicate)
        self._time = cache(lambda time: _phrase(self.lexicon.phrase("times", time)))
        self._known = "given" in self._order("do")

    def say(self, event: Event, surface: Surface = PLAIN, ask: Ask = "") -> Sentence:
        """The sentence, the first letter capital, with the final stop.

        Args:
            ask: make it a question for the agent, the patient or the place.
        """
        sentence = self._clause(event, surface, ask, ask or self._construction(event))
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

    def _construction(self, event: Event) -> str:
        return event.verb if event.verb in ("be", "have") else "do"

    def _clause(self, event: Event, surface: Surface, ask: Ask, order: str) -> Sentence:
        voice = event.verb if event.verb in ("be", "have") else "passive" if surface.passive else ""
        voice = voice or ("asked" if ask in ("what", "where") else "active")
        denied = event.negative or (event.agent.kind == "no" and bool(self._choose("no_denies")))
        polarity = "negative" if denied else "positive"
        context = (voice, polarity)
        subject = event.patient if surface.passive else event.agent
        assert subject is not None, "a passive has a patient"
        features = self.phrases.features(subject)
        parts = self._participants(event, surface, ask, context, subject)
        parts |= self._verb_group(event, surface, ask, context, features)
        parts["place"] = self.phrases.place(event.place) if event.place else ()
        time = self._time(event.time) if event.time else ()
        parts["front" if surface.front else "time"] = time
        parts["first"] = time if surface.front else parts["subject"]
        parts["topic"] = parts["subject"] if surface.front else ()
        parts["distributive"] = self._word("distributive", *features)
        if event.linked is None or order in ("because", "but"):
            parts["because"], parts["but"] = self._word("because"), self._word("but")
            parts["comma"] = self._word("comma")
        named = {
            "first": "time" if surface.front else "subject",
            "front": "time",
            "topic": "subject",
            "given": "object",
            "new": "object",
        }
        return [
            Segment(named.get(slot, slot), tokens)
            for slot in self._order(order)
            if (tokens := parts.get(slot))
        ]

    def _participants(
        self, event: Event, surface: Surface, ask: Ask, context: tuple[str, ...], subject: Thing
    ) -> dict[str, Tokens]:
        phrase, synonyms = self.phrases.noun_phrase, surface.synonyms
        verb = self.lexicon.words["verbs"].get(event.verb, ({},))[0]
        affected = verb.get("object", "")
        parts: dict[str, Tokens] = {}
        if ask:
            parts["subject" if ask == "who" else "ask"] = self._word(ask, affected)
            if ask == "who":
                parts["ask"] = self._word(ask)
        if ask != "who":
            case = (
                self._choose("owner_case") if "owned" in self._order(context[0]) else "nominative"
            )
            slot = "owned" if case != "nominative" and context[0] == "have" else "subject"
            case = case if slot == "owned" else "nominative"
            parts[slot] = phrase(subject, case, context, synonyms)
            parts.setdefault("subject", parts[slot])
        if surface.passive:
            agent = phrase(event.agent, self._choose("by_case") or "nominative", (), synonyms)
            by = {"by": self._word("by"), "agent": agent}
            parts["by"] = sum((by[slot] for slot in self._choose("agent_phrase").split()), ())
        elif event.patient is not None and ask != "what":
            patient = event.patient
            case = self._choose("object_case", context[0], patient.kind, affected)
            tokens = phrase(patient, case or "nominative", context, synonyms)
            new = patient.kind in ("a", "num")
            parts[
                "object" if not self._known or context[0] == "have" else "new" if new else "given"
            ] = tokens
        return parts

    def _verb_group(
        self,
        event: Event,
        surface: Surface,
        ask: Ask,
        context: tuple[str, ...],
        features: tuple[str, ...],
    ) -> dict[str, Tokens]:
        agreement = self._choose("agreement", *features) if ask != "who" else ""
        if ask == "who":
            gender = self._choose("person_gender") or "m"
            agreement = self._choose("agreement", "one", "person", gender)
            features = ("name", "one", "person", gender)
        words: dict[str, Tokens] = {}
        patient = event.patient
        if event.verb == "be":
            words["predicate"] = self._predicate(event.quality, context, features[1:])
            kind = ""
        elif event.verb == "have":
            words["verb"] = words["have"] = self._word("have", *context)
            kind = ""
        else:
            shown = patient is not None and ask != "what" and not surface.passive
            nature = _object_nature(self.phrases.features(patient)) if shown and patient else ""
            verb, kind, gender = self._verb(
                event.verb, surface.synonyms, context, features, agreement, nature
            )
            words["verb"] = verb
            agreement = gender or agreement
        words["aux"] = self._word("aux", *context, kind, agreement, *features)
        words["aspect"] = self._word("aspect", *features, *context)
        silent = patient is not None and patient.kind == "a" and not surface.passive
        if context[1] == "negative" and not (silent and self._choose("negative_replaces_not")):
            words["not"] = self._word("not", *context, agreement, *features)
        return words

    def _make_verb(
        self,
        verb: str,
        synonyms: bool,
        context: tuple[str, ...],
        features: tuple[str, ...],
        agreement: str,
        nature: str,
    ) -> tuple[Tokens, str, str]:
        """The verb's words, its kind of auxiliary and the gender that the auxiliary takes on."""
        section = "acts" if verb in load_world().acts else "verbs"
        forms = self.lexicon.forms(section, verb, synonyms)
        table = self.lexicon.choose("verb_form", *context, nature, agreement, *features)
        form = forms.get(table, next(iter(forms.values())))
        prefix = self.lexicon.choose("verb_prefix", *features[:1], *context, agreement)
        *before, last = (prefix + form).split("_")
        tokens = (
            *(Token(word, "NOUN", "verb") for word in before),
            Token(last, "VERB", "verb", f"{section}:{verb}"),
        )
        gender = forms.get("noun_gender", "") if context[0] == "passive" else ""
        return tokens, forms.get("auxiliary", ""), gender

    def _capital(self, word: str) -> str:
        special = self.lexicon.choose("capitals", word[0])
        return (special or word[0].upper()) + word[1:]

    def _replacements(self) -> list[tuple[str, str]]:
        fixes = [(f" {mark}", mark) for mark in (".", "?", ",", "؟", "،", "'s ")]
        contractions = self.lexicon.grammar.get("contract", {})
        assert not isinstance(contractions, str), "grammar.contract is a mapping"
        for long, short in contractions.items():
            fixes.append((f"{long} ", f"{short} "))
            fixes.append((f"{self._capital(long)} ", f"{self._capital(str(short))} "))
        return fixes


def _object_nature(features: tuple[str, ...]) -> str:
    """What a verb that agrees with its object must know of it."""
    _, number, nature, _ = features
    if nature == "thing":
        return "object-thing"
    return "object-animate" if number == "one" else "object-animates"


def _phrase(phrase: str) -> Tokens:
    from t2t_xfer.microworld.lexicon import tagged

    return tagged(phrase, "time")


@cache
def speaker(language: str) -> Speaker:
    """The speaker of a language, shared by all who ask."""
    return Speaker(language)
