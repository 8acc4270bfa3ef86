"""The shims of our metrics, loaded by `evaluate` from their path as a user would load them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import REPOSITORY

SHIMS = REPOSITORY / "t2t_xfer" / "metrics" / "shims.py"
CASES = {
    "mlqa": (
        {"predictions": ["Rhein"], "references": [["der Rhein"]], "language": "de"},
        {"exact_match": 100, "f1": 100},
    ),
    # One word of two, against the better of two answers: P 1/2, R 1/1.
    "squad_xtreme": (
        {"predictions": ["Rhine river"], "references": [["Elbe", "the Rhine"]]},
        {"exact_match": 0, "f1": 200 / 3},
    ),
    # Two of three words, and one of two spans on either side.
    "span_f1": (
        {"predictions": [["DET", "NOUN", "NOUN"]], "references": [["DET", "VERB", "NOUN"]]},
        {"f1": 40, "precision": 50, "recall": 100 / 3, "token_accuracy": 200 / 3},
    ),
    "token_accuracy": (
        {"predictions": [["N", "NP"], ["N"]], "references": [["N", "N"], ["N"]]},
        {"token_accuracy": 200 / 3},
    ),
    # Right 1 of 2; no true positive.
    "accuracy_f1": (
        {"predictions": ["1", "0"], "references": ["0", "0"], "positive": "1"},
        {"accuracy_f1": 25, "accuracy": 50, "f1": 0},
    ),
    "bucc_f1": (
        {"predictions": [[["a", "x"], ["b", "y"]]], "references": [[["a", "x"]]]},
        {"f1": 200 / 3, "precision": 50, "recall": 100},
    ),
}
SCRIPT = """
import json, sys, evaluate
from t2t_xfer.metrics.shims import SHIMS
path, cases = json.load(sys.stdin)
assert set(SHIMS) == set(cases)
print(json.dumps({name: evaluate.load(path, name).compute(**cases[name]) for name in cases}))
"""


@pytest.mark.slow
def test_evaluate_computes_our_numbers(tmp_path: Path) -> None:
    # In a process of its own, since `evaluate` chooses its cache when it is imported.
    given = {name: arguments for name, (arguments, _) in CASES.items()}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        input=json.dumps([str(SHIMS), given]),
        capture_output=True,
        text=True,
        check=False,
        env={
            "PATH": "",
            "HOME": str(tmp_path),
            "HF_HOME": str(tmp_path),
            "HF_HUB_OFFLINE": "1",
            "PYTHONPATH": str(REPOSITORY),
        },
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    for name, (_, expected) in CASES.items():
        assert found[name] == pytest.approx(expected), name
