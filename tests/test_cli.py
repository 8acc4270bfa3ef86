"""The commands as a user and a script meet them: what they print, what they leave, how they end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from t2t_xfer.study.plan_file import Plan, save_plan

from .studydata import Outcome, make_mirror, new_model, one_thread, t2t, write_study

SETTINGS = "{steps: 3, examples_per_step: 4, learning_rate: 1e-3, max_input_tokens: 96}"


class Place(NamedTuple):
    folder: Path
    data: str
    out: Path

    def run(self, *arguments: object) -> Outcome:
        return t2t(*arguments, "--data", self.data, "--output", self.out)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    folder = tmp_path_factory.mktemp("cli")
    (folder / "settings.yaml").write_text(SETTINGS)
    return Place(folder, f"mirror:{make_mirror(folder)}", folder / "out")


@pytest.fixture(scope="module")
def trained(place: Place) -> tuple[Place, Outcome]:
    """A small new model, trained on MNLI's rows because xnli says so."""
    one_thread()
    settings = ("--training", place.folder / "settings.yaml", "--limit", 12)
    return place, place.run(
        "train", "--model", "new:encoder", "--task", "xnli", *settings, "--json"
    )


def test_tasks_ls_for_scripts() -> None:
    done = t2t("tasks", "ls", "--json")
    assert done.code == 0
    listed = json.loads(done.out)
    assert all(set(row) == {"task", "answer", "languages", "metric"} for row in listed)
    by_name = {row["task"]: row for row in listed}
    assert {"mnli", "xnli", "paws_x", "udpos"} <= set(by_name)
    assert by_name["udpos"]["answer"] == "tags"
    assert by_name["udpos"]["metric"] == "span_f1"
    assert by_name["paws_x"]["languages"] == ["de", "en", "es", "fr", "ja", "ko", "zh"]


def test_a_plan_can_be_drawn(place: Place) -> None:
    study = write_study(place.folder, "drawn")
    picture = place.folder / "plan.md"
    done = place.run("study", "plan", study, "--graph", picture)
    assert done.code == 0, done.err
    drawn = picture.read_text(encoding="utf-8")
    assert drawn.count("```mermaid") == 1
    assert "flowchart LR" in drawn
    assert "-->" in drawn


def test_study_plan_for_scripts(place: Place) -> None:
    study = write_study(place.folder, "planned")
    done = place.run("study", "plan", study, "--json")
    assert done.code == 0
    assert json.loads(done.out) == {
        "stages": {"model": 3, "train": 12, "predict": 42, "score": 42},
        "naive": {"model": 3, "train": 18, "predict": 42, "score": 42},
        "would_run": 99,
    }
    assert not (place.out / "planned").exists()
    table = place.run("study", "plan", study).out
    assert "36 cells" in table
    assert "without sharing" in table


def test_train_prints_json_alone(trained: tuple[Place, Outcome]) -> None:
    place, done = trained
    assert done.code == 0, done.err
    found = json.loads(done.out)
    assert found["steps"] == 3
    assert found["training_examples"] == 12
    assert found["final_loss"] > 0
    assert Path(found["checkpoint"]).is_relative_to(place.out)


def test_training_again_does_nothing(
    trained: tuple[Place, Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    place, done = trained

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("a model was loaded")

    monkeypatch.setattr("t2t_xfer.architectures.loading.load", refuse)
    settings = ("--training", place.folder / "settings.yaml", "--limit", 12)
    again = place.run("train", "--model", "new:encoder", "--task", "mnli", *settings, "--json")
    assert again.out == done.out
    assert "2 of 2 stages need no work" in again.err


def test_a_trained_checkpoint_is_evaluated_by_its_path(trained: tuple[Place, Outcome]) -> None:
    place, done = trained
    checkpoint = json.loads(done.out)["checkpoint"]
    asked = ("--model", checkpoint, "--task", "xnli", "--language", "en", "--language", "ar")
    result = place.run("evaluate", *asked, "--limit", 6, "--json")
    assert result.code == 0, result.err
    found = json.loads(result.out)
    assert found["task"] == "xnli"
    assert list(found["languages"]) == ["en", "ar"]
    for row in found["languages"].values():
        assert row["n"] == 6
        assert 0 <= row["score"] <= 100
        assert row["signature"].startswith("accuracy|")
    table = place.run("evaluate", *asked, "--limit", 6)
    assert "need no work" in table.err
    assert any(line.startswith("mean ") for line in table.out.splitlines())


def test_a_copied_checkpoint_is_the_same_model(trained: tuple[Place, Outcome]) -> None:
    """What a checkpoint holds is its identity, not where it lies."""
    place, done = trained
    copy = place.folder / "copy"
    if not copy.exists():
        copy.symlink_to(json.loads(done.out)["checkpoint"], target_is_directory=True)
    asked = ("--task", "xnli", "--language", "de", "--limit", 6, "--json")
    first = place.run("evaluate", "--model", json.loads(done.out)["checkpoint"], *asked)
    second = place.run("evaluate", "--model", copy, *asked)
    assert first.out == second.out
    assert "2 of 2 stages need no work" in second.err


def test_training_goes_on_from_a_trained_checkpoint(trained: tuple[Place, Outcome]) -> None:
    place, done = trained
    checkpoint = json.loads(done.out)["checkpoint"]
    settings = ("--training", place.folder / "settings.yaml", "--limit", 12)
    result = place.run("train", "--model", checkpoint, "--task", "udpos", *settings)
    assert result.code == 0, result.err
    assert "[1/1] train" in result.err
    path = result.out.splitlines()[-1].removeprefix("checkpoint: ")
    assert (Path(path) / "model.safetensors").is_file()


@pytest.mark.parametrize(("engine", "scores"), [("oracle", {100.0}), ("majority", {50.0})])
def test_baselines_need_no_model(engine: str, scores: set[float], place: Place) -> None:
    asked = ("--engine", engine, "--task", "xnli", "--skip-missing", "--json")
    done = place.run("evaluate", *asked)
    assert done.code == 0
    found = json.loads(done.out)["languages"]
    assert set(found) == {"ar", "de", "en", "es"}
    assert {row["score"] for row in found.values()} == scores
    assert "left out: xnli in fr" in done.err


def test_languages_left_out_stand_in_the_report(place: Place) -> None:
    one_thread()
    study = write_study(
        place.folder,
        "partial",
        targets=["xnli"],
        languages=["en", "fr"],
        models=[new_model("encoder")],
        intermediates=["none"],
    )
    assert place.run("study", "run", study, "--skip-missing").code == 0
    report = (place.out / "partial" / "report.md").read_text()
    assert "xnli: no test data in fr" in report
    assert str(place.folder) not in report
    planned = place.run("study", "plan", study, "--skip-missing")
    assert "left out: xnli: no test data in fr" in planned.out
    assert place.run("study", "plan", study).code == 2


def test_nothing_left_to_test_is_an_error(place: Place) -> None:
    study = write_study(place.folder, "none-left", targets=["xnli"], languages=["fr"])
    done = place.run("study", "run", study, "--skip-missing")
    assert done.code == 2
    assert "tests xnli in no language: the data has none of them" in done.err


def test_report_writes_the_same_files_again(place: Place) -> None:
    one_thread()
    models = [new_model("encoder")]
    study = write_study(
        place.folder, "again", models=models, targets=["udpos"], languages=["en", "ar"]
    )
    assert place.run("study", "run", study).code == 0
    files = [place.out / "again" / name for name in ("cells.csv", "report.md")]
    before = [file.read_bytes() for file in files]
    for file in files:
        file.unlink()
    done = t2t("report", place.out / "again")
    assert done.code == 0
    assert done.out.strip() == str(files[1])
    assert [file.read_bytes() for file in files] == before


def test_report_leaves_the_files_alone_without_their_store(tmp_path: Path) -> None:
    """A study moved away from its store lost its cells."""
    study = tmp_path / "moved"
    study.mkdir()
    save_plan(study, Plan("moved", ()))
    (study / "cells.csv").write_text("numbers")
    done = t2t("report", study)
    assert done.code == 2
    assert "is not there" in done.err
    assert (study / "cells.csv").read_text() == "numbers"


def test_an_interrupted_run_exits_130_and_keeps_what_is_done(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    from t2t_xfer.stages.train import TrainStage

    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    models = [new_model("causal")]
    study = write_study(place.folder, "stopped", models=models, targets=["udpos"])
    monkeypatch.setattr(TrainStage, "run", interrupted)
    done = place.run("study", "run", study)
    assert done.code == 130
    assert done.err.splitlines()[-1] == "t2t-xfer: interrupted. What was finished is kept."
    assert "model tiny-causal ... " in done.out
    again = place.run("study", "run", study)
    assert again.code == 130
    assert "model tiny-causal" not in again.out


def test_show_and_preview(place: Place) -> None:
    shown = json.loads(t2t("tasks", "show", "xnli", "--json").out)
    assert set(shown) == {"task", "prompt"}
    assert shown["prompt"]["words"]["neutral"] == "neutral"
    assert "trains on  mnli, en" in t2t("tasks", "show", "xnli").out
    done = t2t("tasks", "preview", "udpos", "--language", "ar", "-n", 2, "--data", place.data)
    assert done.code == 0
    assert done.out.count("parts of speech: ") == 2
    assert "udpos · ar · test · id 0" in done.out
    assert "→ 0:DET" in done.out


def test_preview_with_a_model_shows_its_tokens(trained: tuple[Place, Outcome]) -> None:
    place, done = trained
    checkpoint = json.loads(done.out)["checkpoint"]
    result = t2t("tasks", "preview", "mnli", "-n", 1, "--data", place.data, "--model", checkpoint)
    assert result.code == 0
    assert "(encoder): " in result.out
    assert "⟦<mask> → " in result.out


def test_doctor_and_version() -> None:
    done = t2t("doctor")
    assert done.code == 0
    assert "transformers" in done.out
    assert "device" in done.out
    assert t2t("--version").out.startswith("t2t-xfer, version ")


def test_the_data_source_may_come_from_the_environment(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("T2T_DATA", place.data)
    done = t2t("evaluate", "--engine", "oracle", "--task", "paws_x", "--language", "es", "--output",
               place.out)  # fmt: skip
    assert done.code == 0
    assert "100.00" in done.out


@pytest.mark.slow
def test_control_c_ends_without_a_traceback(place: Place) -> None:
    training = {
        "steps": 5000,
        "checkpoint_steps": 10,
        "examples_per_step": 8,
        "max_input_tokens": 96,
    }
    models = [new_model("encoder")]
    study = write_study(place.folder, "long", models=models, targets=["udpos"], training=training)
    command = [sys.executable, "-m", "t2t_xfer", "study", "run", str(study)]
    command += ["--data", place.data, "--output", str(place.folder / "long")]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    work = place.folder / "long" / "store" / ".work"
    while not list(work.glob("train-*/training/checkpoint-*")) and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.strip().endswith("t2t-xfer: interrupted. What was finished is kept.")
    assert "Traceback" not in err
