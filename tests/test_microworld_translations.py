"""Every language says what the English row says, finds a reader that shares no code with the
generator; so answers that are right in English are right everywhere. Planted mistakes are seen."""

from __future__ import annotations

from functools import cache
from itertools import product
from typing import Any

import pytest

from t2t_xfer.microworld import LANGUAGES
from t2t_xfer.microworld import rows as world_rows
from t2t_xfer.microworld.grammar import ENTITIES, TAGS

from .microworld_checker import answer
from .microworld_reader import (
    fragment,
    listed,
    named,
    raw,
    read,
    same,
    same_noun,
    sentences,
    split,
)

ISO3 = {"de": "deu", "tr": "tur", "ar": "ara", "zh": "cmn", "sw": "swh"}
OTHERS = tuple(ISO3)
UDPOS = {"en": "English", "de": "German", "tr": "Turkish", "ar": "Arabic", "zh": "Chinese"}
NUM_ROWS = 120


@cache
def rows(config: str, split: str, hub_id: str = "google/xtreme") -> list[Any]:
    found = world_rows(hub_id, config, split, NUM_ROWS) or []
    assert len(found) >= NUM_ROWS
    return found


def agree(language: str, english: str, other: str) -> bool:
    """The same meaning, in the same voice."""
    one, two = read("en", english), read(language, other)
    return same(one, two) and one.passive == two.passive


def wrong(language: str, pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [pair for pair in pairs if not agree(language, *pair)]


@pytest.mark.parametrize("language", OTHERS)
def test_entailment_pairs_say_what_the_english_ones_say(language: str) -> None:
    """English labels are judged with small worlds in `test_microworld_answers`."""
    both = zip(*(rows(code, "test", "facebook/xnli") for code in ("en", language)), strict=True)
    for one, two in both:
        assert one["label"] == two["label"]
        assert not wrong(language, [(one[key], two[key]) for key in ("premise", "hypothesis")])


@pytest.mark.parametrize("language", ["de", "zh"])
def test_paraphrases_say_the_same_in_their_own_language(language: str) -> None:
    both = [rows(code, "test", "google-research-datasets/paws-x") for code in ("en", language)]
    for one, two in zip(*both, strict=True):
        assert not wrong(language, [(one[key], two[key]) for key in ("sentence1", "sentence2")])
        meanings = [read(language, two[key]) for key in ("sentence1", "sentence2")]
        assert same(*meanings) == bool(two["label"])


@pytest.mark.parametrize("language", OTHERS)
def test_translations_say_the_same(language: str) -> None:
    found = rows(f"tatoeba.{ISO3[language]}", "validation")
    pairs = [(row["target_sentence"].strip(), row["source_sentence"].strip()) for row in found]
    assert wrong(language, pairs) == []


@pytest.mark.parametrize("language", ["de", "zh"])
@pytest.mark.parametrize("sample", ["", "sample_"])
def test_mined_pairs_are_the_only_translations(language: str, sample: str) -> None:
    parts = {
        part: world_rows("bucc2018", f"{language}-en", f"{sample}{part}", 300) or []
        for part in ("gold", "source_pool", "target_pool")
    }
    source = {row["id"]: read(language, str(row["sentence"])) for row in parts["source_pool"]}
    target = {row["id"]: read("en", str(row["sentence"])) for row in parts["target_pool"]}
    found = {(one, two) for one, two in product(source, target) if same(source[one], target[two])}
    assert (len(source), len(target), len(found)) == (300, 300, 100)
    assert found == {(row["source_id"], row["target_id"]) for row in parts["gold"]}


QUESTIONS = [
    *(("XQuAD.{}", "validation", code) for code in ("de", "tr", "ar", "zh")),
    *(("MLQA.{0}.{0}", "test", code) for code in ("de", "ar", "zh")),
]  # fmt: skip


@pytest.mark.parametrize(("config", "split", "language"), QUESTIONS)
def test_questions_and_answers_are_the_english_ones(config: str, split: str, language: str) -> None:
    for one, two in zip(
        rows(config.format("en"), split), rows(config.format(language), split), strict=True
    ):
        assert_same_question(language, one, two)


def test_questions_of_tydiqa_are_parallel_too() -> None:
    """The languages stand in turn: English, Arabic, Swahili."""
    found = rows("tydiqa", "validation")
    for row in found[::3]:
        assert answer(row["context"], row["question"]) == row["answers"]["text"][0]
    for i, language in ((1, "ar"), (2, "sw")):
        for one, two in zip(found[::3], found[i::3], strict=True):
            assert_same_question(language, one, two)


def assert_same_question(language: str, one: Any, two: Any) -> None:
    told = [
        *zip(sentences("en", one["context"]), sentences(language, two["context"]), strict=True),
        (one["question"], two["question"]),
    ]
    assert not wrong(language, told)
    assert same_answer(language, one["answers"]["text"][0], two["answers"]["text"][0]), two


def same_answer(language: str, english: str, other: str) -> bool:
    """Whether two answers stand for the same place, or the same participant."""
    one, two = fragment("en", english), fragment(language, other)
    if isinstance(one, str) or isinstance(two, str):
        return one == two
    return same_noun(one, two)


# Tags

# fmt: off
WORDS: dict[str, str] = {
    "en": "DET: the a an all some no this; AUX: did does was is; VERB: has have; PART: not 's; "
          "ADP: by in at on of; SCONJ: because; CCONJ: but; PRON: who what he she; "
          "ADV: where very; NOUN: yesterday morning week year garden kitchen forest school "
          "market station street house; PROPN: monday university bank museum hospital; ADJ: last; "
          "PUNCT: . ?",
    "de": "DET: der die das den dem ein eine einen kein keine keinen alle einige; "
          "AUX: hat haben ist sind wurde; VERB: hat; PART: nicht; ADP: in an auf von; "
          "SCONJ: weil; CCONJ: aber; PRON: wer was er sie; ADV: wo sehr gestern heute; "
          "NOUN: morgen woche jahr garten küche wald schule markt bahnhof straße haus; "
          "PROPN: montag universität bank museum krankenhaus; ADJ: letzte letztes; PUNCT: . ? ,",
    "tr": "DET: bir hiçbir bütün bazı bu; AUX: değil; VERB: var yok; ADP: tarafından; "
          "CCONJ: çünkü ama; PRON: kim ne neyi o; ADV: nerede çok dün; "
          "NOUN: sabah pazartesi günü hafta yıl bahçede mutfakta ormanda okulda pazarda "
          "istasyonda sokakta evde davet; ADJ: geçen; PUNCT: . ?",
    "ar": "DET: كل بعض أي هذا; AUX: ليس ليست; PART: لم; VERB: تم تمت يتم تتم; "
          "ADP: لدى في من; NOUN: قبل الصباح يوم الاثنين الأسبوع العام الحديقة المطبخ الغابة "
          "المدرسة السوق المحطة الشارع البيت; SCONJ: لأن; CCONJ: لكن; PRON: من ماذا; "
          "ADV: أين جدًا أمس; ADJ: الماضي; PROPN: جامعة بنك متحف مستشفى; PUNCT: . ؟",
    "zh": "DET: 那 所有 有些; NUM: 一; PART: 的; ADV: 都 很 不 没有; VERB: 有 没有; AUX: 是 了; "
          "ADP: 在 里 上 被; SCONJ: 因为; CCONJ: 但是; PRON: 谁 什么 哪里 他 她; "
          "NOUN: 昨天 今天 早上 星期一 上周 去年 花园 厨房 森林 学校 市场 车站 街 房子; "
          "PROPN: 大学 银行 博物馆 医院; PUNCT: 。 ？ ，",
}
# fmt: on
SECTIONS = {
    "names": "PROPN",
    "nouns": "NOUN",
    "verbs": "VERB",
    "acts": "VERB",
    "adjectives": "ADJ",
    "numerals": "NUM",
}  # fmt: skip


@cache
def tags(language: str) -> dict[str, set[str]]:
    """Lower-case word to the tags that it may have."""
    found: dict[str, set[str]] = {}
    for line in WORDS[language].split("; "):
        tag, _, words = line.partition(": ")
        for word in words.split():
            found.setdefault(word, set()).add(tag)
    for section, tag in SECTIONS.items():
        for _, _, form in listed(language, section):
            word = form.split("_")[-1].lower()
            for variant in (word, f"ال{word}") if language == "ar" else (word,):
                found.setdefault(variant, set()).add(tag)
            if tag == "ADJ" and language == "de":
                for ending in ("e", "en", "er", "es"):
                    found.setdefault(word + ending, set()).add(tag)
    for _, _, text in named(language):
        for word in text.lower().split():
            found.setdefault(word, {"PROPN"})
    if language == "zh":
        for entry in raw("zh")["nouns"].values():
            found.setdefault(entry.split()[1], set()).add("NOUN")
    return found


def mistagged(language: str, row: Any) -> list[tuple[str, str]]:
    pairs = [(word, TAGS[tag]) for word, tag in zip(row["tokens"], row["pos_tags"], strict=True)]
    return [
        (word, tag)
        for word, tag in pairs
        if tag not in tags(language).get(word.replace("İ", "i").lower(), set())
    ]


@pytest.mark.parametrize("language", UDPOS)
def test_parts_of_speech_are_those_of_the_word_lists(language: str) -> None:
    """Every word by lists made by hand (function words) or by section (all others)."""
    for row in rows(f"udpos.{UDPOS[language]}", "test"):
        assert mistagged(language, row) == [], row


@cache
def entity_names(language: str) -> dict[str, str]:
    """The words of an entity, as they are joined in this language, to type and concept."""
    found: dict[str, str] = {}
    first, last = list(listed(language, "names")), list(listed(language, "surnames"))
    for (one, _, name), (two, _, surname) in product(first, last):
        dot = "·" if language == "zh" else ""
        found["".join(split(language, name)) + dot + "".join(split(language, surname))] = (
            f"PER {one} {two}"
        )
    for concept, _, name in first:
        found["".join(split(language, name))] = f"PER {concept}"
    for concept, _, text in named(language):
        words = split(language, text)
        article = {"en": ("the",), "de": ("der", "die", "das", "dem")}.get(language, ())
        words = words[1:] if words[0] in article else words
        found["".join(words)] = f"{'LOC' if concept.startswith('city') else 'ORG'} {concept}"
    return found


def entities(language: str, row: Any) -> list[str]:
    """Type and concept of every tagged span; an error if it is no name of that type."""
    spans: list[tuple[str, str]] = []
    for word, tag in zip(row["tokens"], row["ner_tags"], strict=True):
        sign, _, kind = ENTITIES[tag].partition("-")
        text = "".join(split(language, word)) or word
        if sign == "B":
            spans.append((kind, text))
        elif sign == "I":
            assert spans[-1][0] == kind
            spans[-1] = (kind, spans[-1][1] + text)
    found = [entity_names(language)[text] for _, text in spans]
    assert [each.split()[0] for each in found] == [kind for kind, _ in spans], row
    return sorted(found)


@pytest.mark.parametrize("language", LANGUAGES)
def test_entities_are_the_english_ones(language: str) -> None:
    """As whole names, of the same type; and no name is left untagged."""
    for one, two in zip(rows("PAN-X.en", "test"), rows(f"PAN-X.{language}", "test"), strict=True):
        assert entities(language, two) == entities("en", one)
        untagged = [
            word for word, tag in zip(two["tokens"], two["ner_tags"], strict=True) if not tag
        ]
        assert not {"".join(split(language, word)) for word in untagged} & {*entity_names(language)}


# The reader can say no

PLANTED = [
    ("roles", "Anna saw David.", ("David hat Anna gesehen.", "David Anna'yı gördü.",
     "رأى ديفيد آنا.", "大卫看见了安娜。", "David alimwona Anna.")),
    ("voice", "Anna was seen by David.", ("Anna hat David gesehen.", "Anna David'i gördü.",
     "رأت آنا ديفيد.", "安娜看见了大卫。", "Anna alimwona David.")),
    ("negation", "Anna slept.", ("Anna hat nicht geschlafen.", "Anna uyumadı.",
     "لم تنم آنا.", "安娜没有睡觉。", "Anna hakulala.")),
    ("noun", "Anna ate an apple.", ("Anna hat eine Frucht gegessen.", "Anna bir meyve yedi.",
     "أكلت آنا فاكهة.", "安娜吃了一个水果。", "Anna alikula tunda.")),
    ("adjective", "The big cat slept.", ("Die kleine Katze hat geschlafen.", "Küçük kedi uyudu.",
     "نامت القطة الصغيرة.", "那只小猫睡觉了。", "Paka mdogo alilala.")),
    ("verb", "Anna ran.", ("Anna ist gelaufen.", "Anna yürüdü.", "مشت آنا.", "安娜散步了。",
     "Anna alitembea.")),
    ("place", "Anna ran in the garden.", ("Anna ist in der Küche gerannt.", "Anna mutfakta koştu.",
     "ركضت آنا في المطبخ.", "安娜在厨房里跑步了。", "Anna alikimbia jikoni.")),
    ("time", "Anna ran yesterday.", ("Anna ist letztes Jahr gerannt.", "Anna geçen yıl koştu.",
     "ركضت آنا العام الماضي.", "安娜去年跑步了。", "Anna alikimbia mwaka jana.")),
    ("number", "Anna saw three dogs.", ("Anna hat vier Hunde gesehen.", "Anna dört köpek gördü.",
     "رأت آنا أربعة كلاب.", "安娜看见了四只狗。", "Anna aliwaona mbwa wanne.")),
    ("quantity", "All cats swam.", ("Einige Katzen sind geschwommen.", "Bazı kediler yüzdü.",
     "سبحت بعض القطط.", "有些猫游泳了。", "Baadhi ya paka waliogelea.")),
    ("owner", "Anna's cat is big.", ("Marias Katze ist groß.", "Maria'nın kedisi büyük.",
     "قطة ماريا كبيرة.", "玛丽亚的猫很大。", "Paka wa Maria ni mkubwa.")),
    ("reason", "Anna laughed because David fell.", (
     "Anna hat gelacht, aber David ist hingefallen.", "Anna güldü ama David düştü.",
     "ضحكت آنا لكن ديفيد سقط.", "安娜笑了，但是大卫摔倒了。",
     "Anna alicheka lakini David alianguka.")),
    ("question", "Who saw Anna?", ("Wo hat David Anna gesehen?", "David Anna'yı nerede gördü?",
     "أين رأى ديفيد آنا؟", "大卫在哪里看见安娜？", "David alimwona Anna wapi?")),
]  # fmt: skip


@pytest.mark.parametrize(
    ("english", "others"), [each[1:] for each in PLANTED], ids=[each[0] for each in PLANTED]
)
def test_a_wrong_translation_is_seen(english: str, others: tuple[str, ...]) -> None:
    """Each is a good sentence, but says something else: in its roles, its voice, one word."""
    for language, other in zip(OTHERS, others, strict=True):
        assert read(language, other)  # it is understood …
        assert not agree(language, english, other), other  # … and not as the English one


@pytest.mark.parametrize(
    ("language", "broken"), [("tr", "Hiçbir bekçi yüzdü."), ("ar", "سبح أي حارس.")]
)
def test_a_missing_negation_is_seen(language: str, broken: str) -> None:
    with pytest.raises(AssertionError, match="not denied"):
        read(language, broken)


@pytest.mark.parametrize(
    "broken",
    [
        "Anna hat der Hund gesehen.",
        "Anna hat das Hund gesehen.",
        "Anna wurde von den Hund gesehen.",
        "Den Hund hat geschlafen.",
    ],
)
def test_a_wrong_german_case_or_gender_is_seen(broken: str) -> None:
    with pytest.raises(AssertionError, match="de: "):
        read("de", broken)


@pytest.mark.parametrize(
    ("language", "other"),
    [
        ("de", "einen Brief"),
        ("tr", "bir kedi"),
        ("ar", "في الحديقة"),
        ("zh", "安娜"),
        ("sw", "paka"),
    ],
)
def test_a_wrong_answer_is_seen(language: str, other: str) -> None:
    assert not same_answer(language, "a dog", other)


def test_a_wrong_tag_is_seen() -> None:
    row = {"tokens": ("Anna", "schläft"), "pos_tags": (TAGS.index("NOUN"), TAGS.index("VERB"))}
    assert mistagged("de", row) == [("Anna", "NOUN"), ("schläft", "VERB")]


def test_a_wrong_entity_is_seen() -> None:
    """A surname left out, a person tagged as a city."""
    words = ("Anna", "Weber", "lachte")
    assert entities("de", {"tokens": words, "ner_tags": (1, 2, 0)}) == ["PER anna weber"]
    assert entities("de", {"tokens": words, "ner_tags": (1, 0, 0)}) == ["PER anna"]
    with pytest.raises(AssertionError):
        entities("de", {"tokens": words, "ner_tags": (5, 6, 0)})
