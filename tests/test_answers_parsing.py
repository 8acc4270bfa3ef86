"""The parser of labels reads what is there and never guesses."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from t2t_xfer.answers.parsing import INVALID, TextParser, canonical, canonical_sentences, negations
from t2t_xfer.errors import SpecError
from t2t_xfer.records import Status

NLI = TextParser(
    {"entailment": "entailment", "neutral": "neutral", "contradiction": "contradiction"},
    {
        "en": {"entailment": ["entails", "implied"], "neutral": ["undetermined"]},
        "de": {"entailment": ["Folgerung"], "contradiction": ["Widerspruch"]},
        "es": {"entailment": ["sí"], "contradiction": ["contradicción"], "neutral": ["quizá"]},
        "zh": {"entailment": ["蕴含"], "contradiction": ["矛盾"]},
    },
)
YES_NO = TextParser({"entailment": "yes", "neutral": "maybe", "contradiction": "no"}, {})
DUPLICATE = TextParser({"duplicate": "duplicate", "not_duplicate": "not_duplicate"}, {})
MEANING = TextParser({"paraphrase": "same meaning", "different": "different meaning"}, {})
CORRECT = TextParser({"right": "correct", "other": "unknown"}, {})
PARAPHRASE = TextParser({"paraphrase": "paraphrase", "different": "different"}, {})


def value_of(parser, text, language="en"):
    return parser.parse(text, language).value


@pytest.mark.parametrize(
    ("text", "language", "value", "status"),
    [
        ("entailment", "en", "entailment", Status.exact),
        (" **Entailment**.\n", "en", "entailment", Status.exact),
        ("ＮＥＵＴＲＡＬ", "en", "neutral", Status.exact),  # full-width letters (NFKC)
        ("entails", "en", "entailment", Status.alias),
        ("Folgerung!", "de", "entailment", Status.alias),
        ("entails", "de", "entailment", Status.alias),  # English speaks everywhere
        ("Widerspruch", "sw", "contradiction", Status.alias),  # any other language, whole text
        ("蕴含。", "zh", "entailment", Status.alias),
        ("The answer is: neutral.", "en", "neutral", Status.match),
        ("neutral. The premise does not say so.", "en", "neutral", Status.match),
        ("Antwort: Folgerung", "de", "entailment", Status.match),
        ("entailmnt", "en", "entailment", Status.fuzzy),
        ("contradition", "en", "contradiction", Status.fuzzy),
    ],
)
def test_reads(text, language, value, status):
    assert NLI.parse(text, language) == (value, status)


@pytest.mark.parametrize(
    ("parser", "text", "language"),
    [
        (NLI, "", "en"),
        (NLI, "?!", "en"),
        (NLI, "not entailment", "en"),  # rapidfuzz WRatio 95
        (NLI, "non-entailment", "en"),
        (NLI, "not entailmnt", "en"),
        (NLI, "This isn't entailment", "en"),
        (NLI, "This isn’t entailment", "en"),
        (NLI, "entailment is not right", "en"),
        (NLI, "Entailment? No.", "en"),
        (NLI, "No. Entailment.", "en"),
        (NLI, "kein Widerspruch", "de"),
        (NLI, "Das ist nicht eine Folgerung", "de"),
        (NLI, "niemals neutral", "de"),
        (NLI, "no es contradicción", "es"),
        (NLI, "ce n'est pas neutral", "fr"),
        (NLI, "ليس neutral", "ar"),
        (NLI, "не neutral", "ru"),
        (NLI, "neutral değil", "tr"),
        (NLI, "NEUTRAL DEĞİL", "tr"),  # İ folds to i with a combining dot
        (NLI, "neutral नहीं है", "hi"),
        (NLI, "không phải neutral", "vi"),
        (NLI, "si neutral", "sw"),
        (NLI, "这不是 蕴含", "zh"),
        (NLI, "不矛盾", "zh"),
        (NLI, "entailment or contradiction", "en"),  # two labels
        (NLI, "entailment, neutral or contradiction?", "en"),
        (NLI, "not entailment but neutral", "en"),
        (NLI, "contraindication", "en"),
        (NLI, "non", "en"),  # partial matching would say contradiction
        (NLI, "preentailment", "en"),
        (CORRECT, "incorrect", "en"),  # contains "correct", ratio 88
        (CORRECT, "inncorrect", "en"),
        (CORRECT, "is it uncorrect", "en"),
        (PARAPHRASE, "It is not a paraphrase", "en"),
        (PARAPHRASE, "I do not think that this is a paraphrase.", "en"),
        (PARAPHRASE, "nonparaphrase", "en"),
        (YES_NO, "ye", "en"),  # one letter off, but words of three letters are never fuzzy
        (YES_NO, "nope", "en"),
        (YES_NO, "not no", "en"),
        (DUPLICATE, "It is not a duplicate", "en"),  # rejected, not turned round
        (DUPLICATE, "not not_duplicate", "en"),
        (MEANING, "not the same meaning", "en"),
        (MEANING, "meaning", "en"),
        (MEANING, "same meaning, different meaning", "en"),
    ],
)
def test_does_not_guess(parser, text, language):
    assert parser.parse(text, language) == INVALID


@pytest.mark.parametrize(
    ("parser", "text", "value"),
    [
        (YES_NO, "no", "contradiction"),
        (YES_NO, "The answer is no", "contradiction"),
        (YES_NO, "No, it does not.", "contradiction"),  # what comes after agrees with it
        (DUPLICATE, "not duplicate", "not_duplicate"),
        (DUPLICATE, "Not-Duplicate!", "not_duplicate"),
        (DUPLICATE, "They are not_duplicate", "not_duplicate"),
        (MEANING, "It has a different meaning", "different"),
        (MEANING, "diferent meaning", "different"),
    ],
)
def test_a_label_that_negates_is_not_its_own_negation(parser, text, value):
    assert value_of(parser, text) == value


def test_the_language_of_the_example_decides_between_languages():
    parser = TextParser(
        {"yes": "true", "no": "false"}, {"pl": {"no": ["nie"]}, "xx": {"yes": ["nie"]}}
    )
    assert value_of(parser, "nie", "pl") == "no"
    assert value_of(parser, "nie", "xx") == "yes"
    assert value_of(parser, "nie", "de") is None  # two languages disagree


def test_an_alias_for_two_labels_decides_nothing():
    parser = TextParser({"a": "good", "b": "bad"}, {"en": {"a": ["fair"], "b": ["fair"]}})
    assert value_of(parser, "fair") is None
    assert value_of(parser, "It is fair and good") is None


def test_a_word_beats_a_name():
    # The names are turned round against the words; the words are what the model was taught.
    parser = TextParser({"yes": "no", "no": "yes"}, {})
    assert value_of(parser, "yes") == "no"


def test_a_single_letter_is_read_alone_but_not_as_an_article():
    parser = TextParser({"first": "A", "second": "B"}, {})
    assert value_of(parser, "(a)") == "first"
    assert value_of(parser, "It is a cat") is None


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"a": "Yes", "b": "yes!"}, "'a' and 'b' have the same word"),
        ({"a": "+", "b": "yes"}, "neither a letter nor a digit"),
        ({"plus": "1", "minus": "-1"}, "'plus' and 'minus' have the same word"),
    ],
)
def test_words_that_cannot_be_told_apart_are_refused(words, message):
    with pytest.raises(SpecError, match=message):
        TextParser(words, {})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("नहीं है", "नहीं है"),  # vowel signs are marks, not letters
        ("ไม่ใช่", "ไม่ใช่"),
        ("نمی‌شود", "نمیشود"),  # noqa: PLE2515, RUF100 (zero-width non-joiner)
        ("\u200fكلا\u200e", "كلا"),
        ("ÇELİŞKİ", canonical("çelişki")),
        ("AYRI", canonical("ayrı")),
        ("STRASSE", canonical("Straße")),
        ("don’t know", "do not know"),
        ("...", ""),
    ],
)
def test_canonical(text, expected):
    assert canonical(text) == expected


def test_sentences_keep_a_question_and_its_answer_together():
    assert canonical_sentences("Same? No. Version 3.5; yes\n\nok。好") == [
        ("same", "no"),
        ("version", "3", "5"),
        ("yes",),
        ("ok",),
        ("好",),
    ]


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("si", "sw", ["si"]),
        ("si", "es", []),  # "if" in Spanish
        ("ez", "eu", ["ez"]),
        ("ez", "hu", []),  # "this" in Hungarian
        ("아니다", "ko", ["아니다"]),
        ("同じではない", "ja", ["同じではない"]),
    ],
)
def test_negations_depend_on_the_language(text, language, expected):
    assert negations((text,), language) == expected


WORDS = ["entailment", "not", "no", "不", "neutral.", "\n", "a", "ENTAILS", "nicht", "İ", "\ud800"]
texts = st.text() | st.lists(st.sampled_from(WORDS)).map(" ".join)


@given(texts, st.sampled_from(["en", "de", "zh", "sw", "xx"]))
@example("n't", "en")
@example("x" * 100_000, "en")
@example("entailment " * 20_000, "en")
def test_any_text_gives_a_label_or_invalid(text, language):
    parsed = NLI.parse(text, language)
    assert parsed.value in {None, "entailment", "neutral", "contradiction"}
    assert (parsed.value is None) == (parsed.status is Status.invalid)


FILLERS = st.lists(st.sampled_from(["really", "an", "in my view,", "of the kind:", "?"]))


@given(st.sampled_from(["not", "never", "non", "isn't", "Nicht"]), FILLERS, FILLERS)
def test_a_negation_in_the_sentence_never_gives_the_label(negation, before, between):
    text = " ".join([*before, negation, *between, "entailment"])
    assert NLI.parse(text, "en") == INVALID
    backwards = " ".join(["entailment", *between, negation, *before])
    assert NLI.parse(backwards, "en") == INVALID


PUNCTUATION = st.text(" \t\n.,;:!?\"'()[]*_-«»。，！¿…", max_size=6)
PARSERS = [NLI, YES_NO, DUPLICATE, MEANING, PARAPHRASE]


@given(st.sampled_from(PARSERS), st.data(), PUNCTUATION, PUNCTUATION)
def test_case_and_punctuation_around_a_word_do_not_matter(parser, data, before, after):
    word = data.draw(st.sampled_from(sorted(parser._words)))
    shown = data.draw(st.sampled_from([word, word.upper(), word.title(), word.swapcase()]))
    label = parser._words[word]
    assert parser.parse(f"{before}{shown}{after}", "en") == (label, Status.exact)


@given(st.dictionaries(st.text(min_size=1), st.text(min_size=1), min_size=2, max_size=5))
def test_every_word_that_is_accepted_is_read_back(words):
    try:
        parser = TextParser(words, {})
    except SpecError:
        return
    for label, word in words.items():
        assert parser.parse(word, "en") == (label, Status.exact)


def test_repeated_texts_are_remembered():
    parser = TextParser({"a": "good", "b": "bad"}, {})
    for _ in range(3):
        parser.parse("good", "en")
    assert parser._remembered.cache_info().hits == 2
