"""A model that gives one answer to everything is named, marked, and no exact zero in any mean."""

from __future__ import annotations

import numpy as np
import pytest

from t2t_xfer.records import Prediction, Status
from t2t_xfer.report.findings import Analysis, study_numbers
from t2t_xfer.report.numbers import mean_of, redraw
from t2t_xfer.stages.score import _answers
from t2t_xfer.study.results import Result

from .observing import cell

N = 100


def dead_and_moved(*, models: tuple[str, ...] = ("enc",)) -> list[Result]:
    """xnli loses 5 of 100 examples; on paws_x every run gives one constant answer."""
    right = np.arange(N) < 55
    found = []
    for model in models:
        for intermediate, lost in (("none", 0), ("mnli", 5)):
            for language in ("en", "de"):
                place = {"model": model, "intermediate": intermediate, "language": language}
                found.append(
                    cell(right & (np.arange(N) >= lost), target="xnli", answers=3, **place)
                )
                found.append(cell(right, target="paws_x", answers=1, **place))
    return found


def analysis(observed: list[Result]) -> Analysis:
    return study_numbers(observed).main.analysis


def test_a_cell_that_cannot_move_is_no_exact_zero_in_a_mean() -> None:
    """-5 and an exact 0 made "a loss beyond chance" (p = 0.02) of two targets, one of them dead."""
    found = analysis(dead_and_moved())
    moved, dead = found.change("enc", "mnli", "xnli"), found.change("enc", "mnli", "paws_x")
    mean = found.change("enc", None, None)
    assert moved is not None
    assert dead is not None
    assert mean is not None
    unseen = 100 * (1 - 0.05 ** (1 / N))
    assert (dead.interval.value, dead.p, dead.unseen) == (0, 1, pytest.approx(unseen))
    assert dead.interval.high == pytest.approx(unseen)
    assert (mean.interval.value, mean.unseen) == pytest.approx((-2.5, unseen / 2))
    assert moved.unseen == 0
    # Two independent normal errors, of the half that moved and of the half that could not.
    spread = np.hypot(np.sqrt(0.05 * 0.95 / N) * 100 / 2, unseen / 2 / 1.96)
    assert mean.interval.high == pytest.approx(-2.5 + 1.96 * spread, abs=0.3)
    assert mean.interval.high > 0
    assert 0.04 < mean.p < 0.09
    assert not mean.significant


def test_what_cannot_move_is_in_contrasts_and_gaps() -> None:
    """Two dead models do not cancel: the difference of two unknowns is not known better."""
    found = analysis(dead_and_moved(models=("enc", "dec")))
    contrast = found.contrast("enc", "dec", "paws_x")
    gap = found.gap("enc", "mnli", "paws_x")
    unseen = 100 * (1 - 0.05 ** (1 / N))
    assert contrast is not None
    assert gap is not None
    assert gap.change is not None
    for interval in (contrast.interval, gap.change):
        assert interval.high == pytest.approx(2 * unseen)
        assert interval.low == pytest.approx(-2 * unseen)
    assert (contrast.p, gap.p, gap.significant) == (1, 1, False)


def test_two_models_that_moved_alike_are_no_exact_zero_either() -> None:
    """They cancel in every redrawing, though each of them moved."""
    right = np.arange(N) < 55
    found = analysis(
        [
            cell(right & (np.arange(N) >= lost), model=model, intermediate=intermediate)
            for model in ("enc", "dec")
            for intermediate, lost in (("none", 0), ("mnli", 5))
        ]
    )
    contrast = found.contrast("enc", "dec")
    assert contrast is not None
    assert (contrast.interval.value, contrast.p) == (0, 1)
    assert contrast.interval.high == pytest.approx(100 * (1 - 0.05 ** (1 / N)))


def test_intervals_of_means_with_cells_that_do_not_move_cover_the_truth() -> None:
    """Of three targets, 6 of 1,000 examples are lost in each: a third of the cells of 200 examples
    shows none of it. With those as exact zeros, 85 % of the intervals held the truth."""
    rng, held = np.random.default_rng(1), 0
    for study in range(150):
        cells = []
        for target in ("xnli", "paws_x", "udpos"):
            before = rng.random(200) < 0.5
            after = before & (rng.random(200) >= 0.012)
            for name, right in (("none", before), ("mnli", after)):
                cells.append(cell(right, target=target, intermediate=name))
        changes = redraw(cells, replicates=200, seed=study).changes
        mean = mean_of(changes.over("enc", "mnli", each.target, ["de"]) for each in cells[::2])
        assert mean is not None
        interval = mean.interval()
        held += interval.low <= -0.6 <= interval.high
    assert held / 150 > 0.94


@pytest.mark.parametrize(
    ("values", "different", "commonest"),
    [
        (["yes", "yes", "yes"], 1, 1.0),
        (["yes", None, "no"], 3, 1 / 3),  # what could not be read is an answer as well
        ([None, None], 1, 1.0),
        ([("X", "X"), ("X",), ("X", "X", "X")], 1, 1.0),  # one tag, though other sentences
        ([("X", "X", "Y"), ("X",)], 2, 0.75),
        ([(), ("O",)], 2, 0.5),
        (["", "", "", "Bonn"], 2, 0.75),
    ],
)
def test_answers_are_counted(values: list[object], different: int, commonest: float) -> None:
    predictions = [
        Prediction(str(i), value, Status.invalid if value is None else Status.scored)  # type: ignore[arg-type]
        for i, value in enumerate(values)
    ]
    assert _answers(predictions) == {
        "different_answers": different,
        "commonest_share": pytest.approx(commonest),
    }
