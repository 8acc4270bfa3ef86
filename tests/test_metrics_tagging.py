"""Span F1 agrees with seqeval 0.0.12, by hand and by the reference's own numbers; CCG's score."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from t2t_xfer.errors import UserError
from t2t_xfer.metrics import SpanF1, TokenAccuracy
from t2t_xfer.metrics.tagging import read_spans

GOLDEN = Path(__file__).parent / "data" / "span_f1_seqeval_0_0_12.json"
TAGS = ["NOUN", "VERB", "X", "SYM", "SCONJ", "INTJ", "PUNCT", "O", "B-PER", "I-PER", "S-PER"]
tag_lists = st.lists(st.sampled_from(TAGS), min_size=1).map(tuple)


def score_of(*pairs):
    metric = SpanF1()
    return metric.scored([metric.statistics(tuple(g.split()), tuple(p.split())) for g, p in pairs])


@pytest.mark.parametrize(
    ("tags", "spans"),
    [
        ("NOUN NOUN VERB", {("NOUN", 0, 1), ("VERB", 2, 2)}),  # equal neighbours are one span
        ("NOUN X", {("NOUN", 0, 0), ("X", 1, 1)}),  # a final X is a span (lost by seqeval 1.x)
        ("X NOUN", {("X", 0, 0), ("NOUN", 1, 1)}),
        ("X X", {("X", 0, 1)}),
        ("SYM SYM", {("SYM", 0, 0), ("SYM", 1, 1)}),  # read as S-: never merges
        ("SCONJ SCONJ", {("SCONJ", 0, 0), ("SCONJ", 1, 1)}),
        ("INTJ INTJ NOUN", {("INTJ", 0, 1), ("NOUN", 2, 2)}),  # read as I-: merges, closed by type
        ("O NOUN O", {("NOUN", 1, 1)}),  # O is no label
        ("OTHER NOUN", {("NOUN", 1, 1)}),  # nor is anything that begins with O
        ("B-PER I-PER B-PER", {("PER", 0, 1), ("PER", 2, 2)}),
        ("B-PER I-LOC", {("PER", 0, 0), ("LOC", 1, 1)}),
        ("I-PER I-PER O", {("PER", 0, 1)}),  # I- without B- opens a span
        ("O I-PER B-PER", {("PER", 1, 1), ("PER", 2, 2)}),
        ("S-A I-A E-A I-A", {("A", 0, 0), ("A", 1, 2), ("A", 3, 3)}),
        ("NOUN . NOUN", {("NOUN", 0, 0), ("NOUN", 2, 2)}),  # the tag "." separates, uncounted
        ("B-A . I-.", {("A", 0, 0), (".", 0, 2)}),  # the reference's stale start
        ("O O", set()),
        ("", set()),
    ],
)
def test_spans_of_a_sentence(tags, spans):
    assert read_spans(tuple(tags.split())) == spans


@pytest.mark.parametrize("tags", ["X-O NOUN", "O-A X-A", ".-A I-A"])
def test_a_span_that_never_started_is_refused(tags):
    # The reference would let it start in an earlier sentence.
    with pytest.raises(UserError, match="ends a span that no tag has started"):
        read_spans(tuple(tags.split()))


def test_f1_is_not_token_accuracy():
    # Gold spans DET, NOUN(1-2), VERB; predicted DET, NOUN(1), VERB(2-3): one of three right.
    score = score_of(("DET NOUN NOUN VERB", "DET NOUN VERB VERB"))
    assert score.value == pytest.approx(100 / 3)
    assert score.details["token_accuracy"] == 75.0


def test_precision_and_recall_have_their_own_denominators():
    # Gold has one span, the prediction four, one of them right.
    score = score_of(("NOUN O O O", "NOUN ADJ DET X"))
    assert score.details["precision"] == 25.0
    assert score.details["recall"] == 100.0
    assert score.value == pytest.approx(40.0)
    assert score.n == 1


def test_no_span_on_both_sides_is_zero():
    assert score_of(("O O", "O O")).value == 0.0


def test_an_invalid_prediction_has_no_spans_and_no_right_tag():
    metric = SpanF1()
    assert metric.statistics(("DET", "NOUN"), None) == (0.0, 0.0, 2.0, 0.0, 2.0)


def test_a_missing_tag_is_an_error_and_never_a_shift():
    with pytest.raises(UserError, match=r"1 predicted tags for 2 words.*Gold: DET NOUN"):
        SpanF1().statistics(("DET", "NOUN"), ("DET",))


@pytest.mark.parametrize("case", json.loads(GOLDEN.read_text(encoding="utf-8"))["cases"])
def test_equals_the_reference(case):
    score = score_of(*zip(case["gold"], case["predicted"], strict=True))
    assert score.value == pytest.approx(100 * case["f1"], abs=1e-9)
    assert score.details["precision"] == pytest.approx(100 * case["precision"], abs=1e-9)
    assert score.details["recall"] == pytest.approx(100 * case["recall"], abs=1e-9)


@given(tag_lists)
def test_gold_scores_the_ceiling(tags):
    # 100, or 0 where the gold answer has no span at all.
    metric = SpanF1()
    score = metric.scored([metric.statistics(tags, tags)])
    assert score.value == (100.0 if read_spans(tags) else 0.0)
    assert score.details["token_accuracy"] == 100.0


@given(tag_lists, tag_lists)
def test_sentences_do_not_touch_each_other(one, two):
    # The reference flattens a file with an O after each sentence.
    shifted = {(kind, a + len(one) + 1, b + len(one) + 1) for kind, a, b in read_spans(two)}
    assert read_spans((*one, "O", *two)) == read_spans(one) | shifted


def test_token_accuracy_is_over_words_not_sentences():
    metric = TokenAccuracy()
    # One of one word and one of three: 2 of 4, not the mean of 100 and 33.
    rows = [
        metric.statistics(("N",), ("N",)),
        metric.statistics(("N", "S\\NP", "NP/N"), ("N", "NP/N", "S\\NP")),
    ]
    assert metric.scored(rows).value == 50
    assert metric.statistics(("N", "N"), None) == (0, 2)


def test_a_missing_tag_is_an_error():
    with pytest.raises(UserError, match="1 predicted tags for 2 words"):
        TokenAccuracy().statistics(("N", "N"), ("N",))
