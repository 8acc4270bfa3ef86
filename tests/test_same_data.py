"""Which cells see the target's training rows twice: decision 005, row by row."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from t2t_xfer.specs.catalogue import Catalogue, shipped_root
from t2t_xfer.stages.context import Context
from t2t_xfer.study.plan import plan_study
from t2t_xfer.study.tested import shares_training_rows

from .studydata import make_mirror, write_study

SQUAD_V2 = """\
answer: span
data: {hub: {id: rajpurkar/squad_v2, config: squad_v2}}
contains: [squad_v1]
languages: [en]
fields: {question: question, context: context}
context_field: context
answers_field: answers
prompt: {use: question}
metric: squad
"""
OWN = """\
answer: label
data: {files: {train: own/%s.jsonl}}
languages: [en]
label_field: label
labels: {a: {word: a}, b: {word: b}}
prompt: {input: "{{ text }}"}
metric: accuracy
"""


@pytest.fixture
def context(tmp_path: Path) -> Context:
    """The shipped tasks, a squad_v2 that says what it contains, and tasks on files."""
    folder = tmp_path / "tasks"
    folder.mkdir()
    (folder / "squad_v2.yaml").write_text(SQUAD_V2)
    for name, file in (("one", "x"), ("same_file", "x"), ("other_file", "y")):
        (folder / f"{name}.yaml").write_text(OWN % file)
    text = OWN % "z" + "contains: [squad_v2]\n"
    (folder / "everything.yaml").write_text(text)
    return Context(Catalogue([tmp_path, shipped_root()]), "microworld")


@pytest.mark.parametrize(
    ("intermediate", "target", "shared"),
    [
        ("mnli", "xnli", True),
        ("xnli", "xnli", True),
        ("xnli", "mnli", True),
        ("squad_v1", "xquad", True),
        ("squad_v1", "mlqa", True),
        ("xquad", "mlqa", True),
        ("anli_plus", "xnli", True),  # one of its parts is all of xnli's training data
        ("mnli", "anli_plus", True),  # a part of the target only
        ("squad_v2", "xquad", True),  # under another data set's name
        ("squad_v1", "squad_v2", True),
        ("everything", "xquad", True),  # contains squad_v2, which contains squad_v1
        ("udpos", "udpos", True),
        ("one", "same_file", True),
        ("mnli", "xquad", False),
        ("squad_v1", "xnli", False),
        ("squad_v1", "tydiqa", False),
        ("squad_v2", "tydiqa", False),
        ("qqp", "paws_x", False),
        ("qqp", "mnli", False),  # the same data set of the hub, another configuration
        ("panx", "udpos", False),  # the same data set of the hub, another configuration
        ("anli_plus", "paws_x", False),
        ("mnli", "tatoeba", False),  # nothing trains on it
        ("ccg", "udpos", False),
        ("one", "other_file", False),
    ],
)
def test_pairs(context: Context, intermediate: str, target: str, shared: bool) -> None:
    assert shares_training_rows(context, intermediate, target) is shared


def test_every_other_pair_of_the_shipped_tasks_shares_nothing(context: Context) -> None:
    """The table of decision 005 is whole: no pair is marked that it does not name."""
    intermediates = ("anli_plus", "mnli", "qqp", "squad_v1", "squad_v2", "hellaswag", "cosmos_qa")
    intermediates += ("commonsense_qa",)
    targets = ("xnli", "paws_x", "udpos", "panx", "xquad", "mlqa", "tydiqa", "tatoeba")
    marked = {
        (first, second)
        for first in intermediates
        for second in targets
        if shares_training_rows(context, first, second)
    }
    assert marked == {
        ("mnli", "xnli"),
        ("anli_plus", "xnli"),
        ("squad_v1", "xquad"),
        ("squad_v1", "mlqa"),
        ("squad_v2", "xquad"),
        ("squad_v2", "mlqa"),
    }


def test_the_marks_reach_the_cells_of_a_study(tmp_path: Path) -> None:
    catalogue = Catalogue()
    study = write_study(tmp_path, intermediates=["none", "mnli"], targets=["xnli", "udpos"])
    context = Context(catalogue, f"mirror:{make_mirror(tmp_path)}")
    planned = plan_study(catalogue.study(study), context, skip_missing=True)
    marked: set[Any] = {(c.intermediate, c.target) for c in planned.cells if c.same_data}
    assert marked == {("mnli", "xnli")}


def test_what_a_task_contains_changes_no_identity(context: Context) -> None:
    task = context.catalogue.task("squad_v2")
    assert task.contains == ("squad_v1",)
    assert "contains" not in task.canonical()
