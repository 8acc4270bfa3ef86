"""A whole study from one command: from nothing to a report, and what a change does again."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import REPOSITORY
from .studydata import Outcome, make_mirror, new_model, t2t, texts, write_study
from .studyworld import World, no_model, rows

COLUMNS = (
    "study,model,architecture,intermediate,target,language,seed,"
    "metric,score,n,invalid_rate,readout,signature"
)


def test_a_study_runs_from_nothing_to_its_report(finished: World) -> None:
    assert finished.outcome.code == 0, finished.outcome.err
    assert "99 stages run, 0 reused, 0 failed, 0 blocked" in finished.outcome.out
    assert finished.cells.read_text().splitlines()[0] == COLUMNS
    cells = rows(finished.cells)
    # 3 models, none and mnli, xnli and udpos, 3 languages
    assert len(cells) == 36
    assert {cell["language"] for cell in cells} == {"en", "de", "ar"}
    assert {cell["n"] for cell in cells} == {"8"}
    assert all(0 <= float(cell["score"]) <= 100 for cell in cells)
    assert (finished.out / "small" / "report.md").is_file()
    assert finished.outcome.out.rstrip().endswith("report.md")


def test_every_cell_says_how_it_was_read_and_computed(finished: World) -> None:
    cells = rows(finished.cells)
    readouts = {(cell["architecture"], cell["target"]): cell["readout"] for cell in cells}
    assert readouts == {
        ("encoder", "xnli"): "slots",
        ("seq2seq", "xnli"): "rank",
        ("causal", "xnli"): "rank",
        ("encoder", "udpos"): "slots",
        ("seq2seq", "udpos"): "slots",
        ("causal", "udpos"): "slots",
    }
    signatures = {cell["target"]: cell["signature"] for cell in cells}
    assert signatures["xnli"].startswith("accuracy|")
    assert signatures["udpos"].startswith("span_f1|")
    report = (finished.out / "small" / "report.md").read_text()
    assert all(signature in report.replace("\\", "") for signature in signatures.values())


def test_the_majority_baseline_stands_in_the_report(finished: World) -> None:
    report = (finished.out / "small" / "report.md").read_text()
    tables = report.split("**majority baseline**")[1:]
    assert len(tables) == 2
    # Half the training labels are 0; of the 8 chosen test rows three are.
    rows = [table.split("\n\n")[1].splitlines()[2:] for table in tables]
    assert {lines[0].split("|")[2].strip() for lines in rows} == {"37.5", "0.0"}


def test_no_time_and_no_place_stand_in_the_cells(finished: World) -> None:
    text = finished.cells.read_text()
    assert str(finished.out) not in text
    assert not re.search(r"20\d\d-\d\d", text)


def test_a_second_run_does_nothing(finished: World, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {name: finished.cells.with_name(name) for name in ("cells.csv", "report.md")}
    content = {name: path.read_bytes() for name, path in before.items()}
    no_model(monkeypatch)
    outcome = finished.run()
    assert outcome.code == 0
    assert "0 stages run, 99 reused, 0 failed, 0 blocked" in outcome.out
    assert {name: path.read_bytes() for name, path in before.items()} == content


def test_xnli_without_an_intermediate_shares_the_training_of_mnli(finished: World) -> None:
    planned = finished.plan()
    trained = [stage for stage in planned.stages if stage.kind == "train"]
    # a model: mnli, mnli>mnli, mnli>udpos, udpos
    assert len(trained) == 12
    # without sharing: none before two targets; mnli and the target, twice
    assert planned.naive["train"] == 3 * (2 + 4)
    by_needs = {stage.id: stage for stage in planned.stages}
    cell = next(c for c in planned.cells if (c.intermediate, c.target) == ("none", "xnli"))
    predicted = by_needs[by_needs[cell.score_id].needs["predictions"]]
    base = by_needs[predicted.needs["checkpoint"]]
    after_mnli = [stage for stage in trained if base.id in stage.needs.values()]
    labels = [stage.label for stage in after_mnli]
    assert labels == ["tiny-encoder>mnli>mnli@0", "tiny-encoder>mnli>udpos@0"]


def test_what_only_excluded_cells_need_is_not_trained(copied: World) -> None:
    whole = copied.plan()
    exclude = [
        {"model": "tiny-seq2seq"},
        {"model": "tiny-encoder", "intermediate": "mnli", "target": ["xnli"]},
    ]
    plan = copied.plan(write_study(Path("fewer"), exclude=exclude))
    left = [
        cell
        for cell in whole.cells
        if cell.model != "tiny-seq2seq"
        and (cell.model, cell.intermediate, cell.target) != ("tiny-encoder", "mnli", "xnli")
    ]
    assert list(plan.cells) == left
    gone = {stage.label for stage in whole.stages} - {stage.label for stage in plan.stages}
    assert {label for label in gone if "seq2seq" not in label and "=" not in label} == {
        "tiny-encoder>mnli>mnli@0"
    }
    assert not [stage for stage in plan.stages if "seq2seq" in stage.label]


def test_an_intermediate_with_a_training_task_is_that_task(tmp_path: Path) -> None:
    """`xnli` as intermediate read xnli's own train split, and was not marked as same data."""
    hub = make_mirror(tmp_path)
    study = write_study(tmp_path, intermediates=["none", "xnli"], targets=["xnli", "udpos"])
    world = World(study, hub, tmp_path / "out", Outcome(0, "", ""))
    with_mnli = write_study(tmp_path / "other", intermediates=["none", "mnli"])
    ids = [stage.id for stage in world.plan().stages]
    assert ids == [stage.id for stage in world.plan(with_mnli).stages]
    same = {(c.intermediate, c.target) for c in world.plan().cells if c.same_data}
    assert same == {("xnli", "xnli")}


def test_a_changed_prompt_runs_exactly_what_depends_on_it(copied: World) -> None:
    prompts = Path("prompts")
    prompts.mkdir()
    text = (REPOSITORY / "prompts" / "nli.yaml").read_text(encoding="utf-8")
    (prompts / "nli.yaml").write_text(text.replace("relation:", "how related:"), encoding="utf-8")
    # A model: mnli, mnli>mnli, mnli>udpos are trained again; udpos alone is not.
    again = {"train": 9, "predict": 3 + 3 * 3 * 3, "score": 3 + 3 * 3 * 3}
    assert copied.open_stages() == again
    summary = t2t("study", "plan", copied.study, *copied.places, "--json").out
    assert json.loads(summary)["would_run"] == sum(again.values())


def test_a_changed_synonym_only_scores_again(
    copied: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    prompts = Path("prompts")
    prompts.mkdir()
    text = (REPOSITORY / "prompts" / "nli.yaml").read_text(encoding="utf-8")
    (prompts / "nli.yaml").write_text(text.replace("folgerung", "folgt"), encoding="utf-8")
    assert copied.open_stages() == {"score": 3 + 3 * 2 * 3}
    no_model(monkeypatch)
    assert copied.run().code == 0


def test_a_new_language_is_predicted_and_scored_and_nothing_else(copied: World) -> None:
    before = copied.cells.read_text().splitlines()
    study = write_study(copied.study.parent, languages=["en", "de", "ar", "es"])
    # 3 models, none and mnli, xnli and udpos; a baseline for each target
    assert copied.open_stages(study) == {"predict": 14, "score": 14}
    outcome = copied.run(study)
    assert "28 stages run, 99 reused" in outcome.out
    after = copied.cells.read_text().splitlines()
    assert set(before) < set(after)
    assert len(after) == len(before) + 12


def test_a_renamed_model_runs_nothing(copied: World, monkeypatch: pytest.MonkeyPatch) -> None:
    before = rows(copied.cells)
    models = [new_model("encoder", "other"), new_model("seq2seq"), new_model("causal")]
    study = write_study(copied.study.parent, models=models)
    no_model(monkeypatch)
    assert "0 stages run" in copied.run(study).out
    after = rows(copied.cells)
    scores = {row["score"] for row in before if row["model"] == "tiny-encoder"}
    assert {row["score"] for row in after if row["model"] == "other"} == scores


def test_a_filter_belongs_to_the_identity(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The data's hash covers the whole file, so another `where` found the old results."""
    monkeypatch.chdir(tmp_path)
    hub = make_mirror(tmp_path)
    study = write_study(tmp_path, targets=["udpos"], languages=["en"], intermediates=["none"])
    world = World(study, hub, tmp_path / "out", Outcome(0, "", ""))
    plain = {stage.id for stage in world.plan().stages if stage.kind != "model"}
    text = (REPOSITORY / "tasks" / "udpos.yaml").read_text(encoding="utf-8")
    Path("tasks").mkdir()
    filtered = text.replace("data:\n", "data:\n  where: {genre: news}\n", 1)
    Path("tasks", "udpos.yaml").write_text(filtered, encoding="utf-8")
    for test in hub.rglob("udpos.*/*.jsonl"):
        lines = test.read_text(encoding="utf-8").replace(
            '"pos_tags"', '"genre": "news", "pos_tags"'
        )
        test.write_text(lines, encoding="utf-8")
    with_genre = {stage.id for stage in world.plan().stages if stage.kind != "model"}
    Path("tasks", "udpos.yaml").write_text(text, encoding="utf-8")
    without = {stage.id for stage in world.plan().stages if stage.kind != "model"}
    assert not plain & with_genre
    assert not without & with_genre


def test_fresh_stores_give_the_same_bytes(finished: World, tmp_path: Path) -> None:
    """A part of the study in another place, from other copies of the same data."""
    hub = make_mirror(tmp_path)
    study = write_study(tmp_path, intermediates=["none"], languages=["en", "ar"])
    world = World(study, hub, tmp_path / "out", Outcome(0, "", ""))
    assert world.run().code == 0
    ours = set(world.cells.read_text().splitlines())
    assert len(ours) == 1 + 12
    assert ours <= set(finished.cells.read_text().splitlines())
    for pattern in ("predictions.jsonl", "statistics.jsonl", "losses.jsonl"):
        found = texts(world.out / "store", pattern)
        assert found
        assert found.items() <= texts(finished.out / "store", pattern).items()


@pytest.mark.slow
def test_another_process_gives_the_same_bytes(finished: World, tmp_path: Path) -> None:
    hub, study = make_mirror(tmp_path), write_study(tmp_path)
    command = [sys.executable, "-m", "t2t_xfer", "study", "run", str(study)]
    command += ["--data", f"mirror:{hub}", "--output", str(tmp_path / "out")]
    environment = {**os.environ, "PYTHONHASHSEED": "7", "OMP_NUM_THREADS": "1"}
    subprocess.run(command, check=True, capture_output=True, env=environment, cwd=tmp_path)
    again = tmp_path / "out"
    assert (again / "small" / "cells.csv").read_bytes() == finished.cells.read_bytes()
    for pattern in ("predictions.jsonl", "statistics.jsonl"):
        assert texts(again / "store", pattern) == texts(finished.out / "store", pattern)
