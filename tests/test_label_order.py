"""Class labels of a data set against the order that a task says: what the hub names is compared."""

from __future__ import annotations

from typing import Any

import pytest

from t2t_xfer.check.task import order_findings
from t2t_xfer.data.sources import MicroworldSource
from t2t_xfer.specs.task import TaskSpec

BIO = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC")
KINDS_EXCHANGED = ("O", "B-LOC", "I-LOC", "B-PER", "I-PER")
NLI = ("entailment", "neutral", "contradiction")


class Named(MicroworldSource):
    """A source that says what its numbers mean, as the hub does."""

    def __init__(self, **names: tuple[str, ...]) -> None:
        self.names = names

    def class_names(self, id: str, config: str) -> dict[str, tuple[str, ...]]:
        return self.names


def spec(**keys: Any) -> TaskSpec:
    shared = {"task": "t", "data": {"hub": {"id": "a/b"}}, "languages": ["en"]}
    return TaskSpec.model_validate({**shared, "prompt": {"input": "{{ words }}"}, **keys})


def tags(order: tuple[str, ...]) -> TaskSpec:
    columns = {"words_field": "tokens", "tags_field": "ner"}
    return spec(answer="tags", tags=order, tag_scheme="bio", metric="span_f1", **columns)


def labels(**values: object) -> TaskSpec:
    stated = {name: {"value": value, "word": name[:3]} for name, value in values.items()}
    return spec(answer="label", label_field="gold", labels=stated, metric="accuracy")


@pytest.mark.parametrize(
    ("task", "names", "found"),
    [
        (tags(BIO), {"ner": BIO}, 0),
        (tags(KINDS_EXCHANGED), {"ner": BIO}, 1),  # breaks no rule that rows could show
        (tags(BIO), {"ner": ("0", "1", "2", "3", "4")}, 0),  # says nothing
        (tags(BIO), {}, 0),
        (labels(entailment=0, neutral=1, contradiction=2), {"gold": NLI}, 0),
        (labels(contradiction=2, entailment=0, neutral=1), {"gold": NLI}, 0),
        (labels(entailment=2, neutral=1, contradiction=0), {"gold": NLI}, 1),
        (labels(Entailment=0, Neutral=1, Contradiction=2), {"gold": NLI}, 0),
        (labels(yes=0, maybe=1, no=2), {"gold": NLI}, 0),  # its own names: nothing to compare
        (labels(entailment="e", neutral="n", contradiction="c"), {"gold": NLI}, 0),
    ],
)
def test_numbers_that_mean_something_else_are_a_problem(
    task: TaskSpec, names: dict[str, tuple[str, ...]], found: int
) -> None:
    problems = [*order_findings(task, Named(**names))]
    assert len(problems) == found
    assert all("in this order, but the task has" in problem.what for problem in problems)
