"""A newcomer adds a metric as docs/add_a_metric.md says, and tests a study with it, to the report.

A metric once trained and tested a whole study and then destroyed its report: redrawing examples
had a formula of its own for each metric, which the page did not name.
"""

from __future__ import annotations

import csv
from pathlib import Path
from unittest import mock

import pytest

from t2t_xfer import metrics

from .conftest import REPOSITORY
from .pages import run_page
from .studydata import new_model, t2t, write_study

PAGE = REPOSITORY / "docs" / "add_a_metric.md"


def test_a_metric_added_as_the_page_says_reaches_the_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    model = new_model("encoder")
    model["new"]["languages"] = ["en", "tr"]
    study = write_study(
        tmp_path / "study",
        models=[model],
        targets=["whole"],
        languages=["en", "tr"],
        intermediates=["none", "udpos"],
    )
    with mock.patch.dict(metrics.METRICS):
        run_page(PAGE, tmp_path)  # its class, its line of registration and its task, no more
        done = t2t("study", "run", study, "--data", "microworld", "--output", "out")
        assert done.code == 0, done.err
        again = t2t("report", "out/small")
        assert again.code == 0, again.err
    with (tmp_path / "out" / "small" / "cells.csv").open(encoding="utf-8", newline="") as file:
        cells = list(csv.DictReader(file))
    assert {(cell["metric"], cell["language"]) for cell in cells} == {
        ("whole_sentences", "en"),
        ("whole_sentences", "tr"),
    }
    report = (tmp_path / "out" / "small" / "report.md").read_text(encoding="utf-8")
    assert "whole_sentences" in report
