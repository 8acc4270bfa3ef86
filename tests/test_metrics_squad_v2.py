"""SQuAD 2.0's scores and thresholds by hand: the sweep, its ties, and who has no answer."""

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from t2t_xfer.errors import UserError
from t2t_xfer.metrics import METRICS, Tuned, statistics_by_id
from t2t_xfer.metrics.qa import Best, Candidate, SquadV2, find_best_threshold
from t2t_xfer.records import Answer, Gold, Prediction, Score, Status

RAW = SquadV2()


def golds(*texts: str) -> tuple[Answer, ...]:
    return tuple(Answer(text, 0) for text in texts)


def predicted(id: str, value: str | None, null: float | None) -> Prediction:
    """A prediction by its null score, which is the evidence with its sign turned."""
    status = Status.invalid if value is None else Status.exact
    return Prediction(id, value, status, None if null is None else -null)


def scored(metric: SquadV2, answers: dict[str, Gold], found: list[Prediction]) -> Score:
    return metric.score(list(statistics_by_id(metric, answers, found).values()))


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
def test_other_golds_are_a_bug(gold: Gold) -> None:
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
