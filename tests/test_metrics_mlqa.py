"""MLQA's normalisers by hand for each language, and against a second statement of their rules."""

from __future__ import annotations

import re
import string
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from t2t_xfer.errors import UnsupportedError
from t2t_xfer.metrics import Mlqa, Squad, in_language
from t2t_xfer.metrics.qa import ARTICLES
from t2t_xfer.metrics.qa import normalized as squad_normalized
from t2t_xfer.metrics.qa import normalized_mlqa as normalized
from t2t_xfer.records import Answer

# What the rules treat in a special way, and letters whose lower case is odd.
SPECIAL = (
    "the THE a an el La unos der Die einem của Là cái ال البيت 北 京大 㐀 龥 龦 。 、 «x» ‹ › ، ؟ ।"
    " ！ $ + ^ ~ - — ' ’ … ª º İ ẞ é e\u0301 \u00a0 \u3000 \u200b \u200d \u2028 ไทย 서울 क्या 5"
)
PIECES = st.sampled_from(SPECIAL.split(" "))
TEXTS = st.lists(st.one_of(PIECES, st.text(max_size=3)), max_size=6).flatmap(
    lambda pieces: st.sampled_from(["".join(pieces), " ".join(pieces)])
)


@pytest.mark.parametrize(
    ("language", "text", "form"),
    [
        ("en", "The  «Norman» Dynasty…", "norman dynasty"),
        ("en", "a-b", "ab"),  # marks leave no space behind
        ("en", "the-a", "thea"),  # so articles are looked for in what is left
        ("en", "$5 + 3%", "5 3"),  # ASCII marks of category S go, too
        ("en", "5 € ± 3", "5 € ± 3"),  # other symbols stay
        ("es", "¿Qué? El Niño, los años", "qué niño años"),
        ("es", "del", "del"),  # el inside a word is no article
        ("de", "Der Rhein, die Elbe und das Meer", "rhein elbe und meer"),
        ("de", "eines Tages in der Straße", "tages in straße"),  # lower case, not case folding
        ("vi", "Của những con sông", "con sông"),
        ("vi", "là", ""),
        # The article's letters go wherever they stand: before a word and inside one (خيال).
        ("ar", "البيت", "بيت"),
        ("ar", "خيال", "خي"),
        ("ar", "في البيت الكبير، نعم؟", "في بيت كبير نعم"),
        ("ar", "الا", "ا"),
        ("hi", "यह एक किताब है।", "यह एक किताब है"),
        ("zh", "北京大学（Peking University）。", "北 京 大 学 peking university"),
        ("zh", "在 2019年 的 iPhone", "在 2019 年 的 iphone"),
        ("zh", "the 北", "the 北"),  # no articles in Chinese
        ("zh", "㐀㐁 龦", "㐀㐁 龦"),  # rarer characters are no words of their own
        ("zh", "東京、大阪", "東 京 大 阪"),
    ],
)
def test_normalisers_by_hand(language: str, text: str, form: str) -> None:
    assert normalized(text, language) == form


@pytest.mark.parametrize(
    ("language", "wanted", "found", "exact", "f1"),
    [
        ("de", ["der Rhein"], "Rhein", 1, 1),
        ("en", ["der Rhein"], "Rhein", 0, 2 / 3),  # P 1/1, R 1/2
        # Two of four characters: P 2/2, R 2/4.
        ("zh", ["北京大学"], "北京", 0, 2 / 3),
        ("zh", ["北京大学"], "北京 大学", 1, 1),  # both are four words
        ("ar", ["البيت"], "بيت", 1, 1),
        # An answer that is an article alone: nothing equals nothing, but no word is shared.
        ("es", ["una"], "una", 1, 0),
        ("vi", ["sông Hồng", "Hồng Hà"], "Hồng", 0, 2 / 3),
        ("hi", ["राम।"], "राम", 1, 1),
    ],
)
def test_scores_by_hand(
    language: str, wanted: list[str], found: str, exact: float, f1: float
) -> None:
    golds = tuple(Answer(text, 0) for text in wanted)
    assert Mlqa(language).statistics(golds, found) == pytest.approx((exact, f1))


def test_the_score_is_the_mean_of_both_and_an_invalid_answer_is_wrong() -> None:
    metric = Mlqa("de")
    golds = (Answer("Rhein", 0),)
    score = metric.score([metric.statistics(golds, "Rhein"), metric.statistics(golds, None)])
    assert (score.value, dict(score.details)) == (50.0, {"exact_match": 50.0, "f1": 50.0})


def test_the_signature_names_the_language() -> None:
    metric = in_language(Mlqa(), "zh")
    assert metric.signature == (
        "mlqa|mean:exact_match,f1|normalizer:mlqa1.0|language:zh|answers:best|version:1"
    )
    assert "language" not in Mlqa().signature


def test_a_language_without_a_normaliser_is_refused() -> None:
    with pytest.raises(UnsupportedError, match=r"no normaliser for the language 'ru': it has en"):
        in_language(Mlqa(), "ru")


def test_other_metrics_are_the_same_in_every_language() -> None:
    metric = Squad()
    assert in_language(metric, "ru") is metric


def test_without_a_language_nothing_is_judged() -> None:
    with pytest.raises(ValueError, match="needs a language"):
        Mlqa().statistics((Answer("x", 0),), "x")


def words_again(text: str, language: str) -> list[str]:
    """MLQA's rules once more, in another way: character by character and word by word."""
    kept = []
    for char in text.lower():
        if unicodedata.category(char)[0] != "P" and char not in set(string.punctuation):
            kept.append(char)
    left = "".join(kept)
    articles = {
        "en": "a an the",
        "es": "un una unos unas el la los las",
        "de": "ein eine einen einem eines einer der die das den dem des",
        "vi": "của là cái chiếc những",
    }.get(language, "")
    if articles:
        # A word is a longest run of word characters.
        runs = re.findall(r"\w+|\W", left)
        left = "".join(" " if run in articles.split() else run for run in runs)
    if language == "ar":
        left = " ".join(left.split("ال"))
    if language == "zh":
        left = "".join(f" {c} " if 0x4E00 <= ord(c) <= 0x9FA5 else c for c in left)
    return left.split()


@pytest.mark.parametrize("language", ARTICLES)
@given(TEXTS)
def test_two_statements_of_the_rules_agree(language: str, text: str) -> None:
    assert normalized(text, language) == " ".join(words_again(text, language))


@given(TEXTS)
def test_squads_rules_stated_again(text: str) -> None:
    bare = "".join(char for char in text.lower() if char not in string.punctuation)
    runs = re.findall(r"\w+|\W", bare)
    left = "".join(" " if run in ("a", "an", "the") else run for run in runs)
    assert squad_normalized(text) == " ".join(left.split())


@pytest.mark.parametrize("language", ARTICLES)
@given(TEXTS)
def test_an_answer_matches_itself(language: str, text: str) -> None:
    exact, f1 = Mlqa(language).statistics((Answer(text, 0),), text)
    assert exact == 1
    assert f1 == (1 if normalized(text, language) else 0)
