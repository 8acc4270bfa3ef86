"""A study that is killed again and again ends as one that was left alone, byte for byte.

Training, decoding and scoring on the microworld, one process, `kill -9`. A kill comes when a share
of the stages is done, and a moment after, so that it falls into work on a machine of any speed.
KILLS=20 is the long form. The second test stops a smaller study at each of its writes in turn
(`torn.py`): at some of them, evenly spread, or with KILLS=all at every one.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from .conftest import REPOSITORY
from .studydata import new_model, one_thread, t2t, write_study

ALL = os.environ.get("KILLS") == "all"
KILLS = 1 if ALL else int(os.environ.get("KILLS", "1"))
RUNNER = """
import sys, torch, transformers.models.xlm_roberta.modeling_xlm_roberta
import t2t_xfer.training.loop, t2t_xfer.engines.transformers
from t2t_xfer.cli import main
torch.set_num_threads(1)
print("ready", flush=True)
main(sys.argv[1:])
"""


def make_study(folder: Path) -> Path:
    return write_study(
        folder,
        models=[new_model("encoder"), new_model("causal")],
        intermediates=["none", "mnli"],
        targets=["xnli", "udpos"],
        languages={"xnli": ["en", "de", "tr"], "udpos": ["en", "de", "zh"]},
        seeds=[0, 1],
        training={
            "steps": 12,
            "examples_per_step": 8,
            "learning_rate": 1e-3,
            "max_input_tokens": 96,
            "checkpoint_steps": 4,
        },
        limit={"train": 48, "test": 12},
    )


def wait_for(stages: int, output: Path, process: subprocess.Popen[bytes]) -> None:
    """Return when the store holds so many stages."""
    while len(list(output.glob("store/*/*/record.json"))) < stages:
        assert process.poll() is None, "it ended before it was killed"
        time.sleep(0.02)


@pytest.mark.slow
def test_kills_change_nothing(tmp_path: Path) -> None:
    one_thread()
    study = make_study(tmp_path)
    arguments = ["study", "run", str(study), "--data", "microworld", "--output"]
    straight = t2t(*arguments, tmp_path / "straight")
    assert straight.code == 0, straight.err
    planned = t2t("study", "plan", study, "--data", "microworld", "--json")
    stages = sum(json.loads(planned.out)["stages"].values())
    assert stages >= 60
    moments = random.Random(0)
    command = [sys.executable, "-c", RUNNER, *arguments, str(tmp_path / "killed")]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    unfinished = 0
    for kill in range(KILLS):
        process = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        assert process.stdout is not None
        process.stdout.readline()
        wait_for(stages * 4 * (kill + 1) // (5 * (KILLS + 1)), tmp_path / "killed", process)
        time.sleep(moments.uniform(0.0, 0.3))
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        assert process.returncode == -signal.SIGKILL, "it ended before it was killed"
        unfinished += bool(list((tmp_path / "killed").glob("store/.work/*")))
    done = t2t(*arguments, tmp_path / "killed")
    assert done.code == 0, done.err
    cells = [
        (tmp_path / out / "small" / "cells.csv").read_bytes() for out in ("straight", "killed")
    ]
    assert cells[0] == cells[1]
    print(f"kills survived: {KILLS}, in the middle of a stage: {unfinished}")
    assert unfinished


def torn(what: str, folder: Path, number: int) -> dict[str, Any]:
    """What `torn.py` found."""
    command = [sys.executable, "-m", "tests.torn", what, str(folder), str(0 if ALL else number)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    print(found)
    return found


@pytest.mark.slow
def test_a_kill_at_any_write_changes_nothing(tmp_path: Path) -> None:
    """A marker that was cut off while it was written failed in every later run."""
    found = torn("kills", tmp_path, 8)
    assert found["wrong"] == {}
    assert found["moments"] > 150
    assert found["stopped"] >= 8


@pytest.mark.slow
def test_a_disk_that_fills_up_is_a_paragraph_and_costs_nothing(tmp_path: Path) -> None:
    """At about half of the sizes it was a traceback."""
    probe = tmp_path / "probe"
    probe.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(probe)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a file system in memory needs root: sudo make test ARGS='-k fills_up'")
    subprocess.run(["umount", str(probe)], check=True)
    found = torn("sizes", tmp_path, 5)
    assert found["wrong"] == {}
    assert found["full"] >= 2
