"""Accuracy, the catalogue of metrics, the pairing of predictions and examples, and noise."""

import pytest

from t2t_xfer.errors import DataError, UserError
from t2t_xfer.metrics import METRICS, Accuracy, SpanF1, half_width, statistics_by_id
from t2t_xfer.records import Prediction, Status
from t2t_xfer.specs.metric import METRICS as SPEC_METRICS


def prediction(id, value):
    return Prediction(id, value, Status.exact if value else Status.invalid)


def test_accuracy_counts_invalid_as_wrong():
    metric = Accuracy()
    pairs = [("yes", "yes"), ("yes", "no"), ("no", None), ("no", "no")]
    score = metric.score([metric.statistics(gold, value) for gold, value in pairs])
    assert (score.value, score.n) == (50.0, 4)


@pytest.mark.parametrize("name", METRICS)
def test_nothing_to_score_is_an_error(name):
    with pytest.raises(DataError, match="no examples"):
        METRICS[name]().score([])


def test_every_signature_names_its_metric_and_version_and_is_its_own():
    metrics = {name: make() for name, make in METRICS.items()}
    for name, metric in metrics.items():
        assert metric.name == name
        assert metric.signature.startswith(f"{name}|")
        assert "|version:" in metric.signature
    assert len({metric.signature for metric in metrics.values()}) == len(metrics)


def test_signatures_are_frozen():
    """A changed number needs a changed signature, and an unchanged one must keep its own."""
    assert SpanF1().signature == "span_f1|semantics:seqeval-0.0.12|version:1"
    assert Accuracy().signature == "accuracy|match:exact|invalid:wrong|version:1"


def test_specs_and_metrics_agree_on_the_names():
    assert set(METRICS) == set(SPEC_METRICS)


def test_statistics_follow_the_order_of_the_examples():
    predictions = [prediction("b", "no"), prediction("a", "yes")]
    rows = statistics_by_id(Accuracy(), {"a": "yes", "b": "yes"}, predictions)
    assert list(rows.items()) == [("a", (1.0,)), ("b", (0.0,))]


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        (["a"], "example 'b' has no prediction"),
        (["a", "b", "a"], "example 'a' has two predictions"),
        (["a", "b", "c"], "prediction 'c' answers no example"),
    ],
)
def test_examples_and_predictions_pair_up_exactly(ids, message):
    predictions = [prediction(id, "yes") for id in ids]
    with pytest.raises(UserError, match=message):
        statistics_by_id(Accuracy(), {"a": "yes", "b": "yes"}, predictions)


def test_a_wrong_number_of_tags_names_the_example():
    predictions = [Prediction("17", ("DET",), Status.scored)]
    with pytest.raises(UserError, match="example '17': 1 predicted tags for 2 words"):
        statistics_by_id(SpanF1(), {"17": ("DET", "NOUN")}, predictions)


@pytest.mark.parametrize(
    ("percentage", "n", "expected"),
    [
        # Wilson's interval by hand with z = 1.959964: z/(1+z²/n) * sqrt(p(1-p)/n + z²/4n²).
        (50.0, 100, 9.617),
        (0.0, 100, 1.850),
        (100.0, 100, 1.850),
        (80.0, 2000, 1.752),
    ],
)
def test_half_width(percentage, n, expected):
    assert half_width(percentage, n) == pytest.approx(expected, abs=2e-3)


@pytest.mark.parametrize(("percentage", "n"), [(50.0, 0), (101.0, 10), (-1.0, 10)])
def test_half_width_of_nonsense_is_refused(percentage, n):
    with pytest.raises(ValueError, match="expected"):
        half_width(percentage, n)
