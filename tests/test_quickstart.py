"""The quickstart: its studies plan, it says what its data is, two processes change nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from t2t_xfer.cli import cli
from t2t_xfer.data.examples import missing_languages
from t2t_xfer.microworld import LANGUAGES
from t2t_xfer.specs.catalogue import Catalogue, shipped_root
from t2t_xfer.stages.context import Context
from t2t_xfer.study.plan import plan_study
from t2t_xfer.study.plan_file import Plan

from .studydata import ARCHITECTURES, one_thread, t2t

STUDIES = sorted(path.stem for path in (shipped_root() / "studies").glob("*.yaml"))
QUICKSTARTS = ("quickstart", "quickstart_full")


def planned(name: str, data: str) -> Plan:
    catalogue = Catalogue([shipped_root()])
    return plan_study(catalogue.study(name), Context(catalogue, data))


@pytest.mark.parametrize("name", STUDIES)
def test_every_study_plans(name: str, request: pytest.FixtureRequest) -> None:
    if name not in (*QUICKSTARTS, "real_small"):
        pytest.skip("its models are the hub's: tests/test_shipped_studies.py plans it with others")
    own = name in QUICKSTARTS
    data = "microworld" if own else f"mirror:{request.getfixturevalue('shared_hub')}"
    plan = planned(name, data)
    assert plan.cells
    assert not plan.absent


@pytest.mark.parametrize("name", QUICKSTARTS)
def test_a_quickstart_compares_architectures_in_every_language(name: str) -> None:
    cells = planned(name, "microworld").cells
    assert {cell.architecture for cell in cells} == set(ARCHITECTURES)
    context = Context(Catalogue([shipped_root()]), "microworld")
    for target in {cell.target for cell in cells}:
        spec = context.task(target).spec
        known = [code for code in spec.languages if code in LANGUAGES]
        absent = missing_languages(spec, context.source, known, "test")
        assert {c.language for c in cells if c.target == target} == {*known} - {*absent}, target
    # Without these there would be no change to report.
    assert any(cell.intermediate != "none" and not cell.same_data for cell in cells)


SMALL = {
    "models": [{"name": "micro-encoder", "path": "micro:encoder"}],
    "intermediates": ["none", "qqp"],
    "targets": ["xnli", "tatoeba"],
    "languages": {"xnli": ["en", "de", "sw"], "tatoeba": ["de", "sw"]},
    "training": {"steps": 2, "examples_per_step": 4, "max_input_tokens": 128},
    "limit": {"train": 40, "test": 8},
}


@pytest.mark.slow
def test_two_processes_give_the_cells_of_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A study of the user's own, called as the shipped one is, comes first."""
    one_thread()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    Path("studies").mkdir()
    Path("studies/quickstart.yaml").write_text(json.dumps(SMALL))
    outcome = t2t("quickstart", "--output", "two")
    assert outcome.code == 0, outcome.err
    waits = [text for text in caplog.messages if "another process" in text]
    assert not waits, "that is nothing to warn of here"
    lines = outcome.out.splitlines()
    assert "synthetic" in lines[0]
    assert [line for line in lines[-4:] if "synthetic" in line]
    assert lines[-1] == "report: two/quickstart/report.md"
    page = Path("two/quickstart/report.md").read_text(encoding="utf-8")
    assert "synthetic" in page
    assert "typological distance" in page
    assert not [*Path("two/store/.work").glob("second-*")]
    again = t2t("quickstart", "--output", "two")
    assert "0 stages run" in again.out
    alone = t2t("study", "run", "quickstart", "--data", "microworld", "--output", "one")
    assert alone.code == 0, alone.err
    cells = [Path(out, "quickstart", "cells.csv").read_bytes() for out in ("one", "two")]
    assert cells[0] == cells[1]
    assert len(cells[0].splitlines()) == 1 + 2 * (3 + 2 * 2)  # tatoeba by two readouts


def test_the_budget_names_a_study() -> None:
    assert t2t("quickstart", "--budget", "some").code == 2
    (budget,) = (option for option in cli.commands["quickstart"].params if option.name == "budget")
    assert list(budget.type.choices) == ["quick", "full"]  # type: ignore[attr-defined]
