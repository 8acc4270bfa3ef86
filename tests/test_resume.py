"""What was stopped goes on: training from its last checkpoint to the very same weights, a study
with a failing stage from what is missing.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load

from t2t_xfer.records import Json
from t2t_xfer.stages.base import Attempt, Stage
from t2t_xfer.stages.train import TrainStage

from .studydata import (
    Outcome,
    make_mirror,
    new_model,
    one_thread,
    t2t,
    texts,
    write_study,
)

STEPS = 7
TRAINING = {
    "steps": STEPS,
    "checkpoint_steps": 2,
    "examples_per_step": 8,
    "learning_rate": 1e-3,
    "max_input_tokens": 96,
}


class Stopped:
    """Stops training at a step, once, and counts the steps that were done."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, at: int, error: type[BaseException]
    ) -> None:
        from t2t_xfer.training.loop import _StepTrainer

        self.steps = 0
        self.at: int | None = at
        real = _StepTrainer.training_step

        def counted(trainer: Any, *arguments: Any, **named: Any) -> Any:
            if trainer.state.global_step == self.at:
                self.at = None
                raise error
            self.steps += 1
            return real(trainer, *arguments, **named)

        monkeypatch.setattr(_StepTrainer, "training_step", counted)


def run(folder: Path, architecture: str, out: str, **training: Any) -> Outcome:
    """Trains on udpos in one language: two epochs and a bit."""
    one_thread()
    study = write_study(
        folder,
        models=[new_model(architecture)],
        intermediates=["none"],
        targets=["udpos"],
        languages=["en"],
        training=TRAINING | training,
    )
    hub = folder / "hub"
    places = ("--data", f"mirror:{hub if hub.is_dir() else make_mirror(folder)}")
    return t2t("study", "run", study, *places, "--output", folder / out)


def weights(folder: Path) -> bytes:
    (checkpoint,) = folder.glob("store/train/*/checkpoint/model.safetensors")
    return checkpoint.read_bytes()


@pytest.mark.parametrize(
    ("architecture", "error", "training"),
    [
        ("encoder", KeyboardInterrupt, {}),
        ("seq2seq", RuntimeError, {}),
        ("causal", KeyboardInterrupt, {}),
        ("seq2seq", KeyboardInterrupt, {"train_embeddings": False}),
        ("seq2seq", KeyboardInterrupt, {"optimizer": "adafactor", "learning_rate": 1e-2}),
    ],
)
def test_training_resumes_to_the_same_weights(
    architecture: str,
    error: type[BaseException],
    training: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert run(tmp_path, architecture, "straight", **training).code == 0
    stopped = Stopped(monkeypatch, 5, error)
    assert run(tmp_path, architecture, "stopped", **training).code == (
        130 if error is KeyboardInterrupt else 1
    )
    assert stopped.steps == 5
    assert not list((tmp_path / "stopped").glob("store/train/*"))
    assert run(tmp_path, architecture, "stopped", **training).code == 0
    assert stopped.steps == 5 + (STEPS - 4)  # from the checkpoint of step 4
    assert weights(tmp_path / "stopped") == weights(tmp_path / "straight")
    logs = [texts(tmp_path / out / "store", "predictions.jsonl") for out in ("straight", "stopped")]
    assert logs[0] == logs[1]


FILES = ("optimizer.pt", "scheduler.pt", "rng_state.pth", "model.safetensors", "trainer_state.json")


def flipped(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-9])


def emptied(path: Path) -> None:
    path.write_bytes(b"")


DAMAGES = [(name, how) for name in FILES for how in (flipped, truncated, Path.unlink)]
DAMAGES += [("complete.json", how) for how in (flipped, truncated, emptied, Path.unlink)]


@pytest.fixture(scope="module")
def cut_off(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    """Stopped at step 5 with checkpoints of steps 2 and 4; the weights it should come to."""
    folder = tmp_path_factory.mktemp("cut-off")
    assert run(folder, "encoder", "straight").code == 0
    with pytest.MonkeyPatch.context() as patch:
        Stopped(patch, 5, KeyboardInterrupt)
        assert run(folder, "encoder", "stopped").code == 130
    return folder, weights(folder / "straight")


def damaged_copy(folder: Path, damages: dict[str, Iterable[tuple[str, Any]]], to: Path) -> None:
    """A copy of what was cut off, with damages by checkpoint."""
    shutil.copytree(folder, to)
    for checkpoint, named in damages.items():
        (place,) = (to / "stopped").glob(f"store/.work/*/training/{checkpoint}")
        for name, how in named:
            how(place / name)


@pytest.mark.parametrize(("name", "how"), DAMAGES)
def test_a_damaged_checkpoint_is_not_resumed_from(
    cut_off: tuple[Path, bytes],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    name: str,
    how: Any,
) -> None:
    """A flipped or missing optimizer or scheduler gave other weights, exit 0; a truncated one, or a
    marker cut off by a kill, failed in every later run.
    """
    damaged_copy(cut_off[0], {"checkpoint-4": [(name, how)]}, tmp_path / "copy")
    counted = Stopped(monkeypatch, -1, KeyboardInterrupt)
    assert run(tmp_path / "copy", "encoder", "stopped").code == 0
    assert counted.steps == STEPS - 2  # from the checkpoint of step 2
    assert weights(tmp_path / "copy" / "stopped") == cut_off[1]
    if (name, how) != ("complete.json", Path.unlink):  # which says that it was never finished
        assert f"checkpoint-4: {name}" in caplog.text
        assert "training goes on from the checkpoint before it" in caplog.text


def test_without_an_intact_checkpoint_training_begins_anew(
    cut_off: tuple[Path, bytes],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    damages: dict[str, Any] = {"checkpoint-4": [("optimizer.pt", flipped)]}
    damages |= {"checkpoint-2": [("rng_state.pth", truncated)]}
    damaged_copy(cut_off[0], damages, tmp_path / "copy")
    counted = Stopped(monkeypatch, -1, KeyboardInterrupt)
    assert run(tmp_path / "copy", "encoder", "stopped").code == 0
    assert counted.steps == STEPS
    assert weights(tmp_path / "copy" / "stopped") == cut_off[1]
    assert "rng_state.pth has" in caplog.text
    assert "training goes on from the start" in caplog.text


def test_adafactor_takes_steps_of_each_matrix_own_size(tmp_path: Path) -> None:
    """The first step is the rate times the root mean square, whatever the gradient's size."""
    for steps in (1, 2):
        settings = {"optimizer": "adafactor", "learning_rate": 1e-2, "schedule": "constant"}
        settings |= {"warmup": 0, "steps": steps, "weight_decay": 0}
        assert run(tmp_path, "seq2seq", f"after-{steps}", **settings).code == 0
    before, after = (load(weights(tmp_path / f"after-{steps}")) for steps in (1, 2))
    changed = 0
    for name, weight in before.items():
        moved = (after[name] - weight).pow(2).mean().sqrt()
        size = weight.pow(2).mean().sqrt()
        assert moved <= 1.05e-2 * max(float(size), 1e-3), name
        changed += bool(moved > 1e-3 * size)
    assert changed > len(before) / 2


def test_a_resumed_run_records_the_whole_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(tmp_path, "causal", "straight").code == 0
    Stopped(monkeypatch, 5, KeyboardInterrupt)
    run(tmp_path, "causal", "stopped")
    assert run(tmp_path, "causal", "stopped").code == 0
    losses, results = [], []
    for out in ("straight", "stopped"):
        (record,) = (tmp_path / out).glob("store/train/*/record.json")
        found = json.loads(record.read_text())["results"]
        results.append({key: value for key, value in found.items() if key != "device"})
        losses.append(record.with_name("losses.jsonl").read_text())
    assert results[0] == results[1]
    assert losses[0] == losses[1]


KILLED = """
import os, signal, sys
from t2t_xfer.cli import main
from t2t_xfer.training.loop import _StepTrainer
real = _StepTrainer.training_step
def step(trainer, *arguments, **named):
    if trainer.state.global_step == 5:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(trainer, *arguments, **named)
_StepTrainer.training_step = step
main(sys.argv[1:])
"""


@pytest.mark.slow
def test_a_killed_process_resumes_to_the_same_weights(tmp_path: Path) -> None:
    assert run(tmp_path, "seq2seq", "straight").code == 0
    study, hub, out = tmp_path / "small.yaml", tmp_path / "hub", tmp_path / "killed"
    command = [sys.executable, "-c", KILLED, "study", "run", str(study)]
    command += ["--data", f"mirror:{hub}", "--output", str(out)]
    done = subprocess.run(command, check=False, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert done.returncode == -signal.SIGKILL
    assert list(out.glob("store/.work/*/training/checkpoint-4/complete.json"))
    assert not list(out.glob("store/train/*"))
    assert run(tmp_path, "seq2seq", "killed").code == 0
    assert weights(out) == weights(tmp_path / "straight")


def fail_in(monkeypatch: pytest.MonkeyPatch, kind: type[Stage], label: str) -> None:
    """Makes the stages of one kind whose label begins like this fail."""
    real = kind.run

    def broken(stage: Stage, attempt: Attempt) -> dict[str, Json]:
        if stage.label.startswith(label):
            raise RuntimeError("the test broke this stage")
        return real(stage, attempt)

    monkeypatch.setattr(kind, "run", broken)


def test_a_failing_stage_stops_only_what_needs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_thread()
    hub = make_mirror(tmp_path)
    models = [new_model("encoder"), new_model("causal")]
    study = write_study(tmp_path, models=models, languages=["en", "de"], intermediates=["none"])
    run_it = ("study", "run", study, "--data", f"mirror:{hub}", "--output", tmp_path / "out")
    with monkeypatch.context() as patch:
        fail_in(patch, TrainStage, "tiny-causal>udpos")
        outcome = t2t(*run_it)
    assert outcome.code == 1
    assert "RuntimeError: the test broke this stage" in outcome.out
    assert "1 failed, 4 blocked" in outcome.out
    log = outcome.err.split("log: ")[1].splitlines()[0].strip()
    assert "RuntimeError: the test broke this stage" in Path(log).read_text()
    cells, report = (tmp_path / "out" / "small" / name for name in ("cells.csv", "report.md"))
    found = Counter(line.split(",")[1] for line in cells.read_text().splitlines()[1:])
    assert found == {"tiny-encoder": 4, "tiny-causal": 2}
    assert "2 of 8 cells are not finished" in report.read_text()

    again = t2t(*run_it)
    assert again.code == 0
    assert "5 stages run" in again.out
    assert len(cells.read_text().splitlines()) == 1 + 8
    assert "not finished" not in report.read_text()
