"""A newcomer adds an answer format with a question of its own as docs/add_an_answer.md says, and
runs a study with it, to the report."""

from __future__ import annotations

import csv
from pathlib import Path
from unittest import mock

import pytest

from t2t_xfer.answers import ANSWER_FORMATS
from t2t_xfer.architectures.encoder import Encoder
from t2t_xfer.metrics import METRICS
from t2t_xfer.specs.task import KEYS

from .conftest import REPOSITORY
from .pages import run_page
from .studydata import t2t

PAGE = REPOSITORY / "docs" / "add_an_answer.md"


def test_an_answer_format_added_as_the_page_says_reaches_the_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("T2T_DATA", raising=False)
    monkeypatch.setattr(METRICS["accuracy"], "answers", METRICS["accuracy"].answers)
    with (
        mock.patch.dict(ANSWER_FORMATS),
        mock.patch.dict(KEYS),
        mock.patch.dict(Encoder.ways),
    ):
        run_page(PAGE, tmp_path)  # its file, its three lines, a way of the encoder, and a study
        other = t2t("evaluate", "--task", "stars", "--model", "micro:causal")
    assert other.code == 2
    assert "the architecture 'causal' cannot answer tasks of the format 'grade'" in other.err
    (file,) = tmp_path.rglob("graded/cells.csv")
    with file.open(encoding="utf-8", newline="") as opened:
        (cell,) = csv.DictReader(opened)
    assert (cell["target"], cell["language"], cell["readout"]) == ("stars", "de", "slots")
    assert "median" in cell["signature"]
    assert "stars" in file.with_name("report.md").read_text(encoding="utf-8")
