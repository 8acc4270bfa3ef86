"""The below-chance alarm: exact at its borders, deaf to constant answers and to bad luck."""

from __future__ import annotations

import random

import pytest

from t2t_xfer.metrics.chance import (
    ALPHA,
    alarm,
    below_chance,
    chance_level,
    renamed,
)
from t2t_xfer.study.results import Result

from .reported import page as render


def test_the_border_of_the_alarm() -> None:
    # All of n answers wrong by fair coins: 0.5 ** 13 is 1.2e-4, 0.5 ** 14 is 6.1e-5.
    assert 0.5**14 < ALPHA < 0.5**13
    assert not below_chance(0.0, 13, 50.0)
    assert below_chance(0.0, 14, 50.0)


def test_chance_is_the_share_of_the_rarest_answer() -> None:
    assert chance_level([30, 50, 20]) == 20.0
    assert chance_level([30, 0]) == 0.0  # always saying the other one is right never


def test_a_constant_answer_raises_no_alarm() -> None:
    """Whichever label it is: 44 % on 2,000 pairs is far below a half, and no evidence."""
    counts = [1120, 880]
    level = chance_level(counts)
    assert [alarm(100 * count / 2000, 2000, level) for count in counts] == [None, None]
    assert below_chance(44.0, 2000, 50.0)


def test_coins_raise_no_alarm() -> None:
    rng = random.Random(0)
    scores = [sum(rng.random() < 1 / 3 for _ in range(500)) / 5 for _ in range(300)]
    assert not any(below_chance(score, 500, 100 / 3) for score in scores)


def test_an_inverted_reader_raises_it() -> None:
    """One that is right in 80 of 100 cases, about labels that are turned round."""
    found = alarm(20.0, 100, 50.0)
    assert found is not None
    assert "inverted" in found


@pytest.mark.parametrize(("score", "n", "chance"), [(50.0, 0, 50.0), (101.0, 5, 50.0)])
def test_no_number_no_alarm(score: float, n: int, chance: float) -> None:
    with pytest.raises(ValueError, match="n > 0"):
        below_chance(score, n, chance)


LABELS = ("entailment", "neutral", "contradiction")


def confusion(order: tuple[str, ...], right: int, wrong: int) -> dict[tuple[str, str], int]:
    """A reader of three labels that says `order[i]` where it means label i."""
    return {
        (gold, said): right if i == j else wrong
        for i, gold in enumerate(LABELS)
        for j, said in enumerate(order)
    }


def test_two_exchanged_labels_of_three_are_found() -> None:
    """The score is a third, so below-chance is silent; the renaming is not."""
    pairs = confusion(("contradiction", "neutral", "entailment"), right=80, wrong=10)
    assert alarm(100 * (80 + 10 + 10) / 300, 300, 100 / 3) is None
    found = renamed(LABELS, pairs)
    assert found is not None
    assert found.names == {"entailment": "contradiction", "contradiction": "entailment"}
    assert found.accuracy == 80.0


def test_right_labels_are_left_alone() -> None:
    assert renamed(LABELS, confusion(LABELS, right=80, wrong=10)) is None
    assert renamed(LABELS, confusion(LABELS, right=34, wrong=33)) is None


def test_chance_alone_renames_nothing() -> None:
    """The best of six renamings of random answers is above a third, but never clearly."""
    rng = random.Random(1)
    for _ in range(50):
        pairs: dict[tuple[str, str], int] = {}
        for _ in range(300):
            pair = (rng.choice(LABELS), rng.choice(LABELS))
            pairs[pair] = pairs.get(pair, 0) + 1
        assert renamed(LABELS, pairs) is None


def cell(score: float, *, invalid_rate: float = 0.0, chance: float | None = 50.0) -> Result:
    row = Result(
        *("small", "tiny", "encoder", "none", "paws_x", "de", 0, "accuracy", score, 200),
        *(invalid_rate, "slots", "accuracy|version:1"),
        chance=chance,
    )
    assert row.target == "paws_x"
    return row


def test_the_report_names_cells_below_chance() -> None:
    page = render([cell(12.0)])
    assert "Below chance: tiny, none, paws_x in de, seed 0: 12.0 on 200 answers" in page.replace(
        "\\", ""
    )


@pytest.mark.parametrize(
    "row",
    [
        cell(49.0),
        # 30 % of all answers right, but 60 % of those that could be read.
        cell(30.0, invalid_rate=0.5),
        cell(0.0, invalid_rate=1.0),
        cell(12.0, chance=None),
    ],
)
def test_the_report_is_silent_otherwise(row: Result) -> None:
    assert "Below chance" not in render([row])
