"""An event as a sentence: words in order with their parts of speech, and as running text.

Rule: one code path for every language. Order, case, agreement, articles, classifiers and
auxiliaries come from the lexicon's parameters.

    Event(anna, see, (a big dog,), time=yesterday), German:
    Anna/PROPN hat/AUX gestern/ADV einen/DET großen/ADJ Hund/NOUN gesehen/VERB ./PUNCT
"""

from __future__ import annotations

from itertools import pairwise

from t2t_xfer.microworld.lexicon import Lexicon, Token
from t2t_xfer.microworld.world import Event, Surface, Thing, load_world

Tokens = tuple[Token, ...]


def sentence(lexicon: Lexicon, event: Event, surface: Surface | None = None) -> Tokens:
    """The words of the sentence, the first one capitalised, with the final stop."""
    surface = surface or Surface()
    parts = _constituents(lexicon, event, surface)
    parts["first"] = parts.pop("time") if surface.time_first and event.time else parts.pop("topic")
    words = [
        token for slot in lexicon.choose("clause").split() for token in parts.pop(slot, ())
    ] + list(lexicon.function_word("stop"))
    assert not any(parts.values()), f"{lexicon.language}: no place in the clause for {parts}"
    return _capitalised(lexicon, _before_vowels(lexicon, words))


def text(lexicon: Lexicon, tokens: Tokens) -> str:
    """Running text: contractions made, no space before the final stop (or none at all)."""
    words = [word for word, _ in tokens]
    if not lexicon.spaces:
        return "".join(words)
    plain = " ".join(words[:-1])
    contractions = lexicon.grammar.get("contract", {})
    assert not isinstance(contractions, str), "grammar.contract is a mapping"
    for long, short in contractions.items():
        for pattern, replacement in ((long, str(short)), (_upper(long), _upper(str(short)))):
            plain = f" {plain} ".replace(f" {pattern} ", f" {replacement} ").strip()
    return plain + words[-1]


def _constituents(lexicon: Lexicon, event: Event, surface: Surface) -> dict[str, Tokens]:
    voice = "passive" if surface.passive else "active"
    polarity = "negative" if event.negative else "positive"
    kind = _determiner(event, event.patients[0])
    verb = lexicon.forms("verbs", event.verb, surface.synonyms)
    parts: dict[str, Tokens] = {
        "aux": lexicon.function_word("aux", voice, polarity),
        "not": lexicon.function_word("not") if event.negative else (),
        "verb": ((verb[lexicon.choose("verb_form", voice, polarity)], "VERB"),),
        "aspect": lexicon.function_word("aspect", polarity),
        "place": lexicon.phrases["places"][event.place] if event.place else (),
        "time": lexicon.phrases["times"][event.time] if event.time else (),
    }
    if kind == "negative" and lexicon.grammar.get("negative_replaces_not"):
        parts["not"] = ()
    if surface.passive:
        parts["topic"] = noun_phrase(lexicon, event, event.patients[0], "nominative", surface)
        agent = noun_phrase(lexicon, event, event.agent, lexicon.choose("by_case"), surface)
        by = {"by": lexicon.function_word("by"), "agent": agent}
        parts["by"] = tuple(t for slot in lexicon.choose("agent_phrase").split() for t in by[slot])
    else:
        parts["topic"] = noun_phrase(lexicon, event, event.agent, "nominative", surface)
        parts[_object_slot(lexicon, kind)] = _object(lexicon, event, surface)
    return parts


def _object_slot(lexicon: Lexicon, kind: str) -> str:
    """German and its like put what is known before the adverbials, what is new after them."""
    if "object" in lexicon.choose("clause").split():
        return "object"
    return "given_object" if kind in ("name", "definite") else "new_object"


def _object(lexicon: Lexicon, event: Event, surface: Surface) -> Tokens:
    verb = lexicon.forms("verbs", event.verb, surface.synonyms)
    words: list[Token] = []
    for i, thing in enumerate(event.patients):
        features = (_determiner(event, thing), verb.get("object", ""))
        case = lexicon.choose("object_case", *features) or "nominative"
        words += lexicon.function_word("and") if i else ()
        words += noun_phrase(lexicon, event, thing, case, surface)
    return tuple(words)


def _determiner(event: Event, thing: Thing) -> str:
    """name, definite, numeral, negative (an indefinite under negation) or indefinite."""
    if thing.kind == "indefinite":
        return "numeral" if thing.count > 1 else "negative" if event.negative else "indefinite"
    return thing.kind


def noun_phrase(
    lexicon: Lexicon, event: Event, thing: Thing, case: str, surface: Surface
) -> Tokens:
    """The words for a participant in a case (empty: the language has none)."""
    kind = _determiner(event, thing)
    if kind == "name":
        name = lexicon.forms("names", thing.concept)
        return ((name.get(case, name["one"]), "PROPN"),)
    noun = lexicon.forms("nouns", thing.concept)
    features = (kind, case, noun.get("gender", ""))
    form = "many" if kind == "numeral" and "many" in noun else case
    parts: dict[str, Tokens] = {kind: lexicon.function_word(kind, *features)}
    if kind == "numeral":
        numeral = load_world().numerals[thing.count]
        parts[kind] = ((lexicon.forms("numerals", numeral)["word"], "NUM"),)
    if "classifier" in noun and parts[kind]:
        parts["classifier"] = ((noun["classifier"], "NOUN"),)
    if thing.adjective:
        parts |= _adjective(lexicon, thing, features, surface)
    parts["noun"] = ((noun.get(form, noun["one"]), "NOUN"),)
    order = lexicon.choose("noun_phrase").split()
    return tuple(token for slot in order for token in parts.get(slot, ()))


def _adjective(
    lexicon: Lexicon, thing: Thing, features: tuple[str, ...], surface: Surface
) -> dict[str, Tokens]:
    assert thing.adjective is not None, "called for things with an adjective"
    forms = lexicon.forms("adjectives", thing.adjective, surface.synonyms)
    ending = lexicon.choose("adjective_ending", *features)
    linked = thing.very or "link" in forms
    return {
        "degree": lexicon.function_word("degree") if thing.very else (),
        "adjective": ((forms["stem"] + ending, "ADJ"),),
        "linker": lexicon.function_word("linker") if linked else (),
    }


def _before_vowels(lexicon: Lexicon, words: list[Token]) -> list[Token]:
    """`a owl` -> `an owl`: by letter, which is right for every word of the lexicon."""
    result = list(words)
    for i, ((word, tag), (following, _)) in enumerate(pairwise(words)):
        if following[0] in "aeiou":
            result[i] = (lexicon.choose("before_vowel", word) or word, tag)
    return result


def _capitalised(lexicon: Lexicon, words: list[Token]) -> Tokens:
    (first, tag), *rest = words
    special = lexicon.choose("capitals", first[0])
    return ((special + first[1:] if special else _upper(first), tag), *rest)


def _upper(word: str) -> str:
    return word[0].upper() + word[1:]
