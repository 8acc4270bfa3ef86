"""QQP's and CCG's scores by hand, and the positive label that a task must name."""

from __future__ import annotations

from pathlib import Path

import pytest

from t2t_xfer.errors import SpecError, UserError
from t2t_xfer.metrics import AccuracyF1, TokenAccuracy, metric_of
from t2t_xfer.specs.load import load_yaml
from t2t_xfer.specs.task import TaskSpec

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
    score = metric.score([metric.statistics(gold, value) for gold, value in pairs])
    assert score.details == pytest.approx({"accuracy": 50, "f1": 400 / 7})
    assert score.value == pytest.approx((50 + 400 / 7) / 2)
    assert "positive:paraphrase" in score.signature


def test_an_unreadable_answer_to_a_negative_is_wrong_but_not_positive() -> None:
    assert AccuracyF1("yes").statistics("no", None) == (0, 0, 0, 0)


def test_no_positive_on_either_side_is_f1_zero() -> None:
    score = AccuracyF1("yes").score([AccuracyF1("yes").statistics("no", "no")])
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


def test_token_accuracy_is_over_words_not_sentences() -> None:
    metric = TokenAccuracy()
    # One of one word and one of three: 2 of 4, not the mean of 100 and 33.
    rows = [
        metric.statistics(("N",), ("N",)),
        metric.statistics(("N", "S\\NP", "NP/N"), ("N", "NP/N", "S\\NP")),
    ]
    assert metric.score(rows).value == 50
    assert metric.statistics(("N", "N"), None) == (0, 2)


def test_a_missing_tag_is_an_error() -> None:
    with pytest.raises(UserError, match="1 predicted tags for 2 words"):
        TokenAccuracy().statistics(("N", "N"), ("N",))
