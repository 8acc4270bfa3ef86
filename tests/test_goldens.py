"""What the program says and computes is what `tests/goldens` holds (`golden.py` writes them).

A change that is meant to change it writes the golden again and says why in its commit.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from . import golden
from .studydata import one_thread
from .studyworld import World, rows


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    one_thread()


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in golden.EXACT if name != "plans"])
def test_it_says_what_it_said(name: str, tmp_path: Path) -> None:
    """Of plans: `test_shipped_studies.py`, which has planned them all."""
    found = json.loads(json.dumps(golden.collect(name, tmp_path.resolve())))
    assert golden.differences(golden.stored(name), found, 1e-9) == []


def test_losses_are_what_they_were() -> None:
    kept = golden.stored(golden.TRAINED)["losses"]
    assert golden.differences(kept, golden.losses(), golden.LOSS_TOLERANCE) == []


def test_the_cells_of_a_small_study_are_what_they_were(finished: World) -> None:
    """To the letter on the processor that they were written on; on another one a last digit may
    turn an answer, so there the scores of eight examples are left out."""
    kept, found = golden.stored(golden.TRAINED), rows(finished.cells)
    if kept["processor"] != golden.processor():
        for row in (*kept["cells"], *found):
            del row["score"], row["invalid_rate"]
    assert golden.differences(kept["cells"], found, 0) == []


def test_a_difference_is_told_with_its_place() -> None:
    kept = {"a": [1.0, {"b": "x"}], "c": 1}
    assert golden.differences(kept, {"a": [1.0 + 1e-12, {"b": "y"}]}, 1e-9) == [
        "/a[1]/b: 'x' in the golden, 'y' here",
        "/c: only in the golden",
    ]
