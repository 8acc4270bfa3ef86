"""Accuracy, with and without F1 of a positive label; the catalogue of metrics; the pairing of
predictions and examples."""

from __future__ import annotations

from pathlib import Path

import pytest

from t2t_xfer.errors import DataError, SpecError, UserError
from t2t_xfer.metrics import METRICS, Accuracy, AccuracyF1, SpanF1, metric_of, statistics_by_id
from t2t_xfer.records import Prediction, Status
from t2t_xfer.specs.load import load_yaml
from t2t_xfer.specs.task import TaskSpec


def prediction(id, value):
    return Prediction(id, value, Status.exact if value else Status.invalid)


def test_accuracy_counts_invalid_as_wrong():
    metric = Accuracy()
    pairs = [("yes", "yes"), ("yes", "no"), ("no", None), ("no", "no")]
    score = metric.scored([metric.statistics(gold, value) for gold, value in pairs])
    assert (score.value, score.n) == (50.0, 4)


@pytest.mark.parametrize("name", METRICS)
def test_nothing_to_score_is_an_error(name):
    with pytest.raises(DataError, match="no examples"):
        METRICS[name]().scored([])


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


TASK = """\
task: twins
answer: label
data: {{files: {{train: a.jsonl}}}}
languages: [en]
label_field: label
labels: {{different: {{value: 0, word: "no"}}, paraphrase: {{value: 1, word: "yes"}}}}
prompt: {{input: "{{{{ text }}}} same?"}}
{0}
"""


def load(folder: Path, keys: str) -> TaskSpec:
    path = folder / "twins.yaml"
    path.write_text(TASK.format(keys))
    return load_yaml(path, TaskSpec)


def test_accuracy_and_f1_of_the_positive_label() -> None:
    metric = AccuracyF1("paraphrase")
    yes, no = "paraphrase", "different"
    # Right: 3 of 6. Positive and right 2, called positive 3, really positive 4: F1 = 4/7.
    pairs = [(yes, yes), (yes, yes), (yes, no), (yes, None), (no, no), (no, yes)]
    score = metric.scored([metric.statistics(gold, value) for gold, value in pairs])
    assert score.details == pytest.approx({"accuracy": 50, "f1": 400 / 7})
    assert score.value == pytest.approx((50 + 400 / 7) / 2)
    assert "positive:paraphrase" in score.signature


def test_an_unreadable_answer_to_a_negative_is_wrong_but_not_positive() -> None:
    assert AccuracyF1("yes").statistics("no", None) == (0, 0, 0, 0)


def test_no_positive_on_either_side_is_f1_zero() -> None:
    score = AccuracyF1("yes").scored([AccuracyF1("yes").statistics("no", "no")])
    assert score.details == {"accuracy": 100, "f1": 0}


def test_the_positive_label_comes_from_the_task(tmp_path: Path) -> None:
    task = load(tmp_path, "metric: accuracy_f1\npositive_label: paraphrase")
    assert metric_of(task) == AccuracyF1("paraphrase")


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ("metric: accuracy_f1", "because the metric is accuracy_f1"),
        ("metric: accuracy_f1\npositive_label: same", "one of the labels"),
        ("metric: accuracy\npositive_label: paraphrase", "because the metric is accuracy"),
    ],
)
def test_the_positive_label_belongs_to_this_metric(keys: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=message):
        load(tmp_path, keys)
