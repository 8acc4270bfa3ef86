"""A study that is killed again and again ends as one that was left alone, byte for byte.

Training, decoding and scoring on the microworld, one process, `kill -9`; the killed one has a
response cache, the other has none. A kill comes when a share of the stages is done, and a moment
after, so that it falls into work on a machine of any speed.
KILLS=20 is the long form.
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

import pytest

from .studydata import new_model, one_thread, t2t, write_study

KILLS = int(os.environ.get("KILLS", "2"))
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
    # The undisturbed run had none.
    cached = {"T2T_CACHE": str(tmp_path / "cache"), "T2T_CACHE_SIZE": "1"}
    environment = {**os.environ, **cached, "OMP_NUM_THREADS": "1"}
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
    with pytest.MonkeyPatch.context() as patch:
        for name, value in cached.items():
            patch.setenv(name, value)
        done = t2t(*arguments, tmp_path / "killed")
    assert done.code == 0, done.err
    cells = [
        (tmp_path / out / "small" / "cells.csv").read_bytes() for out in ("straight", "killed")
    ]
    assert cells[0] == cells[1]
    print(f"kills survived: {KILLS}, in the middle of a stage: {unfinished}")
    assert unfinished
