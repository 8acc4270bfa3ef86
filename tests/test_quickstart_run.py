"""The README's main command as it stands, and what it must show: the models learn and transfer.

One run, some minutes; the bounds are well below what it reaches (docs/micro_models.md).
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TypeAlias

import pytest

from .test_readme import shell

pytestmark = pytest.mark.slow

Scores: TypeAlias = dict[tuple[str, str, str], float]
"""(architecture, target, language) to the score without an intermediate task."""

BASELINES = {
    "xnli": {"en": 44.2, "de": 29.0, "tr": 38.2, "ar": 38.2, "zh": 38.2, "sw": 39.0},
    "udpos": {"en": 16.6, "de": 15.1, "tr": 19.8, "ar": 18.8, "zh": 13.9},
    "tatoeba": dict.fromkeys(("de", "tr", "ar", "zh", "sw"), 0.5),
}
"""Shared words, the most frequent tag, chance (docs/microworld.md)."""
ARCHITECTURES = ("encoder", "seq2seq", "causal")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the command ran."""
    folder = tmp_path_factory.mktemp("quickstart")
    done = shell("t2t-xfer quickstart", folder)
    assert done.returncode == 0, done.stderr
    assert "synthetic" in done.stdout
    return folder / "eval_outputs" / "quickstart"


@pytest.fixture(scope="module")
def scores(folder: Path) -> Scores:
    """Of the main readout of each cell."""
    found: Scores = {}
    with (folder / "cells.csv").open(encoding="utf-8") as file:
        for cell in csv.DictReader(file):
            key = (cell["architecture"], cell["target"], cell["language"])
            if cell["intermediate"] == "none":
                found.setdefault(key, float(cell["score"]))
    return found


def test_it_ends_in_a_report(folder: Path) -> None:
    page = (folder / "report.md").read_text(encoding="utf-8")
    assert "synthetic" in page
    for architecture in ARCHITECTURES:
        assert f"micro-{architecture}" in page


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_english_is_learnt(scores: Scores, architecture: str) -> None:
    assert scores[architecture, "xnli", "en"] > 70
    assert scores[architecture, "udpos", "en"] > 95


@pytest.mark.parametrize("target", [*BASELINES])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_it_carries_over(scores: Scores, architecture: str, target: str) -> None:
    """Above what needs no model, in at least half of the other languages."""
    others = {code: known for code, known in BASELINES[target].items() if code != "en"}
    above = [code for code in others if scores[architecture, target, code] > others[code] + 2]
    assert len(above) >= len(others) / 2, scores
