"""Cells of the microworld through the command line, each command in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from .conftest import REPOSITORY

SETTINGS = {"steps": 2, "examples_per_step": 4, "learning_rate": 1e-3, "max_input_tokens": 160}


def program(folder: Path, *arguments: str) -> Any:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(
        [sys.executable, "-m", "t2t_xfer", *arguments, "--data", "microworld", "--json"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("architecture", "task", "tested", "language"),
    [("encoder", "panx", "panx", "zh"), ("seq2seq", "squad_v1", "xquad", "ar")],
)
def test_train_and_evaluate(
    architecture: str, task: str, tested: str, language: str, tmp_path: Path
) -> None:
    (tmp_path / "training.yaml").write_text(json.dumps(SETTINGS))
    chosen = ["--model", f"micro:{architecture}", "--task", task, "--limit", "8"]
    trained = program(tmp_path, "train", *chosen, "--training", "training.yaml")
    assert trained["steps"] == 2
    read = ["--model", trained["checkpoint"], "--task", tested, "--language", language]
    found = program(tmp_path, "evaluate", *read, "--max-input-tokens", "160", "--limit", "8")
    (scored,) = found["languages"].values()
    assert 0 <= scored["score"] <= 100
    assert (scored["n"], scored["invalid_rate"]) == (8, 0)


@pytest.mark.slow
def test_pairs_need_no_training(tmp_path: Path) -> None:
    chosen = ["--model", "micro:causal", "--task", "tatoeba", "--limit", "8"]
    found = program(tmp_path, "evaluate", *chosen, "--language", "tr", "--language", "sw")
    assert {code: scored["n"] for code, scored in found["languages"].items()} == {"tr": 8, "sw": 8}
    assert all(0 <= scored["score"] <= 100 for scored in found["languages"].values())
