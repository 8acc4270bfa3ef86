"""`tasks check` on data that is wrong but loads, told by rows or by the names that the hub has."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from t2t_xfer.check.task import order_findings
from t2t_xfer.data.sources import MicroworldSource
from t2t_xfer.specs.task import TaskSpec

from .studydata import t2t, write_rows
from .test_check import MOODS

TAGGED = {
    "task": "tagged",
    "answer": "tags",
    "data": {"files": {"train": "train.jsonl", "test": "test.{language}.jsonl"}},
    "languages": ["en"],
    "words_field": "words",
    "tags_field": "tags",
    "tags": ["A", "B"],
    "prompt": {"input": "tag: {{ words }}"},
    "metric": "token_accuracy",
}
ASKED = {
    "task": "asked",
    "answer": "span",
    "data": {"files": {"train": "train.jsonl", "test": "test.{language}.jsonl"}},
    "languages": ["en"],
    "id_field": "id",
    "fields": {"question": "question", "context": "context"},
    "context_field": "context",
    "answers_field": "answers",
    "prompt": {"input": "{{ question }} {{ context }}"},
    "metric": "squad",
}


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def checked(task: dict[str, Any], **files: list[dict[str, Any]]) -> dict[str, Any]:
    Path("tasks").mkdir()
    Path("tasks", f"{task['task']}.yaml").write_text(json.dumps(task), encoding="utf-8")
    for name, rows in files.items():
        write_rows(Path(f"{name.replace('_', '.')}.jsonl"), rows)
    done = t2t("tasks", "check", task["task"], "--json", "--data", "microworld")
    (found,) = json.loads(done.out)["tasks"]
    return dict(found)


def doubts(found: dict[str, Any], language: str, split: str) -> dict[str, list[str]]:
    listed = found["languages"][language]["splits"][split]["doubts"]
    assert all(each["n"] == len(each["ids"]) for each in listed)
    return {each["kind"]: each["ids"] for each in listed}


def test_rows_that_a_person_should_know_about() -> None:
    train = [{"text": f"a sentence of number {i}", "label": i % 2} for i in range(6)]
    test = [
        {"text": "A  sentence of NUMBER 3", "label": 1},  # stands in training
        {"text": "something of its own", "label": 1},
        {"text": "something of its own", "label": 0},  # again, with another answer
        {"text": "  ", "label": 0},
        {"text": "совсем другое письмо", "label": 0},
        {"text": "eine Zeile: № 7 → ok", "label": 1},
    ]
    german = [{"text": "ein deutscher Satz", "label": 1}]
    found = checked(MOODS, train=train, test_en=test, test_de=german)
    assert found["ok"]
    assert doubts(found, "en", "train") == {}
    assert doubts(found, "en", "test") == {
        "in training": ["0"],
        "empty": ["3"],
        "repeated": ["2"],
        "contradicting": ["1", "2"],
        "script": ["4"],
    }
    assert doubts(found, "de", "test") == {}
    shown = t2t("tasks", "check", "moods", "--data", "microworld").out
    assert "en/test: 2 of 6 rows (33.3 %) have one text and different answers: 1, 2" in shown
    assert "stand in the training rows of moods too: 0" in shown


def test_quoted_cells_and_illegal_tags_are_doubts() -> None:
    quoted = '"He said ""no""."'
    rows = [{"text": text, "label": i % 2} for i, text in enumerate(("He said no.", quoted))]
    found = checked(MOODS, train=rows, test_en=rows, test_de=rows)
    assert doubts(found, "de", "test")["quoted"] == ["1"]
    told = t2t("tasks", "check", "moods").out
    assert "holds two in a row, as a quoted cell does (`data: {tsv: quoted}` reads them)" in told


def test_every_row_that_cannot_be_used_is_counted() -> None:
    right = {"words": ["a", "b"], "tags": ["A", "B"]}
    test = [right, {"words": ["a"], "tags": ["A", "B"]}, {**right, "tags": ["A", "X"]}, right]
    found = checked(
        TAGGED, train=[right], test_en=[*test, {"words": ["a", " "], "tags": ["A", "A"]}]
    )
    (problem,) = found["problems"]
    assert problem.startswith("en/test: 3 rows cannot be used: ")
    for words in ("row 1, ", "2 tags for 1 words", "row 2, ", "'X'", "row 4, ", "not blank"):
        assert words in problem


def test_offsets_and_ids_that_do_not_match() -> None:
    def row(id: str, start: int, text: str = "Oslo") -> dict[str, Any]:
        answers = {"text": [text], "answer_start": [start]}
        return {
            "id": id,
            "question": f"where {id}?",
            "context": "It is in Oslo.",
            "answers": answers,
        }

    test = [row("a", 9), row("b", 8), row("a", 9), row("c", 9, "Rome"), row("", 9)]
    found = checked(ASKED, train=[row("a", 9)], test_en=test)
    (problem,) = found["problems"]
    assert problem.startswith("en/test: 4 rows cannot be used: ")
    for words in (
        "row 1, ",
        "row 2: the id 'a' already stands in row 0",
        "'Rome'",
        "cannot be an id",
    ):
        assert words in problem


def test_labels_outside_the_set_are_all_named() -> None:
    train = [{"text": f"text {i}", "label": i} for i in range(9)]
    found = checked(MOODS, train=train, test_en=train[:2], test_de=train[:2])
    (problem,) = found["problems"]
    assert problem.startswith("en/train: 7 rows cannot be used: ")
    assert "2 is no label" in problem
    assert "(and 2 more)" in problem


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
