"""Weights chosen by dev scores: which ones, when training ends, and that a stopped run agrees."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from t2t_xfer.specs.catalogue import Catalogue
from t2t_xfer.specs.model import ModelSpec
from t2t_xfer.specs.training import SelectSpec, TrainingSpec, merge
from t2t_xfer.stages.context import Context
from t2t_xfer.stages.predict import Evaluated
from t2t_xfer.stages.run import StageRunner
from t2t_xfer.study.plan import Builder
from t2t_xfer.study.plan_file import Plan
from t2t_xfer.study.run import run_plan
from t2t_xfer.study.store import Store
from t2t_xfer.training.checkpoints import DevSelection

from .studydata import make_mirror, new_model, one_thread, t2t, write_study
from .test_resume import KILLED, Stopped


class Trainer:
    """The part of a Trainer that calls its callbacks; its one weight is the number of the step."""

    def __init__(self, folder: Path, scores: list[float], every: int, patience: int | None) -> None:
        self.model = torch.nn.Linear(1, 1, bias=False)
        self.left = iter(scores)
        self.max_steps = len(scores) * every
        self.global_step = 0
        self.should_training_stop = False
        self.selection = DevSelection(self.model, self.score, every, patience, folder)

    def score(self) -> dict[str, float]:
        return {"mnli": next(self.left), "udpos": 0.0}

    def run(self, until: int) -> None:
        """Steps up to `until`, or to where the selection stops."""
        while self.global_step < until and not self.should_training_stop:
            self.global_step += 1
            with torch.no_grad():
                self.model.weight.fill_(self.global_step)
            self.selection.on_step_end(self, self, self)


def kept(trainer: Trainer) -> float:
    trainer.selection.load_best()
    trainer.selection.clear()
    return trainer.model.weight.item()


@pytest.mark.parametrize(
    ("scores", "patience", "last", "best"),
    [
        ([10, 30, 20, 30, 25], None, 10, 4),  # of equal ones the first
        ([10, 30, 20, 30, 40], 2, 8, 4),  # steps 6 and 8 bring no gain
        ([10, 30, 20, 40, 30], 2, 10, 8),  # the gain at step 8 starts the count anew
        ([50, 40, 30, 20, 10], 1, 4, 2),
    ],
)
def test_the_best_weights_are_kept(
    scores: list[float], patience: int | None, last: int, best: int, tmp_path: Path
) -> None:
    trainer = Trainer(tmp_path, scores, 2, patience)
    trainer.run(10)
    assert trainer.global_step == last
    assert [point.step for point in trainer.selection.curve] == [*range(2, last + 1, 2)]
    assert trainer.selection.best.score == max(scores[: last // 2]) / 2  # the mean of two tasks
    assert kept(trainer) == best
    assert not list(tmp_path.iterdir())


def test_the_last_step_is_evaluated_too(tmp_path: Path) -> None:
    trainer = Trainer(tmp_path, [1.0, 2.0, 3.0], 4, None)
    trainer.max_steps = 10
    trainer.run(10)
    assert [point.step for point in trainer.selection.curve] == [4, 8, 10]


@pytest.mark.parametrize("killed_after", [3, 4, 5, 6, 8])
def test_a_checkpoint_finds_the_weights_that_it_names(killed_after: int, tmp_path: Path) -> None:
    """Best weights later than the checkpoint must not push out those that it names."""
    scores = [30.0, 20.0, 40.0, 35.0, 10.0]
    first = Trainer(tmp_path, scores, 1, None)
    first.run(2)
    state = json.loads(json.dumps(first.selection.state()))  # the checkpoint of step 2
    first.selection.on_save(first, first, first)
    first.max_steps = 10**6
    first.left = iter([*scores[2:], 50.0, 60.0, 70.0])
    first.run(killed_after)
    again = Trainer(tmp_path, scores, 1, None)
    again.selection.recall(state)
    assert again.selection.best.step == 1
    assert (tmp_path / "best-1.safetensors").is_file()
    again.global_step, again.left = 2, iter([5.0, 5.0, 5.0])
    again.run(5)
    assert kept(again) == 1
    assert not list(tmp_path.iterdir())


def test_steps_between_evaluations() -> None:
    assert SelectSpec().steps_between(320, 32) == 1000
    assert SelectSpec(every_steps=None).steps_between(330, 32) == 11  # an epoch, rounded up


def test_settings_over_settings() -> None:
    base = TrainingSpec.model_validate({"select": {"patience": 3}})
    found = merge(base, {"select": {"every_steps": 20}}).select
    assert found == SelectSpec(every_steps=20, patience=3)
    assert merge(base, {"select": None}).select is None
    assert "select" not in TrainingSpec().canonical()


TRAINING = {
    "steps": 8,
    "checkpoint_steps": 3,
    "examples_per_step": 8,
    "learning_rate": 3e-3,
    "max_input_tokens": 96,
    "select": {"every_steps": 2, "limit": 6},
}


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Path:
    one_thread()
    return make_mirror(tmp_path_factory.mktemp("selection"))


def arguments(hub: Path, folder: Path, out: str, model: str) -> list[str]:
    """Of a training on two tasks and raw text, with dev scores of both tasks."""
    command = ["train", "--model", f"new:{model}", "--task", "mnli", "--task", "udpos"]
    command += ["--text-language", "de", "--text-rate", "0.2"]
    command += ["--training", str(folder / "training.yaml"), "--data", f"mirror:{hub}"]
    return [*command, "--output", str(folder / out)]


def train(hub: Path, folder: Path, out: str, model: str, settings: dict[str, Any]) -> int:
    """The exit code of a training with these settings."""
    (folder / "training.yaml").write_text(json.dumps(settings))
    return t2t(*arguments(hub, folder, out, model)).code


def stage(folder: Path) -> Path:
    (record,) = folder.glob("store/train/*/record.json")
    return record.parent


def files(folder: Path, adapter: bool) -> list[bytes]:
    name = "adapter_model.safetensors" if adapter else "model.safetensors"
    found = stage(folder)
    return [
        (found / each).read_bytes() for each in (f"checkpoint/{name}", "losses.jsonl", "dev.jsonl")
    ]


def results(folder: Path) -> dict[str, Any]:
    found = json.loads((stage(folder) / "record.json").read_text())["results"]
    return {key: value for key, value in found.items() if key != "device"}


@pytest.mark.parametrize(
    ("model", "adapter", "stop", "error"),
    [
        ("encoder", "none", 5, KeyboardInterrupt),
        ("causal", "lora", 7, RuntimeError),
        ("seq2seq", "none", 4, KeyboardInterrupt),
    ],
)
def test_a_stopped_run_chooses_the_same_weights(
    model: str,
    adapter: str,
    stop: int,
    error: type[BaseException],
    hub: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = {**TRAINING, "adapter": adapter}
    assert train(hub, tmp_path, "straight", model, settings) == 0
    stopped = Stopped(monkeypatch, stop, error)
    assert train(hub, tmp_path, "stopped", model, settings) != 0
    assert train(hub, tmp_path, "stopped", model, settings) == 0
    assert stopped.steps == stop + 8 - 3 * (stop // 3)  # from the last checkpoint
    assert results(tmp_path / "stopped") == results(tmp_path / "straight")
    lora = adapter == "lora"
    assert files(tmp_path / "stopped", lora) == files(tmp_path / "straight", lora)
    curve = [json.loads(line) for line in files(tmp_path / "straight", lora)[2].splitlines()]
    assert [point["step"] for point in curve] == [2, 4, 6, 8]
    assert {*curve[0]["scores"]} == {"mnli", "udpos"}


def test_evaluating_does_not_change_the_training(hub: Path, tmp_path: Path) -> None:
    assert train(hub, tmp_path, "chosen", "causal", TRAINING) == 0
    assert train(hub, tmp_path, "last", "causal", {**TRAINING, "select": None}) == 0
    chosen, last = stage(tmp_path / "chosen"), stage(tmp_path / "last")
    assert chosen.name != last.name
    assert (chosen / "losses.jsonl").read_bytes() == (last / "losses.jsonl").read_bytes()
    assert not (last / "dev.jsonl").exists()


@pytest.mark.parametrize("architecture", ["causal", "seq2seq"])
def test_the_dev_score_is_that_of_a_score_stage(
    architecture: str, hub: Path, tmp_path: Path
) -> None:
    """Same rows, readout and metric, and the weights that are kept are those that had the score."""
    context = Context(Catalogue(), f"mirror:{hub}")
    builder, store = Builder(context), Store(tmp_path)
    training = TrainingSpec.model_validate({**TRAINING, "select": {"every_steps": 2, "limit": 5}})
    start = builder.start(ModelSpec.model_validate(new_model(architecture)))
    tip = builder.train(start, ("udpos",), training, None, seed=0)
    test = Evaluated("udpos", "en", "validation", 5)
    ((score_id, _),) = builder.test_at(tip, test, training.max_input_tokens)
    plan = Plan("dev", tuple(builder.stages.values()), ())
    assert not run_plan(plan, store, StageRunner(context, progress=False), say=len).failed
    trained, score = store.record(tip.trained_id), store.record(score_id)
    assert trained is not None
    assert score is not None
    assert score.results["n"] == 5
    assert trained.results["dev_scores"] == {"udpos": score.results["score"]}
    assert score.results["score"] > 0


def test_no_validation_rows_are_said_before_training(tmp_path: Path) -> None:
    hub = make_mirror(tmp_path)
    (hub / "nyu-mll" / "glue" / "mnli" / "validation_matched.jsonl").unlink()
    study = write_study(tmp_path, training={"select": {}}, intermediates=["mnli"])
    outcome = t2t("study", "plan", study, "--data", f"mirror:{hub}", "--output", tmp_path / "out")
    assert outcome.code == 2
    assert "task mnli has no validation rows in its source language here" in outcome.err
    assert "`select: null`" in outcome.err


@pytest.mark.slow
def test_a_killed_process_chooses_the_same_weights(hub: Path, tmp_path: Path) -> None:
    assert train(hub, tmp_path, "straight", "causal", TRAINING) == 0
    command = [sys.executable, "-c", KILLED, *arguments(hub, tmp_path, "killed", "causal")]
    done = subprocess.run(command, check=False, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert done.returncode == -signal.SIGKILL
    assert list((tmp_path / "killed").glob("store/.work/*/training/best-*.safetensors"))
    assert train(hub, tmp_path, "killed", "causal", TRAINING) == 0
    assert results(tmp_path / "killed") == results(tmp_path / "straight")
    assert files(tmp_path / "killed", False) == files(tmp_path / "straight", False)
