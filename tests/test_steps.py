"""A step is N examples, a function of (seed, step), the same whatever the tokens are."""

import pytest

from t2t_xfer.architectures.rows import Row, token_budget_batches
from t2t_xfer.training.mixture import Mixture, Place
from t2t_xfer.training.steps import StepDataset, num_steps, padded_tokens, padding_share


def dataset(
    lengths: list[int], *, per_step: int = 4, budget: int = 20, seed: int = 0
) -> StepDataset:
    def rows_of(at: Place) -> list[Row]:
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
