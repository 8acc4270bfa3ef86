"""Several tasks in one training, from the command line and as an intermediate of a study."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from t2t_xfer.specs.catalogue import Catalogue
from t2t_xfer.stages.base import Stage
from t2t_xfer.stages.context import Context
from t2t_xfer.study.plan import plan_study

from .studydata import make_mirror, new_model, one_thread, t2t, write_study

SETTINGS = "{steps: 6, examples_per_step: 8, learning_rate: 1e-3, max_input_tokens: 96%s}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    one_thread()
    folder = tmp_path_factory.mktemp("mixture")
    make_mirror(folder)
    return folder


def planned(folder: Path, **changes: Any) -> list[Stage]:
    study = write_study(folder, models=[new_model("encoder")], languages=["en"], **changes)
    catalogue = Catalogue()
    context = Context(catalogue, f"mirror:{folder / 'hub'}")
    return [*plan_study(catalogue.study(study), context).stages]


@pytest.mark.parametrize(
    ("mixture", "expected"),
    [
        # 24 examples of each (--limit), 48 drawn: one pass over both
        ("", {"mnli": 24, "udpos": 24}),
        (", mixture: {cap: 4}", {"mnli": 24, "udpos": 24}),
    ],
)
def test_train_on_two_tasks_says_how_many_of_each(
    folder: Path, tmp_path: Path, mixture: str, expected: dict[str, int]
) -> None:
    settings = tmp_path / "training.yaml"
    settings.write_text(SETTINGS % mixture)
    outcome = t2t(
        *("train", "--model", "new:encoder", "--task", "mnli", "--task", "udpos"),
        *("--training", settings, "--limit", 24, "--data", f"mirror:{folder / 'hub'}"),
        *("--output", tmp_path / "out", "--json"),
    )
    assert outcome.code == 0, outcome.err
    told = json.loads(outcome.out.splitlines()[-1])
    assert told["examples_of"] == expected
    assert "mnli+udpos" in told["checkpoint"]


def test_a_mixture_is_an_intermediate_like_any_other(folder: Path, tmp_path: Path) -> None:
    study = write_study(
        tmp_path,
        models=[new_model("seq2seq")],
        intermediates=["none", ["mnli", "udpos"]],
        targets=["xnli", "paws_x"],
        languages=["en", "de"],
    )
    out = tmp_path / "out"
    outcome = t2t("study", "run", study, "--data", f"mirror:{folder / 'hub'}", "--output", out)
    assert outcome.code == 0, outcome.err
    cells = (out / "small" / "cells.csv").read_text()
    assert ",mnli+udpos,paws_x,de," in cells
    plan = json.loads((out / "small" / "plan.json").read_text())
    same_data = {(c["intermediate"], c["target"]): c["same_data"] for c in plan["cells"]}
    assert same_data["mnli+udpos", "xnli"], "xnli is trained on mnli, which the mixture holds"
    assert not same_data["mnli+udpos", "paws_x"]


def test_one_mixture_stage_serves_all_targets(folder: Path) -> None:
    stages = planned(folder, intermediates=[["mnli", "udpos"]], targets=["xnli", "udpos"])
    mixed = [s for s in stages if s.kind == "train" and "mixture" in s.spec]
    assert len(mixed) == 1


def test_how_tasks_are_mixed_counts_only_where_several_are(folder: Path) -> None:
    def ids(rate: str) -> dict[str, str]:
        training = {"epochs": 1, "max_input_tokens": 96, "mixture": {"rate": rate}}
        stages = planned(folder, intermediates=["mnli", ["mnli", "udpos"]], training=training)
        return {s.label: s.digest for s in stages if s.kind == "train"}

    equal, proportional = ids("equal"), ids("proportional")
    changed = {label for label in equal if equal[label] != proportional[label]}
    assert changed
    assert all("mnli+udpos" in label for label in changed)


@pytest.mark.parametrize(
    ("intermediates", "words"),
    [
        ([["mnli"]], "two or more tasks"),
        ([["mnli", "none"]], "two or more tasks"),
        ([["mnli", "mnli"]], "stands there twice"),
        ([["mnli", "squad_v9"]], "the name of a task"),
    ],
)
def test_what_is_no_mixture_is_said(tmp_path: Path, intermediates: Any, words: str) -> None:
    study = write_study(tmp_path, intermediates=intermediates)
    outcome = t2t("study", "plan", study, "--data", "microworld", "--output", tmp_path / "out")
    assert outcome.code == 2
    assert words in outcome.err
    assert "small.yaml:" in outcome.err
