"""XTREME's means: unweighted, English included, and none over a group with a hole in it."""

from __future__ import annotations

import pytest

from t2t_xfer.metrics.aggregate import GROUPS, LANGUAGES, averages
from t2t_xfer.specs.catalogue import Catalogue


def everything(score: float = 50.0) -> dict[str, dict[str, float]]:
    return {task: dict.fromkeys(codes, score) for task, codes in LANGUAGES.items()}


def test_the_overall_score_weighs_tasks_not_groups() -> None:
    scores = everything()
    scores["bucc"] = dict.fromkeys(LANGUAGES["bucc"], 95.0)
    found = averages(scores)
    assert found.groups == {
        "classification": 50,
        "tagging": 50,
        "qa": 50,
        "retrieval": pytest.approx(72.5),
    }
    # (8 · 50 + 95) / 9 = 55; the mean of the four groups would be 55.6.
    assert found.all_task == pytest.approx(55)
    assert found.missing == {}


def test_languages_weigh_the_same_and_english_counts() -> None:
    scores = {"tydiqa": {**dict.fromkeys(LANGUAGES["tydiqa"], 40.0), "en": 85.0}}
    assert averages(scores).tasks == {"tydiqa": pytest.approx(45)}  # (8 · 40 + 85) / 9


def test_a_missing_language_ends_the_groups_score_but_not_the_tasks() -> None:
    scores = everything()
    del scores["xnli"]["sw"]
    found = averages(scores)
    assert found.tasks["xnli"] == 50
    assert found.missing == {"xnli": ("sw",)}
    assert found.groups["classification"] is None
    assert found.groups["qa"] == 50
    assert found.all_task is None


def test_tasks_and_languages_that_xtreme_does_not_have_change_nothing() -> None:
    scores = {"mnli": {"en": 90.0}, "xquad": {**everything()["xquad"], "ro": 0.0}}
    assert averages(scores).tasks == {"xquad": 50}
    assert averages({}).tasks == {}


def test_nine_tasks_in_four_groups() -> None:
    grouped = [task for tasks in GROUPS.values() for task in tasks]
    assert sorted(grouped) == sorted(LANGUAGES)
    counts = [len(codes) for codes in LANGUAGES.values()]
    # XTREME's table: PAWS-X 7, XNLI 15, UDPOS 33, PAN-X 40, XQuAD 11, MLQA 7, TyDiQA 9, BUCC 4,
    # Tatoeba 36.
    assert counts == [7, 15, 33, 40, 11, 7, 9, 4, 36]


def test_our_tasks_test_the_same_languages() -> None:
    catalogue = Catalogue()
    shipped = set(catalogue.task_names()) & set(LANGUAGES)
    assert shipped
    for task in shipped:
        assert set(catalogue.task(task).languages) == set(LANGUAGES[task])
