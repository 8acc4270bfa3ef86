"""The stream of a training: rates, order, and that it can be entered anywhere."""

from __future__ import annotations

from collections import Counter
from itertools import groupby

import pytest

from t2t_xfer.training.mixture import Mixture, Part, Rate, quotas

THREE = (Part("mnli", 60), Part("squad_v1", 30), Part("hellaswag", 10))


def names(mixture: Mixture, start: int, count: int) -> list[str]:
    return [mixture.parts[place.task].name for place in mixture.places(start, count)]


@pytest.mark.parametrize(
    ("rate", "cap", "temperature", "expected"),
    [
        ("proportional", None, 1.0, [60, 30, 10]),
        # an artificial limit of 20: 20 + 20 + 10 examples, so an epoch of 50
        ("proportional", 20, 1.0, [20, 20, 10]),
        # 100 / 3 each; the place left over goes to the first
        ("equal", None, 1.0, [34, 33, 33]),
        # square roots 7.746 5.477 3.162 of 16.385: 47.27 33.43 19.30, one left for the .43
        ("temperature", None, 2.0, [47, 34, 19]),
        ("temperature", None, 1.0, [60, 30, 10]),
        # square roots of 20 20 10: 4.472 4.472 3.162 of 12.107, times 50: 18.47 18.47 13.06
        ("temperature", 20, 2.0, [19, 18, 13]),
    ],
)
def test_quotas(rate: Rate, cap: int | None, temperature: float, expected: list[int]) -> None:
    assert quotas([60, 30, 10], rate, cap, temperature) == expected


def test_no_task_is_left_out_however_small() -> None:
    assert quotas([1_000_000, 1], "proportional")[1] == 1
    assert min(quotas([10, 10, 1], "temperature", None, 0.1)) == 1


def test_an_empty_task_is_refused() -> None:
    with pytest.raises(ValueError, match="must be positive"):
        quotas([3, 0], "equal")


def test_a_proportional_epoch_is_one_pass_over_every_task() -> None:
    mixture = Mixture(THREE, seed=3)
    for epoch in range(2):
        places = mixture.places(epoch * 100, 100)
        seen = Counter((place.task, place.example) for place in places)
        assert set(seen.values()) == {1}
        assert len(seen) == 100
        assert {place.epoch for place in places} == {epoch}


def test_small_tasks_come_around_more_often_when_rates_are_equal() -> None:
    mixture = Mixture(THREE, "equal", seed=0)
    hellaswag = [place for place in mixture.places(0, 100) if place.task == 2]
    # 33 places for 10 examples: three passes and the start of a fourth
    assert Counter(place.epoch for place in hellaswag) == {0: 10, 1: 10, 2: 10, 3: 3}


def test_the_stream_can_be_entered_anywhere() -> None:
    whole = Mixture(THREE, "equal", seed=5).places(0, 350)
    assert Mixture(THREE, "equal", seed=5).places(217, 100) == whole[217:317]


def test_every_epoch_and_every_seed_has_another_order() -> None:
    mixture, other = Mixture(THREE, seed=0), Mixture(THREE, seed=1)
    assert names(mixture, 0, 100) != names(mixture, 100, 100)
    assert names(mixture, 0, 100) != names(other, 0, 100)
    assert mixture.places(0, 100) != mixture.places(100, 100)


def test_tasks_take_no_fixed_turns() -> None:
    """A fixed interleaving (a b a b …) is a known defect elsewhere."""
    two = Mixture((Part("a", 500), Part("b", 500)), seed=0)
    runs = [len(list(run)) for _, run in groupby(names(two, 0, 1000))]
    # Of random turns, about half of the runs have length 1 and the longest is near log2(1000).
    assert 400 < len(runs) < 600
    assert 5 <= max(runs) <= 20


def test_tasks_of_one_size_are_shuffled_differently() -> None:
    two = Mixture((Part("a", 50), Part("b", 50)), seed=0)
    places = two.places(0, 100)
    orders = [[p.example for p in places if p.task == task] for task in (0, 1)]
    assert orders[0] != orders[1]


def test_counts_are_what_the_stream_holds() -> None:
    mixture = Mixture(THREE, "temperature", cap=20, temperature=2.0, seed=9)
    drawn = Counter(names(mixture, 0, 173))
    assert mixture.counts(173) == dict(drawn)


def test_one_task_keeps_the_order_it_has_always_had() -> None:
    """The identity of a training does not name the order, so it may not change."""
    one = Mixture.of_one(8, seed=0)
    assert [place.example for place in one.places(0, 8)] == EXPECTED_ORDER
    assert sorted(place.example for place in one.places(8, 8)) == list(range(8))


# random.Random("order:0:0") shuffling 0..7
EXPECTED_ORDER = [1, 3, 0, 4, 6, 2, 5, 7]
