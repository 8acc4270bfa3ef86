"""What a sentence of the microworld says, read from its text alone, in every language.

A second opinion on the translations. It shares no code with the generator: words come from the data
files as raw text, function words, agreement and word order from the few lines for each language
below, and the English side from `microworld_checker`. A sentence that it cannot read is an error.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from .microworld_checker import Clause, Phrase, data, parse


@dataclass(frozen=True)
class Noun:
    """A participant: `det` is `name`, `the`, `a`, `all`, `three`, … or `bare`, which may be either
    article; concepts in `head` and `adjectives`."""

    head: str
    det: str = "bare"
    adjectives: tuple[str, ...] = ()
    owner: str = ""
    cases: str = field(default="", compare=False)
    """That its form may have, where that can be seen."""


@dataclass(frozen=True)
class Reading:
    """Who did what to whom, where and when; nothing of it is a word of the language."""

    verb: str
    agent: Noun | None = None
    patient: Noun | None = None
    place: str = ""
    time: str = ""
    negative: bool = False
    quality: str = ""
    passive: bool = False
    asked: str = ""
    linked: tuple[str, Reading] | None = None


@dataclass(frozen=True)
class Item:
    """One entry of the word lists: `noun dog one`, `place city:berlin`, `det the`."""

    kind: str
    concept: str
    form: str = ""


def same(one: Reading | None, two: Reading | None) -> bool:
    """Whether two readings agree; where a language has no article, either will do."""
    if one is None or two is None:
        return one is two
    plain = [
        replace(each, agent=None, patient=None, linked=None, passive=False) for each in (one, two)
    ]
    links = [each.linked or ("", None) for each in (one, two)]
    return (
        plain[0] == plain[1]
        and same_noun(one.agent, two.agent)
        and same_noun(one.patient, two.patient)
        and links[0][0] == links[1][0]
        and same(links[0][1], links[1][1])
    )


def same_noun(one: Noun | None, two: Noun | None) -> bool:
    if one is None or two is None:
        return one is two
    if "bare" in (one.det, two.det) and {one.det, two.det} <= {"bare", "the", "a"}:
        two = replace(two, det=one.det)
    return one == two


# Word lists

# fmt: off
FUNCTION: dict[str, dict[str, str]] = {
    "de": {"det the": "der die das den dem", "det a": "ein eine einen",
           "det no": "kein keine keinen", "det all": "alle", "det some": "einige",
           "very ": "sehr", "not ": "nicht", "aux ": "hat haben ist sind", "passive ": "wurde",
           "by ": "von", "link because": "weil", "link but": "aber",
           "ask who": "wer", "ask what": "was", "ask where": "wo"},
    "tr": {"det a": "bir", "det no": "hiçbir", "det all": "bütün", "det some": "bazı",
           "very ": "çok", "not ": "değil", "have ": "var", "have not": "yok", "by ": "tarafından",
           "link because": "çünkü", "link but": "ama",
           "ask who": "kim", "ask what": "ne neyi", "ask where": "nerede"},
    "ar": {"det all": "كل", "det some": "بعض", "det no": "أي", "very ": "جدًا",
           "not ": "لم ليس ليست", "passive ": "تم تمت يتم تتم", "have ": "لدى", "by ": "من_قبل",
           "link because": "لأن", "link but": "لكن",
           "ask who": "من", "ask what": "ماذا", "ask where": "أين"},
    "zh": {"det the": "那", "det a": "一", "det all": "所有", "det some": "有些", "of ": "的",
           "very ": "很", "not ": "没有 不", "have ": "有", "by ": "被", "aux ": "了 都 是",
           "link because": "因为", "link but": "但是",
           "ask who": "谁", "ask what": "什么", "ask where": "在哪里"},
    "sw": {"det all": "wote", "det some": "baadhi_ya", "det no": "hakuna", "of ": "wa la cha ya",
           "very ": "sana", "aux ": "ni", "not ": "si", "have ": "ana", "have not": "hana",
           "by ": "na", "link because": "kwa_sababu", "link but": "lakini",
           "ask who": "nani", "ask what": "nini", "ask where": "wapi"},
}
# fmt: on
CONTRACTED = {"de": {"im": "in dem", "am": "an dem", "vom": "von dem"}}
SWAHILI = {
    "": "ali wali uli ili lili yali kili vili zili aliye",
    "negative": "haku hawaku hauku haiku haliku hayaku hakiku haviku haziku",
}
GERMAN = ("", "e", "en", "er", "es")
GERMAN_CASES = {
    **dict.fromkeys(("der m", "ein m", "kein m"), "nominative"),
    **dict.fromkeys(("den m", "einen m", "keinen m"), "accusative"),
    **dict.fromkeys(("dem m", "dem n", "der f"), "dative"),
    **dict.fromkeys(("die f", "eine f", "keine f"), "nominative accusative"),
    **dict.fromkeys(("das n", "ein n", "kein n"), "nominative accusative"),
}
"""Article and gender to cases; what is not here is no German."""
NOT_WORDS = {"gender", "classifier", "auxiliary", "object", "link", "predicate", "noun_gender"}
HEADS_FIRST = ("ar", "sw")


def raw(language: str) -> Any:
    return data(f"lexicon/{language}.yaml")


def listed(language: str, section: str) -> Iterator[tuple[str, str, str]]:
    """Concept, form and word of every entry."""
    names = raw(language)["columns"][section].split()
    for concept, entry in raw(language)[section].items():
        for synonym in str(entry).split("|"):
            for name, word in zip(names, synonym.split(), strict=False):
                if name not in NOT_WORDS:
                    yield concept, name, word


def forms(entry: Any) -> list[tuple[str, str]]:
    """Case and words of an entry with cases, without its tags."""
    cases = entry if isinstance(entry, dict) else {"": entry}
    return [(case, re.sub(r"/\w+", "", text)) for case, text in cases.items()]


def named(language: str) -> Iterator[tuple[str, str, str]]:
    """Cities and organisations: concept, case and words."""
    cities = raw(language)["cities"]
    for city, entry in cities.items():
        yield from ((f"city:{city}", case, text) for case, text in forms(entry))
    for head, entry in raw(language)["organisations"].items():
        for case, text in forms(entry):
            for city, of in cities.items():
                yield f"{head}:{city}", case, text.replace("%", forms(of)[0][1])


@cache
def entries(language: str) -> dict[tuple[str, ...], list[Item]]:
    """Words in a row (in Chinese, characters) to what they may be."""
    found: dict[tuple[str, ...], list[Item]] = {}

    def add(words: str, *item: str) -> None:
        found.setdefault(tuple(split(language, words)), []).append(Item(*item))

    for key, words in FUNCTION[language].items():
        kind, _, concept = key.partition(" ")
        for word in words.split():
            add(word.replace("_", " "), kind, concept, word)
    for section in ("names", "surnames", "nouns", "numerals"):
        for concept, form, word in listed(language, section):
            add(word, section, concept, form)
            if language == "ar" and section == "nouns":
                add(f"ال{word}", section, concept, f"the {form}")
    for concept, _, word in listed(language, "adjectives"):
        for ending in GERMAN if language == "de" else ("",):
            add(word + ending, "adjective", concept)
        if language == "ar":
            add(f"ال{word}", "adjective", concept, "the")
    for section in ("verbs", "acts"):
        for concept, form, word in listed(language, section):
            for sign, prefixes in SWAHILI.items() if language == "sw" else [("", "-")]:
                for prefix in prefixes.split():
                    text = (prefix.strip("-") + word).replace("_", " ")
                    add(text, "verb", concept, f"{form} {sign}")
    for section in ("times", "places"):
        for concept, entry in raw(language)[section].items():
            add(forms(entry)[0][1], section, concept)
    for concept, case, text in named(language):
        if case != "locative":
            add(text, "named", concept, case)
        if case in ("", "dative", "locative"):
            around = raw(language)["places_in"][concept.partition(":")[0]]
            add(forms(around)[0][1].replace("%", text), "places", concept)
    return found


def split(language: str, text: str) -> list[str]:
    if language == "zh":
        return [letter for letter in text if letter not in " ·。？，"]
    words = re.findall(r"[^\s.,?؟،]+", text.replace("İ", "i").lower())
    contracted = CONTRACTED.get(language, {})
    return [part for word in words for part in contracted.get(word, word).split()]


def classifiers(language: str) -> set[str]:
    if language != "zh":
        return set()
    return {entry.split()[1] for entry in raw("zh")["nouns"].values()}


def items(language: str, text: str) -> list[Item]:
    """The entries of a text, the longest first."""
    words, known = split(language, text), entries(language)
    longest = max(len(key) for key in known)
    found: list[Item] = []
    at = 0
    while at < len(words):
        for width in range(longest, 0, -1):
            if candidates := known.get(tuple(words[at : at + width])):
                found.append(chosen(language, candidates, found))
                at += width
                break
        else:
            assert words[at] in classifiers(language), f"{language}: {words[at]} in {text}"
            at += 1
    return found


def chosen(language: str, candidates: list[Item], before: list[Item]) -> Item:
    """One of several: a verbal noun after `تم`, black or lions, a possessed noun or an object."""
    previous = before[-1] if before else Item("", "")
    if language == "ar":
        passive = any(item.kind == "passive" for item in before)
        counted = previous.kind == "numerals" or previous.concept in ("all", "some")
        for item in candidates:
            if item.kind == "verb" and item.form.startswith("noun") == passive:
                return item
            if item.kind == ("nouns" if counted else "adjective"):
                return item
    if language == "zh" and candidates[0].kind == "not":  # 没有狗 is "no dog"
        subject = [item for item in before if item.kind not in ("times", "link")]
        return candidates[0] if subject else Item("det", "no")
    if language == "tr" and candidates[0].kind == "nouns":
        owned = any(item.form == "genitive" for item in before)
        return next((c for c in candidates if (c.form == "possessed") == owned), candidates[0])
    return candidates[0]


# Clauses


def read(language: str, text: str) -> Reading:
    """What a sentence says, or a question asks."""
    if language == "en":
        return read_english(text)
    return clauses(language, items(language, text), text)


def clauses(language: str, found: list[Item], text: str) -> Reading:
    for i, item in enumerate(found):
        if item.kind == "link":
            first = clause(language, found[:i], text)
            return replace(first, linked=(item.concept, clause(language, found[i + 1 :], text)))
    return clause(language, found, text)


def clause(language: str, found: list[Item], text: str) -> Reading:
    def first(kind: str) -> Item | None:
        of = [item for item in found if item.kind == kind]
        assert len(of) < 2 or kind in ("aux", "not"), f"{language}: two of {kind} in {text}"
        return of[0] if of else None

    verb, time, place, asked = (first(kind) for kind in ("verb", "times", "places", "ask"))
    ask = asked.concept if asked else ""
    have = first("have")
    if language == "de" and verb is None and split("de", text)[1:2] == ["hat"]:
        have = Item("have", "")
    nouns, left, by = phrases(language, found)
    denied = first("not") is not None or "negative" in (verb.form if verb else "")
    denied = denied or bool(have and have.concept == "not")
    if language == "zh" and not verb and not left:  # 没有 is "does not have"
        have = have or first("not")
    reading = Reading(
        "have" if have else verb.concept if verb else "be",
        place=place.concept if place else "",
        time=time.concept if time else "",
        passive=by is not None,
        asked=ask,
    )
    if not verb and not have:
        assert len(left) == 1, f"{language}: no verb in {text}"
        assert len(nouns) == 1, f"{language}: what is it about? {text}"
        return replace(reading, agent=nouns[0], negative=denied, quality=left[0])
    assert not left, f"{language}: {left} belong to nothing in {text}"
    is_passive = first("passive") is not None or (verb is not None and "passive" in verb.form)
    assert is_passive == (by is not None) or language == "zh", f"{language}: half passive: {text}"
    agent, patient = roles(language, nouns, by, ask, text)
    if language in ("tr", "ar") and "no" in [each.det for each in (agent, patient) if each]:
        assert denied, f"{language}: no one, but the verb is not denied: {text}"
    if patient and patient.det == "no":
        patient, denied = replace(patient, det="a"), True
    if agent and agent.det == "no":
        denied = False
    return replace(reading, agent=agent, patient=patient, negative=denied)


def roles(
    language: str, nouns: list[Noun], by: Noun | None, ask: str, text: str
) -> tuple[Noun | None, Noun | None]:
    """Agent and patient: by case in Turkish, by order else (German articles must agree)."""
    if len(nouns) == 1 and nouns[0].owner and nouns[0].cases == "possessed" and by is None:
        (owned,) = nouns  # Anna'nın bir kedisi var
        return Noun(owned.owner, "name"), replace(
            owned, owner="", det=owned.det.replace("of", "bare")
        )
    if by is not None:
        (patient,) = nouns
        check_german(language, [("dative", by), ("nominative", patient)], text)
        return by, patient
    if language == "tr":
        marked = [each for each in nouns if each.cases == "accusative"]
        plain = [each for each in nouns if each.cases != "accusative"]
        nouns = plain[:1] * (ask != "who") + marked + plain[(ask != "who") :]
    cases = ["accusative"] if ask == "who" else ["nominative", "accusative"]
    check_german(language, zip(cases, nouns, strict=False), text)
    asked: list[Noun | None] = [None] if ask == "who" else []
    placed = [*asked, *nouns, None, None]
    assert len(nouns) + len(asked) <= 2, f"{language}: too many participants: {text}"
    return placed[0], placed[1]


def check_german(language: str, nouns: Iterable[tuple[str, Noun]], text: str) -> None:
    """Articles agree with the role of their noun."""
    for case, noun in nouns:
        fits = language != "de" or not noun.cases or case in noun.cases
        assert fits, f"de: {noun.head} is no {case}: {text}"


def phrases(language: str, found: list[Item]) -> tuple[list[Noun], list[str], Noun | None]:
    """The participants in order, adjectives that belong to none, and the agent of a passive."""
    grouped: list[list[Item]] = [[]]
    for item in found:
        inside = item.kind in ("det", "numerals", "adjective", "very", "of")
        head = item.kind in ("names", "surnames", "nouns", "named")
        if language in HEADS_FIRST and starts(language, item, grouped[-1]):
            grouped.append([])
        if inside or head:
            grouped[-1].append(item)
        else:
            grouped += [[item], []] if item.kind == "by" else [[]]
        if language not in HEADS_FIRST and ends(item, found[found.index(item) + 1 :]):
            grouped.append([])
    nouns: list[Noun] = []
    left: list[str] = []
    by = None
    groups = [group for group in grouped if group]
    for i, group in enumerate(groups):
        if group[0].kind == "by":
            continue
        noun, loose = noun_of(language, group)
        left += loose
        before, after = groups[i - 1 : i] if i else [], groups[i + 1 : i + 2]
        marks = after if language == "tr" else before
        if noun and marks and marks[0][0].kind == "by":
            by = noun
        elif noun:
            nouns.append(noun)
    return nouns, left, by


def ends(item: Item, following: list[Item]) -> bool:
    """Where the head comes last, it ends the phrase, unless it owns the next noun."""
    if item.form == "genitive" or item.kind not in ("names", "surnames", "nouns", "named"):
        return False
    return not (following and following[0].kind in ("of", "surnames"))


def starts(language: str, item: Item, group: list[Item]) -> bool:
    """Where the head comes first, it or a quantifier before it starts a phrase."""
    heads = [each for each in group if each.kind in ("names", "nouns", "named")]
    if not heads:
        return False
    if item.kind in ("nouns", "named"):
        return True
    if item.kind == "names":  # an owner follows its noun: سكين توماس, kisu cha Thomas
        construct = heads[0].kind == "nouns" and not heads[0].form.startswith(("the", "acc"))
        return group[-1].kind != "of" and not (language == "ar" and construct)
    return language == "ar" and (item.kind == "numerals" or item.kind == "det")


def noun_of(language: str, group: list[Item]) -> tuple[Noun | None, list[str]]:
    """The participant of a phrase, and the adjectives that are no part of it."""
    heads = [each for each in group if each.kind in ("nouns", "named", "names")]
    owner = ""
    if len(heads) == 2:
        names = [each for each in heads if each.kind == "names"]
        assert len(names) == 1, f"{language}: two heads: {group}"
        owner = names[0].concept
        heads.remove(names[0])
    inside: list[str] = []
    loose: list[str] = []
    for before, each in zip([Item("", ""), *group], group, strict=False):
        after = group[group.index(each) + 1 :]
        very = before.kind == "very" or (language in HEADS_FIRST and after[:1] and
                                         after[0].kind == "very")  # fmt: skip
        agrees = language != "ar" or (heads and heads[0].form[:3] == "the") == (each.form == "the")
        if each.kind == "adjective":
            belongs = heads and heads[0].kind == "nouns" and agrees
            if owner and language == "ar":  # an owner closes the phrase: سكين توماس أسود
                belongs = False
            word = f"very {each.concept}" if very and belongs else each.concept
            (inside if belongs else loose).append(word)
    if not heads:
        return None, loose
    head = heads[0]
    if head.kind != "nouns":
        surname = [each.concept for each in group if each.kind == "surnames"]
        cases = group[-1].form if language == "tr" else ""
        return Noun(" ".join([head.concept, *surname]), "name", cases=cases), loose
    dets = [each.concept for each in group if each.kind in ("det", "numerals")]
    assert len(dets) < 2, f"{language}: two determiners: {group}"
    article = "the" if head.form.startswith("the ") else "a" if language == "ar" else "bare"
    det = dets[0] if dets else "of" if owner else article
    if language == "tr" and det == "bare" and head.form == "accusative":
        det = "the"
    cases = head.form if language == "tr" else ""
    if language == "de" and det in ("the", "a", "no"):
        gender = raw("de")["nouns"][head.concept].split()[0]
        word = next(each.form for each in group if each.kind == "det")
        assert f"{word} {gender}" in GERMAN_CASES, f"de: {word} {head.concept}"
        cases = GERMAN_CASES[f"{word} {gender}"]
    return Noun(head.concept, det, tuple(inside), owner, cases), loose


def fragment(language: str, text: str) -> Noun | str:
    """A participant or a place on its own, as answers are."""
    if language == "en":
        found = english_place(text)
        return found if found else english_noun(phrase_of(text))
    got = items(language, text)
    if got[0].kind == "places":
        assert len(got) == 1, text
        return got[0].concept
    nouns, left, _ = phrases(language, got)
    assert len(nouns) == 1, f"{language}: not one thing: {text}"
    assert not left, f"{language}: {left} belong to nothing in {text}"
    return nouns[0]


# English, by way of the checker's own parser


def phrase_of(text: str) -> Phrase:
    """As a subject, because the checker reads sentences."""
    return parse(f"{text[0].upper()}{text[1:]} slept.").agent


@cache
def english_names() -> dict[str, str]:
    found = {text: concept for concept, _, text in named("en")}
    for section in ("names", "surnames"):
        found |= {text: concept for concept, text in raw("en")[section].items()}
    return found


def english_place(text: str) -> str:
    for concept, entry in raw("en")["places"].items():
        if forms(entry)[0][1] == text:
            return str(concept)
    return english_names().get(re.sub("^(in|at) ", "", text), "") if text[:3] in IN_AT else ""


IN_AT = ("in ", "at ")


def english_noun(phrase: Phrase | None) -> Noun | None:
    if phrase is None:
        return None
    if phrase.determiner == "name":
        whole = re.sub("^The ", "the ", phrase.noun)
        if whole in english_names():
            return Noun(english_names()[whole], "name")
        return Noun(" ".join(english_names()[word] for word in whole.split()), "name")
    words = " ".join(phrase.adjectives).split("very ")
    adjectives = (f"very {words[1]}",) if len(words) == 2 else phrase.adjectives
    if phrase.determiner.startswith("of "):
        owner = english_names()[phrase.determiner.removeprefix("of ")]
        return Noun(phrase.noun, "of", adjectives, owner)
    return Noun(phrase.noun, phrase.determiner, adjectives)


def english_reading(clause: Clause, text: str) -> Reading:
    times = {forms(entry)[0][1]: time for time, entry in raw("en")["times"].items()}
    return Reading(
        clause.verb,
        english_noun(clause.agent),
        english_noun(clause.patient),
        english_place(clause.place) if clause.place else "",
        times[clause.time] if clause.time else "",
        clause.negative,
        clause.quality,
        " was " in text and " by " in text,
    )


def read_english(text: str) -> Reading:
    if match := re.fullmatch(r"(.+?),? (because|but) (.+)", text):
        one, two = (read_english(match[i].rstrip(".") + ".") for i in (1, 3))
        return replace(one, linked=(match[2], two))
    if text.startswith("Who "):
        asked = english_reading(parse(text.replace("Who", "Anna", 1)), text)
        return replace(asked, agent=None, asked="who")
    if match := re.fullmatch(r"(What|Where) did (.+)\?", text):
        words = match[2].split()
        for i in range(1, len(words)):
            if match[1] == "What":
                words[i + 1 : i + 1] = ["a", "dog"]
            try:
                clause = parse(" ".join([*words[:i], "did not", *words[i:]]) + ".")
            except (AssertionError, IndexError):
                words = match[2].split()
                continue
            found = replace(english_reading(clause, text), negative=False, asked=match[1].lower())
            return replace(found, patient=None) if match[1] == "What" else found
    return english_reading(parse(text), text)


def sentences(language: str, text: str) -> Iterable[str]:
    """The sentences of a story."""
    parts = text.split("。") if language == "zh" else text.split(". ")
    return [part for part in parts if part]
