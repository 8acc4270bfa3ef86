"""SQuAD's scores by hand, with the traps of the published normaliser kept as they are."""

import pytest

from t2t_xfer.metrics import METRICS
from t2t_xfer.metrics.qa import Squad, normalized
from t2t_xfer.records import Answer

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
    score = SQUAD.score([(1.0, 1.0), (0.0, 0.5)])
    assert score.value == 62.5
    assert score.details == {"exact_match": 50.0, "f1": 75.0}
    assert (score.n, METRICS["squad"]().signature) == (2, score.signature)


@pytest.mark.parametrize("gold", ["x", (), ("NOUN",)])
def test_other_golds_are_a_bug(gold: object) -> None:
    with pytest.raises(ValueError, match="no answers"):
        SQUAD.statistics(gold, "x")  # type: ignore[arg-type]
