"""BUCC's F1 and its threshold, worked out by hand."""

from __future__ import annotations

import pytest

from t2t_xfer.errors import DataError, UserError
from t2t_xfer.metrics import METRICS, BuccF1, Tuned, statistics_by_id
from t2t_xfer.records import Gold, Prediction, Score, Status

GOLDS: dict[str, Gold] = {"f1": "e1", "f2": "e2", "f3": "e3", "f4": "", "f5": ""}


def mined(id: str, value: str, margin: float | None = None) -> Prediction:
    return Prediction(id, value, Status.scored, margin)


def score(metric: BuccF1, predictions: list[Prediction], golds: dict[str, Gold] = GOLDS) -> Score:
    return metric.scored([*statistics_by_id(metric, golds, predictions).values()])


@pytest.mark.parametrize(
    ("gold", "value", "expected"),
    [
        ("e1", "e1", (1, 1, 1)),
        ("e1", "e9", (0, 1, 1)),
        ("e1", "", (0, 0, 1)),
        ("e1", None, (0, 0, 1)),
        ("", "e1", (0, 1, 0)),
        ("", "", (0, 0, 0)),
        # Two translations in the pool are two gold pairs; one of them can be mined.
        (("e1", "e2"), "e2", (1, 1, 2)),
    ],
)
def test_statistics_count_right_mined_and_gold_pairs(
    gold: Gold, value: Gold | None, expected: tuple[float, ...]
) -> None:
    assert BuccF1().statistics(gold, value, 1.5) == expected


def test_f1_is_that_of_two_sets_of_pairs() -> None:
    predictions = [
        mined("f1", "e1", 1.3),
        mined("f2", "e7", 1.2),
        mined("f3", ""),
        mined("f4", "e9", 1.1),
        mined("f5", ""),
    ]
    # Mined {f1 e1, f2 e7, f4 e9}, gold {f1 e1, f2 e2, f3 e3}: one right.
    # P = 1/3, R = 1/3, F1 = 1/3.
    found = score(BuccF1(), predictions)
    assert found.value == pytest.approx(100 / 3)
    assert found.details == pytest.approx({"precision": 100 / 3, "recall": 100 / 3})
    assert found.n == 5


def test_nothing_right_is_zero_and_not_a_division_by_zero() -> None:
    nothing = [mined(id, "") for id in GOLDS]
    assert score(BuccF1(), nothing).value == 0


def test_the_threshold_is_half_way_to_the_next_margin() -> None:
    predictions = [
        mined("f1", "e1", 1.4),  # right: 1 of 1 mined, F1 = 2*1/(1+3) = 0.5
        mined("f4", "e5", 1.3),  # wrong: 1 of 2, 2*1/(2+3) = 0.4
        mined("f2", "e2", 1.2),  # right: 2 of 3, 2*2/(3+3) = 0.667, the best
        mined("f5", "e8", 1.0),  # wrong: 2 of 4, 2*2/(4+3) = 0.571
        mined("f3", "e4", 0.9),  # wrong: 2 of 5
    ]
    tuned = BuccF1().tuned(GOLDS, predictions)
    assert tuned.threshold == pytest.approx(1.1)  # between 1.2 and 1.0
    found = score(tuned, predictions)
    assert found.value == pytest.approx(100 * 2 / 3)
    assert found.details["threshold"] == pytest.approx(1.1)


def test_equal_margins_stand_or_fall_together() -> None:
    # Taken one by one, the right pair alone would have the better F1: 2*1/(1+3) = 0.5; both of
    # them have 2*1/(2+3) = 0.4, and all three 2*2/(3+3) = 0.667.
    predictions = [mined("f1", "e1", 1.2), mined("f4", "e5", 1.2), mined("f2", "e2", 1.1)]
    assert BuccF1().tuned(GOLDS, predictions).threshold == pytest.approx(1.1)


def test_the_highest_of_equally_good_thresholds() -> None:
    # 1 of 1 mined, 1 gold pair: F1 1, and no later margin reaches it.
    predictions = [mined("f1", "e1", 1.4), mined("f4", "e5", 1.0)]
    assert BuccF1().tuned({"f1": "e1", "f4": ""}, predictions).threshold == pytest.approx(1.2)


def test_after_the_last_margin_there_is_nothing_to_go_half_way_to() -> None:
    """The reference reads past the end of its list here."""
    predictions = [mined("f1", "e1", 1.4), mined("f2", "e2", 1.3)]
    tuned = BuccF1().tuned(GOLDS, predictions)
    assert tuned.threshold == 1.3
    assert tuned.statistics("e2", "e2", 1.3) == (1, 1, 1)


def test_margins_next_to_each_other_are_told_apart() -> None:
    above, below = 1.0000000000000002, 1.0  # no number lies between them
    predictions = [mined("f1", "e1", above), mined("f4", "e5", below)]
    tuned = BuccF1().tuned({"f1": "e1", "f4": ""}, predictions)
    assert tuned.statistics("e1", "e1", above) == (1, 1, 1)
    assert tuned.statistics("", "e5", below) == (0, 0, 0)


def test_without_a_right_pair_everything_stands() -> None:
    tuned = BuccF1().tuned(GOLDS, [mined("f4", "e5", 1.3)])
    assert tuned.threshold is None
    assert tuned.statistics("", "e5", 0.1) == (0, 1, 0)


def test_what_comes_without_a_margin_stands_at_any_threshold() -> None:
    assert BuccF1(threshold=9.0).statistics("e1", "e1", None) == (1, 1, 1)


def test_a_threshold_of_strangers_is_refused() -> None:
    with pytest.raises(UserError, match="'f9' answers no example"):
        BuccF1().tuned(GOLDS, [mined("f9", "e1", 1.0)])


def test_there_is_no_score_of_nothing() -> None:
    with pytest.raises(DataError):
        BuccF1().scored([])


def test_the_catalogue_knows_it_as_a_metric_with_a_threshold() -> None:
    assert isinstance(METRICS["bucc_f1"](), Tuned)
