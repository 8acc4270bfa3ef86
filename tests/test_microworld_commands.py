"""Cells of the microworld through the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from .studydata import one_thread, t2t

SETTINGS = {"steps": 2, "examples_per_step": 4, "learning_rate": 1e-3, "max_input_tokens": 160}


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one_thread()
    monkeypatch.chdir(tmp_path)


def program(*arguments: str) -> Any:
    done = t2t(*arguments, "--data", "microworld", "--json")
    assert done.code == 0, done.err
    return json.loads(done.out)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("architecture", "task", "tested", "language"),
    [("encoder", "panx", "panx", "zh"), ("seq2seq", "squad_v1", "xquad", "ar")],
)
def test_train_and_evaluate(architecture: str, task: str, tested: str, language: str) -> None:
    Path("training.yaml").write_text(json.dumps(SETTINGS))
    chosen = ["--model", f"micro:{architecture}", "--task", task, "--limit", "8"]
    trained = program("train", *chosen, "--training", "training.yaml")
    assert trained["steps"] == 2
    read = ["--model", trained["checkpoint"], "--task", tested, "--language", language]
    found = program("evaluate", *read, "--max-input-tokens", "160", "--limit", "8")
    (scored,) = found["languages"].values()
    assert 0 <= scored["score"] <= 100
    assert (scored["n"], scored["invalid_rate"]) == (8, 0)


@pytest.mark.slow
def test_pairs_need_no_training() -> None:
    chosen = ["--model", "micro:causal", "--task", "tatoeba", "--limit", "8"]
    found = program("evaluate", *chosen, "--language", "tr", "--language", "sw")
    assert {code: scored["n"] for code, scored in found["languages"].items()} == {"tr": 8, "sw": 8}
    assert all(0 <= scored["score"] <= 100 for scored in found["languages"].values())
