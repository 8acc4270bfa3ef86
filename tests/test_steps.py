"""A step is N examples, a function of (seed, step), the same whatever the tokens are."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from t2t_xfer.architectures.rows import Row, cheapest_batches, token_budget_batches
from t2t_xfer.training.mixture import Mixture, StreamPlace
from t2t_xfer.training.steps import StepDataset, num_steps, padded_tokens, padding_share


def dataset(
    lengths: list[int], *, per_step: int = 4, budget: int = 20, seed: int = 0
) -> StepDataset:
    def rows_of(at: StreamPlace) -> list[Row]:
        return [Row(str(at.example), tuple(range(lengths[at.example])), (0,), labels=(1,))]

    return StepDataset(
        Mixture.of_one(len(lengths), seed),
        rows_of,
        per_step=per_step,
        total_steps=10,
        micro_batch_tokens=budget,
    )


def test_token_lengths_cut_a_step_but_do_not_choose_its_examples() -> None:
    short, long = dataset([3] * 12), dataset([9, 1, 17, 4] * 3)
    for step in range(5):
        a, b = short[step], long[step]
        assert set(a.ids) == set(b.ids)
        assert a.num_examples == b.num_examples == 4
    assert max(len(batch) for batch in long[0].shares()[0]) < 4


def test_micro_batches_fit_the_budget_and_lose_nothing() -> None:
    lengths = [5, 30, 7, 7, 2, 9, 11, 4]
    batches = token_budget_batches(lengths, 20)
    assert sorted(i for batch in batches for i in batch) == list(range(8))
    for batch in batches:
        assert len(batch) == 1 or max(lengths[i] for i in batch) * len(batch) <= 20


def cost(batches: list[list[int]], lengths: list[int], pass_cost: int) -> int:
    return sum(max(lengths[i] for i in b) * len(b) + pass_cost for b in batches)


def every_cut(order: list[int]) -> Iterator[list[list[int]]]:
    if not order:
        yield []
    for size in range(1, len(order) + 1):
        for rest in every_cut(order[size:]):
            yield [order[:size], *rest]


@given(
    st.lists(st.integers(1, 40), min_size=1, max_size=8),
    st.integers(20, 120),
    st.integers(0, 50),
)
def test_no_cut_is_cheaper(lengths: list[int], budget: int, pass_cost: int) -> None:
    found = cheapest_batches(lengths, budget, pass_cost)
    assert sorted(i for batch in found for i in batch) == list(range(len(lengths)))
    order = sorted(range(len(lengths)), key=lambda i: (-lengths[i], i))
    assert [i for batch in found for i in batch] == order
    fits = [
        cut
        for cut in every_cut(order)
        if all(len(b) == 1 or lengths[b[0]] * len(b) <= budget for b in cut)
    ]
    assert found in fits
    assert cost(found, lengths, pass_cost) == min(cost(cut, lengths, pass_cost) for cut in fits)


def test_a_dearer_pass_means_fewer_of_them() -> None:
    lengths = [100] * 4 + [20] * 12
    assert len(cheapest_batches(lengths, 4096, 96)) == 2
    assert len(cheapest_batches(lengths, 4096, 1024)) == 1
    assert len(token_budget_batches(lengths, 4096)) == 1


@pytest.mark.parametrize(
    ("examples", "per_step", "epochs", "steps", "expected"),
    [(100, 32, 3.0, None, 10), (100, 32, 3.0, 7, 7), (3, 32, 1.0, None, 1), (64, 32, 0.5, None, 1)],
)
def test_number_of_steps(
    examples: int, per_step: int, epochs: float, steps: int | None, expected: int
) -> None:
    assert num_steps(examples, per_step, epochs, steps) == expected


def test_padding_share_counts_what_is_computed_for_nothing() -> None:
    rows = [Row("a", (1, 2, 3, 4), (0,)), Row("b", (1, 2), (0,))]
    assert padded_tokens([rows]) == 8
    assert padding_share(4 + 2, 8) == pytest.approx(2 / 8)
