"""The microworld's sentences: by hand, by rule, and complete in every language."""

from __future__ import annotations

from collections import Counter

import pytest
from ruamel.yaml import YAML

from t2t_xfer.microworld import LANGUAGES
from t2t_xfer.microworld.grammar import sentence
from t2t_xfer.microworld.grammar import text as running_text
from t2t_xfer.microworld.lexicon import SECTIONS, load_lexicon
from t2t_xfer.microworld.world import HERE, Event, Surface, Thing, load_world

# Sentences written by hand, not by the program.
ANNA, KEMAL, DAVID = (Thing(name, "name") for name in ("anna", "kemal", "david"))


def a(noun: str, adjective: str | None = None, count: int = 1, very: bool = False) -> Thing:
    return Thing(noun, "indefinite", adjective, very, count)


def the(noun: str, adjective: str | None = None) -> Thing:
    return Thing(noun, "definite", adjective)


BY_HAND = [
    (
        Event(ANNA, "see", (a("bear", "big"),), "garden", "yesterday"),
        Surface(),
        "Anna saw a big bear in the garden yesterday.",
        "Anna hat gestern im Garten einen großen Bären gesehen.",
        "Anna dün bahçede büyük bir ayı gördü.",
        "安娜昨天在花园里看见了一只大熊。",
    ),
    (
        Event(the("owl", "white"), "push", (a("rabbit", "small", 3),), None, "monday"),
        Surface(time_first=True),
        "On Monday the white owl pushed three small rabbits.",
        "Am Montag hat die weiße Eule drei kleine Kaninchen geschoben.",
        "Pazartesi günü beyaz baykuş üç küçük tavşanı itti.",
        "星期一那只白色的猫头鹰推了三只小兔子。",
    ),
    (
        Event(KEMAL, "buy", (a("car", "expensive", very=True), a("axe")), "market"),
        Surface(synonyms=True),
        "Kemal purchased a very costly car and an axe at the market.",
        "Kemal hat auf dem Markt ein sehr kostspieliges Auto und eine Axt erworben.",
        "Kemal pazarda çok pahalı bir araba ve bir balta aldı.",
        "凯末尔在市场里购买了一辆很贵的汽车和一把斧头。",
    ),
    (
        Event(DAVID, "find", (a("rose", "red"),), None, "last_week", negative=True),
        Surface(),
        "David did not find a red rose last week.",
        "David hat letzte Woche keine rote Rose gefunden.",
        "David geçen hafta hiçbir kırmızı gül bulmadı.",
        "戴维上周没有找到红色的玫瑰。",
    ),
    (
        Event(the("farmer", "poor"), "wake", (the("lion", "black"),), "forest", "this_morning"),
        Surface(passive=True),
        "The black lion was woken by the poor farmer in the forest this morning.",
        "Der schwarze Löwe wurde heute Morgen im Wald vom armen Bauern geweckt.",
        "Siyah aslan bu sabah ormanda fakir çiftçi tarafından uyandırıldı.",
        "那头黑色的狮子今天早上在森林里被那位贫穷的农民叫醒了。",
    ),
    (
        Event(ANNA, "hug", (KEMAL,), "station", "last_year", negative=True),
        Surface(passive=True, time_first=True),
        "Last year Kemal was not hugged by Anna at the station.",
        "Letztes Jahr wurde Kemal am Bahnhof von Anna nicht umarmt.",
        "Geçen yıl Kemal istasyonda Anna tarafından kucaklanmadı.",
        "去年凯末尔在车站里没有被安娜拥抱。",
    ),
    (
        Event(the("cow"), "chase", (the("horse", "small"),), "street", None, negative=True),
        Surface(),
        "The cow did not chase the small horse on the street.",
        "Die Kuh hat das kleine Pferd auf der Straße nicht gejagt.",
        "İnek sokakta küçük atı kovalamadı.",
        "那头牛在街上没有追赶那匹小马。",
    ),
    (
        Event(the("judge", "rich"), "praise", (a("farmer", "elderly"),)),
        Surface(),
        "The rich judge praised an old farmer.",
        "Der reiche Richter hat einen alten Bauern gelobt.",
        "Zengin yargıç yaşlı bir çiftçiyi övdü.",
        "那位富有的法官表扬了一位年老的农民。",
    ),
]


@pytest.mark.parametrize(("event", "surface", "en", "de", "tr", "zh"), BY_HAND)
def test_sentences_written_by_hand(
    event: Event, surface: Surface, en: str, de: str, tr: str, zh: str
) -> None:
    told = [
        running_text(load_lexicon(code), sentence(load_lexicon(code), event, surface))
        for code in LANGUAGES
    ]
    assert told == [en, de, tr, zh]


def test_german_words_and_tags_are_split_as_in_the_treebank() -> None:
    words = sentence(load_lexicon("de"), BY_HAND[0][0])
    assert " ".join(f"{word}/{tag}" for word, tag in words) == (
        "Anna/PROPN hat/AUX gestern/ADV in/ADP dem/DET Garten/NOUN einen/DET großen/ADJ "
        "Bären/NOUN gesehen/VERB ./PUNCT"
    )


def test_turkish_accusatives_follow_vowel_harmony() -> None:
    harmony = {"a": "ı", "ı": "ı", "o": "u", "u": "u", "e": "i", "i": "i", "ö": "ü", "ü": "ü"}
    for section in ("names", "nouns"):
        for (forms,) in load_lexicon("tr").words[section].values():
            one, accusative = forms["one"], forms["accusative"]
            last = [letter for letter in one.lower() if letter in harmony][-1]
            expected = "i" if one == "Kemal" else harmony[last]  # its l is palatal
            assert accusative[-1] == expected, one
            assert (accusative[-2] == "y") == (one[-1] in harmony), one


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_lexicon_has_every_concept_in_every_form(language: str) -> None:
    world, lexicon = load_world(), load_lexicon(language)
    concepts = {
        "names": set(world.names),
        "nouns": set(world.above) - world.unnamed,
        "verbs": set(world.verbs),
        "adjectives": {word for line in world.contrasts for word in line},
        "numerals": set(world.numerals.values()),
    }
    assert {section: set(lexicon.words[section]) for section in SECTIONS} == concepts
    phrases = {"times": set(world.times), "places": set(world.places)}
    assert {section: set(found) for section, found in lexicon.phrases.items()} == phrases
    data = YAML(typ="safe", pure=True).load(HERE / "lexica" / f"{language}.yaml")
    optional = {"accusative", "dative", "link", "object"}
    for section, columns in data["columns"].items():
        needed = set(columns.split()) - (optional if language != "tr" else {"object"})
        for alternatives in lexicon.words[section].values():
            assert all(needed <= set(forms) for forms in alternatives)


def test_no_two_verbs_share_a_form() -> None:
    for language in LANGUAGES:
        forms = Counter(
            form
            for alternatives in load_lexicon(language).words["verbs"].values()
            for form in {f for a in alternatives for name, f in a.items() if name != "object"}
        )
        assert set(forms.values()) == {1}, language
