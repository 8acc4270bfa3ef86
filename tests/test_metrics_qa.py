"""Scores of answers by hand, with the traps of the published normalisers kept as they are: SQuAD's,
SQuAD 2.0's with its thresholds and ties, and MLQA's, which are stated a second time."""

from __future__ import annotations

import itertools
import math
import re
import string
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from t2t_xfer.errors import UnsupportedError, UserError
from t2t_xfer.metrics import METRICS, Mlqa, Squad, Tuned, statistics_by_id
from t2t_xfer.metrics.qa import (
    ARTICLES,
    Best,
    Candidate,
    SquadV2,
    find_best_threshold,
    normalized,
    normalized_in,
)
from t2t_xfer.records import Answer, Gold, Prediction, Score, Status

SQUAD = Squad()


def golds(*texts: str) -> tuple[Answer, ...]:
    return tuple(Answer(text, 0) for text in texts)


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("The  Norman Dynasty.", "norman dynasty"),
        ("an apple a day", "apple day"),
        # Punctuation goes before articles are looked for, and leaves no space behind.
        ("a-b", "ab"),
        ("the-", ""),
        ("U.S.", "us"),
        ("«Kiev»", "«kiev»"),
        ("¿qué?", "¿qué"),
        # Articles of other languages stay.
        ("der Hund", "der hund"),
        ("İ", "i̇"),
    ],
)
def test_the_normaliser_is_squads(text: str, form: str) -> None:
    assert normalized(text) == form


@pytest.mark.parametrize(
    ("texts", "value", "exact", "f1"),
    [
        (("Denver Broncos",), "the denver broncos!", 1, 1),
        # One word of two: P 1/2, R 1/2.
        (("Denver Broncos",), "Denver Nuggets", 0, 0.5),
        # P 2/3, R 2/2.
        (("Denver Broncos",), "Denver Broncos team", 0, 0.8),
        # A word counts as often as it stands in both.
        (("new new york",), "new york york", 0, 2 / 3),
        # No spaces, no parts.
        (("北京",), "北京大学", 0, 0),
        (("北京",), "北京", 1, 1),
        (("Kiev",), "«Kiev»", 0, 0),
        # Nothing is left of either: equal, yet no word is shared.
        (("the",), "a", 1, 0),
        (("in 1858", "1858"), "1858", 1, 1),
        # Exact match by one answer; F1 by whichever suits best.
        (("the 1858 apparition", "Lourdes"), "1858", 0, 2 / 3),
        ((" Lourdes ",), "Lourdes", 1, 1),
    ],
)
def test_scores_by_hand(texts: tuple[str, ...], value: str, exact: float, f1: float) -> None:
    assert SQUAD.statistics(golds(*texts), value) == pytest.approx((exact, f1))


def test_an_invalid_answer_is_wrong() -> None:
    assert SQUAD.statistics(golds("x"), None) == (0.0, 0.0)


def test_the_score_is_the_mean_of_both_and_names_them() -> None:
    score = SQUAD.scored([(1.0, 1.0), (0.0, 0.5)])
    assert score.value == 62.5
    assert score.details == {"exact_match": 50.0, "f1": 75.0}
    assert (score.n, METRICS["squad"]().signature) == (2, score.signature)


@pytest.mark.parametrize("gold", ["x", (), ("NOUN",)])
def test_other_golds_are_a_bug(gold: object) -> None:
    with pytest.raises(ValueError, match="no answers"):
        SQUAD.statistics(gold, "x")  # type: ignore[arg-type]


RAW = SquadV2()


def predicted(id: str, value: str | None, null: float | None) -> Prediction:
    """A prediction by its null score, which is the evidence with its sign turned."""
    status = Status.invalid if value is None else Status.exact
    return Prediction(id, value, status, None if null is None else -null)


def scored(metric: SquadV2, answers: dict[str, Gold], found: list[Prediction]) -> Score:
    return metric.scored(list(statistics_by_id(metric, answers, found).values()))


@pytest.mark.parametrize(
    ("texts", "value", "exact", "f1"),
    [
        ((), "", 1, 1),
        ((), "Denver", 0, 0),
        # The normaliser leaves nothing of it, and nothing is what is right: the official script
        # compares normalised texts here, although it calls such a text an answer in its sweep.
        ((), "the", 1, 1),
        (("Denver",), "", 0, 0),
        (("Denver",), None, 0, 0),
        ((), None, 0, 0),
        # One word of two: P 1/2, R 1/2.
        (("Denver Broncos",), "Denver Nuggets", 0, 0.5),
        # Answers that are empty once normalised do not count beside others ...
        (("the", "Denver"), "a", 0, 0),
        # ... and alone they are the empty answer. F1 of nothing against nothing is 1 here, unlike
        # in SQuAD 1.1.
        (("the",), "a", 1, 1),
        (("in 1858", "1858"), "1858", 1, 1),
    ],
)
def test_one_question_without_a_threshold(
    texts: tuple[str, ...], value: str | None, exact: float, f1: float
) -> None:
    has = float(bool(texts))
    expected = (exact, f1, has, exact * has, f1 * has)
    assert RAW.statistics(golds(*texts), value, 3.0) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("candidates", "unanswerable", "threshold", "total"),
    [
        # From 1 (one question has no answer): +1 -> 2, -1 -> 1, +1 -> 2. The first 2 counts.
        ([(-5, 1), (-1, -1), (2, 1)], 1, -5, 2),
        # Given in another order: sorted by null score first.
        ([(2, 1), (-5, 1), (-1, -1)], 1, -5, 2),
        # 0 + 1 + 1: a later, strictly higher sum wins.
        ([(-5, 1), (2, 1)], 0, 2, 2),
        # 1 - 1 + 0.5 + 0.5 = 1 is not above 1: nothing is answered. All null scores are positive,
        # as probabilities are, so 0 lies below them.
        ([(0.1, -1), (0.2, 0.5), (0.3, 0.5)], 1, 0, 1),
        # An empty prediction changes nothing wherever it stands.
        ([(-3, 0), (-2, 1)], 1, -2, 2),
        # Equal null scores are taken in the order given, one by one. 1 + 1 = 2 is remembered
        # before the -1 of the same null score, although no threshold parts the two ...
        ([(0.5, 1), (0.5, -1)], 1, 0.5, 2),
        # ... and 1 - 1 + 1 = 1 never gets above 1.
        ([(0.5, -1), (0.5, 1)], 1, 0, 1),
        ([], 0, 0, 0),
    ],
)
def test_the_sweep(
    candidates: list[tuple[float, float]], unanswerable: int, threshold: float, total: float
) -> None:
    found = find_best_threshold([Candidate(*each) for each in candidates], unanswerable)
    assert found == Best(threshold, total)


@pytest.mark.parametrize("null", [-2.0, 0.0])
def test_if_nothing_is_worth_answering_the_threshold_is_below_all_null_scores(null: float) -> None:
    """The official 0 would let these questions in: it is made for probabilities."""
    found = find_best_threshold([Candidate(null, -1.0)], 1)
    assert found.total == 1
    assert found.threshold < null
    assert found.threshold == pytest.approx(null)


def test_exact_match_and_f1_have_a_threshold_each() -> None:
    """Null scores by question; what an answer gains in exact match and in F1:

        a -3  wanted "Denver Broncos", found it        1     1
        b -2  no answer, found "x"                    -1    -1
        c -1  wanted "Ada Lovelace", found "Ada"       0     2/3
        d  0  wanted "Ada Lovelace", found "Ada"       0     2/3

    Both sums start at 1 (b). Exact match: 2, 1, 1, 1, best at a. F1: 2, 1, 1 2/3, 2 1/3, best at d.
    """
    answers: dict[str, Gold] = {
        "a": golds("Denver Broncos"),
        "b": (),
        "c": golds("Ada Lovelace"),
        "d": golds("Ada Lovelace"),
    }
    found = [
        predicted("d", "Ada", 0.0),
        predicted("a", "Denver Broncos", -3.0),
        predicted("b", "x", -2.0),
        predicted("c", "Ada", -1.0),
    ]
    metric = RAW.tuned(answers, found)
    assert (metric.exact_threshold, metric.f1_threshold) == (-3.0, 0.0)
    score = scored(metric, answers, found)
    # Exact: a right, b rightly unanswered, c and d unanswered. F1: 1, 0 (b is answered), 2/3, 2/3.
    assert score.details == pytest.approx(
        {
            "exact_match": 50.0,
            "f1": 100 * 7 / 12,
            "HasAns_exact": 100 / 3,
            "HasAns_f1": 100 * 7 / 9,
            "NoAns_exact": 100.0,
            "NoAns_f1": 0.0,
            "best_exact_thresh": -3.0,
            "best_f1_thresh": 0.0,
        }
    )
    assert score.value == pytest.approx((50 + 100 * 7 / 12) / 2)
    assert score.n == 4


def test_a_threshold_of_other_predictions_is_applied_as_it_is() -> None:
    """Tuned on one question with the null score 1.5, which is worth answering."""
    metric = RAW.tuned({"v": golds("x")}, [predicted("v", "x", 1.5)])
    answers: dict[str, Gold] = {"at": golds("x"), "above": golds("x"), "none": ()}
    found = [
        predicted("at", "x", 1.5),  # not above the threshold: the span stands
        predicted("above", "x", 1.5001),
        predicted("none", "x", 9.0),
    ]
    assert scored(metric, answers, found).details["exact_match"] == pytest.approx(200 / 3)


def test_without_evidence_nothing_is_tuned_and_every_answer_stands() -> None:
    """What the oracle says, or free text: an empty value is "no answer"."""
    answers: dict[str, Gold] = {"a": golds("x"), "b": (), "c": ()}
    found = [predicted("a", "x", None), predicted("b", "", None), predicted("c", "y", None)]
    metric = RAW.tuned(answers, found)
    assert metric == RAW
    score = scored(metric, answers, found)
    assert score.details["exact_match"] == pytest.approx(200 / 3)
    assert "best_exact_thresh" not in score.details


def test_a_written_no_is_no_answer_whatever_the_threshold() -> None:
    """`value` "" with evidence 0 gains nothing in the sweep, so only `a` moves the threshold."""
    answers: dict[str, Gold] = {"a": golds("x"), "b": (), "c": golds("y")}
    found = [predicted("a", "x", 2.0), predicted("b", "", 0.0), predicted("c", "", 0.0)]
    metric = RAW.tuned(answers, found)
    assert metric.exact_threshold == 2.0
    assert scored(metric, answers, found).details["exact_match"] == pytest.approx(200 / 3)


def test_an_invalid_prediction_is_wrong_but_may_fall_below_the_threshold() -> None:
    metric = SquadV2(exact_threshold=0.0, f1_threshold=0.0)
    assert metric.statistics((), None, 1.0)[:2] == (0.0, 0.0)
    assert metric.statistics((), None, -1.0)[:2] == (1.0, 1.0)


def test_groups_without_a_question_have_no_figures() -> None:
    only = scored(RAW, {"a": golds("x")}, [predicted("a", "x", None)])
    assert set(only.details) == {"exact_match", "f1", "HasAns_exact", "HasAns_f1"}
    none = scored(RAW, {"a": ()}, [predicted("a", "", None)])
    assert set(none.details) == {"exact_match", "f1", "NoAns_exact", "NoAns_f1"}


def test_it_is_a_tuned_metric_with_one_signature() -> None:
    metric = METRICS["squad_v2"]()
    assert isinstance(metric, Tuned)
    assert metric.tuned({"a": ()}, [predicted("a", "x", 0.0)]).signature == metric.signature


def test_a_missing_prediction_is_named() -> None:
    with pytest.raises(UserError, match="'b' has no prediction"):
        RAW.tuned({"a": (), "b": ()}, [predicted("a", "x", 0.0)])


@pytest.mark.parametrize("gold", ["x", ("NOUN",)])
def test_other_golds_of_squad_v2_are_a_bug(gold: Gold) -> None:
    with pytest.raises(ValueError, match="no answers"):
        RAW.statistics(gold, "x")


QUESTION = st.tuples(
    st.sampled_from([(), golds("x"), golds("x y")]), st.sampled_from(["x", "z", ""])
)


@given(st.lists(QUESTION, min_size=1, max_size=7))
def test_the_threshold_is_the_best_of_all(questions: list[tuple[Gold, str]]) -> None:
    """With different null scores, no other threshold reaches a higher exact match or F1."""
    answers = {str(i): gold for i, (gold, _) in enumerate(questions)}
    found = [predicted(str(i), value, float(i - 3)) for i, (_, value) in enumerate(questions)]
    best = scored(RAW.tuned(answers, found), answers, found).details
    every = [-math.inf, *(float(i - 3) for i in range(len(questions)))]
    for exact, f1 in itertools.product(every, every):
        other = scored(SquadV2(exact, f1), answers, found).details
        assert other["exact_match"] <= best["exact_match"] + 1e-9
        assert other["f1"] <= best["f1"] + 1e-9


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
    assert normalized_in(text, language) == form


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
def test_mlqa_scores_by_hand(
    language: str, wanted: list[str], found: str, exact: float, f1: float
) -> None:
    golds = tuple(Answer(text, 0) for text in wanted)
    assert Mlqa(language).statistics(golds, found) == pytest.approx((exact, f1))


def test_the_mlqa_score_is_the_mean_of_both_and_an_invalid_answer_is_wrong() -> None:
    metric = Mlqa("de")
    golds = (Answer("Rhein", 0),)
    score = metric.scored([metric.statistics(golds, "Rhein"), metric.statistics(golds, None)])
    assert (score.value, dict(score.details)) == (50.0, {"exact_match": 50.0, "f1": 50.0})


def test_the_signature_names_the_language() -> None:
    metric = Mlqa().for_language("zh")
    assert metric.signature == (
        "mlqa|mean:exact_match,f1|normalizer:mlqa1.0|language:zh|answers:best|version:1"
    )
    assert "language" not in Mlqa().signature


def test_a_language_without_a_normaliser_is_refused() -> None:
    with pytest.raises(UnsupportedError, match=r"no normaliser for the language 'ru': it has en"):
        Mlqa().for_language("ru")


def test_other_metrics_are_the_same_in_every_language() -> None:
    metric = Squad()
    assert metric.for_language("ru") is metric


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
    assert normalized_in(text, language) == " ".join(words_again(text, language))


@given(TEXTS)
def test_squads_rules_stated_again(text: str) -> None:
    bare = "".join(char for char in text.lower() if char not in string.punctuation)
    runs = re.findall(r"\w+|\W", bare)
    left = "".join(" " if run in ("a", "an", "the") else run for run in runs)
    assert normalized(text) == " ".join(left.split())


@pytest.mark.parametrize("language", ARTICLES)
@given(TEXTS)
def test_an_answer_matches_itself(language: str, text: str) -> None:
    exact, f1 = Mlqa(language).statistics((Answer(text, 0),), text)
    assert exact == 1
    assert f1 == (1 if normalized_in(text, language) else 0)
