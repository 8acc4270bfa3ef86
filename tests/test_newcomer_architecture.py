"""A newcomer adds an architecture as docs/add_an_architecture.md says, with a model class of the
page's own, and runs a study with it, to the report."""

from __future__ import annotations

import contextlib
import csv
from pathlib import Path
from unittest import mock

import pytest

from t2t_xfer.architectures import ARCHITECTURES
from t2t_xfer.architectures.checkpoint import SAVED_AS
from t2t_xfer.specs.training import LEARNING_RATES

from .conftest import REPOSITORY
from .pages import run_page
from .studydata import t2t

PAGE = REPOSITORY / "docs" / "add_an_architecture.md"


def test_an_architecture_added_as_the_page_says_reaches_the_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    known = (ARCHITECTURES, SAVED_AS, LEARNING_RATES)
    with contextlib.ExitStack() as stack:
        for table in known:
            stack.enter_context(mock.patch.dict(table))  # type: ignore[arg-type]
        run_page(PAGE, tmp_path)  # its class, its three lines, and a study
        tagged = t2t(
            "evaluate",
            "--task",
            "udpos",
            "--language",
            "en",
            "--model",
            "./bag",
            "--data",
            "microworld",
        )
    assert tagged.code == 2
    assert "the architecture 'pooled' cannot answer tasks of the format 'tags'" in tagged.err
    (folder,) = tmp_path.rglob("cells.csv")
    with folder.open(encoding="utf-8", newline="") as file:
        cells = list(csv.DictReader(file))
    asked = {(c["intermediate"], c["target"], c["language"]) for c in cells}
    assert asked == {(i, "xnli", code) for i in ("none", "paws_x") for code in ("en", "de")}
    assert {(c["architecture"], c["readout"]) for c in cells} == {("pooled", "slots")}
    assert all(0 <= float(c["score"]) <= 100 for c in cells)
    report = folder.with_name("report.md").read_text(encoding="utf-8")
    assert "bag" in report
