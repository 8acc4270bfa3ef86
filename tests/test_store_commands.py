"""`store ls|show|verify|prune`, `study status` and `study plan --why`, on a finished study."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from t2t_xfer.study.plan_file import load_plan
from t2t_xfer.study.store import Store

from .studydata import t2t, write_study
from .studyworld import World, no_model


def stage_of(world: World, kind: str) -> Path:
    """The directory of the first stage of a kind."""
    return sorted((world.out / "store" / kind).iterdir())[0]


def test_ls_lists_every_stage(finished: World) -> None:
    outcome = t2t("store", "ls", "--output", finished.out, "--json")
    listed = json.loads(outcome.out)
    assert len(listed) == 99
    assert all(each["bytes"] > 0 for each in listed)
    # every score stage has a score, and nothing else has one
    scored = {each["stage"].split("/")[0] for each in listed if each["score"] is not None}
    assert scored == {"score"}
    assert "99 stages" in t2t("store", "ls", "--output", finished.out).out


def test_show_takes_the_start_of_a_digest(finished: World) -> None:
    folder = stage_of(finished, "train")
    digest = folder.name.rpartition("-")[2]
    shown = json.loads(t2t("store", "show", digest[:8], "--output", finished.out).out)
    assert shown["stage_id"] == f"train/{folder.name}"
    assert shown["spec"]["training"]["examples_per_step"] == 8


@pytest.mark.parametrize("name", ["ffffffffffffffff", ""])
def test_show_refuses_what_names_no_stage_or_many(finished: World, name: str) -> None:
    outcome = t2t("store", "show", name, "--output", finished.out)
    assert outcome.code == 2
    assert "stage" in outcome.err
    assert "store ls" in outcome.err


def test_no_store_is_said(tmp_path: Path) -> None:
    outcome = t2t("store", "ls", "--output", tmp_path)
    assert outcome.code == 2
    assert "there is no store" in outcome.err


def test_verify_names_a_flipped_byte(copied: World) -> None:
    assert t2t("store", "verify", "--output", copied.out).code == 0
    weights = next(stage_of(copied, "train").rglob("*.safetensors"))
    raw = bytearray(weights.read_bytes())
    raw[-1] ^= 1
    weights.write_bytes(raw)
    outcome = t2t("store", "verify", "--output", copied.out)
    assert outcome.code == 1
    assert "model.safetensors does not have its checksum" in outcome.err
    assert "99 stages, 1 damaged" in outcome.out


def test_prune_drops_checkpoints_and_nothing_is_run_again(
    copied: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = t2t("store", "prune", "--output", copied.out)
    # 3 new models, and of each the trainings on mnli and udpos, and on both of them
    assert "can go" in listed.out
    assert stage_of(copied, "train").is_dir(), "without --yes nothing is removed"
    assert t2t("store", "prune", "--yes", "--output", copied.out).code == 0
    kinds = [each.split("/")[0] for each in Store(copied.out / "store").stage_ids()]
    assert set(kinds) == {"predict", "score"}
    no_model(monkeypatch)
    cells = copied.cells.read_bytes()
    again = copied.run()
    assert again.code == 0, again.err
    assert "0 stages run" in again.out
    assert copied.cells.read_bytes() == cells


def test_prune_keeps_what_an_unfinished_stage_wants(copied: World) -> None:
    stages = {stage.id: stage for stage in load_plan(copied.out / "small").stages}
    store = Store(copied.out / "store")
    predicted = next(s for s in stages.values() if s.kind == "predict" and "checkpoint" in s.needs)
    scored = next(s for s in stages.values() if predicted.id in s.needs.values())
    store.remove(scored)
    store.remove(predicted)
    assert t2t("store", "prune", "--yes", "--output", copied.out).code == 0
    assert store.record(predicted.needs["checkpoint"]) is not None
    outcome = copied.run()
    assert "2 stages run" in outcome.out, outcome.err


def test_a_checkpoint_of_no_study_is_never_pruned(copied: World) -> None:
    (copied.out / "small" / "plan.json").unlink()
    assert "0 checkpoints" in t2t("store", "prune", "--output", copied.out).out


def test_status_of_a_finished_and_of_a_half_finished_study(copied: World) -> None:
    directory = copied.out / "small"
    told = json.loads(t2t("study", "status", directory, "--json").out)
    # of each of 3 models: mnli, udpos, and after mnli once more mnli (for xnli) and udpos
    assert told["stages"]["train"] == {"done": 12}
    assert told["seconds_left"] == 0
    store = Store(copied.out / "store")
    stage = next(s for s in load_plan(directory).stages if s.kind == "score")
    store.remove(stage)
    told = json.loads(t2t("study", "status", directory, "--json").out)
    assert told["stages"]["score"]["waiting"] == 1
    assert told["seconds_left"] > 0


def test_status_sees_what_runs_and_how_far_it_is(copied: World) -> None:
    store = Store(copied.out / "store")
    stage = next(s for s in load_plan(copied.out / "small").stages if s.kind == "score")
    store.remove(stage)
    other = Store(copied.out / "store")  # flock tells open files apart, not processes
    other.begin(stage)
    store.progress_path(stage.digest).write_text(
        json.dumps({"what": "read", "unit": "row", "done": 3, "total": 8})
    )
    out = t2t("study", "status", copied.out / "small").out
    assert f"running: {stage.id}: read 3 of 8 row" in out
    other.release(stage)
    assert "running:" not in t2t("study", "status", copied.out / "small").out


def test_status_names_failed_stages_their_logs_and_what_they_block(copied: World) -> None:
    stages = load_plan(copied.out / "small").stages
    store = Store(copied.out / "store")
    predicted = next(s for s in stages if s.kind == "predict")
    scored = next(s for s in stages if predicted.id in s.needs.values())
    store.remove(scored)
    store.remove(predicted)
    store.log_path(predicted).write_text("predict\n\nValueError: planted\n")
    out = t2t("study", "status", copied.out / "small").out
    assert f"failed: {predicted.id}: ValueError: planted (log: " in out
    assert f"blocked: {scored.id}: needs {predicted.id}" in out


def test_plan_says_why_a_stage_would_run(copied: World) -> None:
    changed = write_study(copied.study.parent / "changed", training={"learning_rate": 0.004})
    outcome = t2t("study", "plan", changed, "--why", *copied.places)
    line = next(text for text in outcome.out.splitlines() if text.startswith("train/"))
    assert "training.learning_rate is 0.004, was" in line
    assert "one after the other" in outcome.out
    assert "nothing to run" in t2t("study", "plan", copied.study, "--why", *copied.places).out
